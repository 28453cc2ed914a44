package bustest

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus"
)

// patience bounds every wait; only a failing test uses it up.
const patience = 20 * time.Second

// Start returns n buses that reach one another.
type Start func(t *testing.T, n int) []bus.Bus

// TestBus runs the suite. It must not run in parallel with other tests, for it counts goroutines at first; its own tests do.
func TestBus(t *testing.T, start Start) {
	t.Run("Leaks", func(t *testing.T) { testLeaks(t, start) })
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, start Start)
	}{
		{"Order", testOrder},
		{"NoEcho", testNoEcho},
		{"Wildcards", testWildcards},
		{"OwnBytes", testOwnBytes},
		{"StopSubscription", testStopSubscription},
		{"LongSubject", testLongSubject},
		{"Wanted", testWanted},
		{"Stream", testStream},
		{"Sizes", testSizes},
		{"Concurrent", testConcurrent},
		{"Outcome", testOutcome},
		{"Each", testEach},
		{"Cancel", testCancel},
		{"CancelStream", testCancelStream},
		{"Deadline", testDeadline},
		{"Busy", testBusy},
		{"StopService", testStopService},
		{"Close", testClose},
		{"CloseAnswering", testCloseAnswering},
		{"LastWords", testLastWords},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, start)
		})
	}
}

// buses starts n buses and closes them at the end of the test.
func buses(t *testing.T, start Start, n int) []bus.Bus {
	t.Helper()
	all := start(t, n)
	t.Cleanup(func() {
		for _, b := range all {
			if err := b.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
	})
	return all
}

// await waits until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
		pause(time.Millisecond)
	}
}

// awaitWanted waits until every one of the buses knows that somebody listens.
func awaitWanted(t *testing.T, subject string, all ...bus.Bus) {
	t.Helper()
	for _, b := range all {
		await(t, subject+" is wanted", func() bool { return b.Wanted(subject) })
	}
}

func pause(d time.Duration) { <-time.After(d) }

// receive waits for one value.
func receive[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v in vain: %s", patience, what)
		panic("unreachable")
	}
}

func publish(t *testing.T, b bus.Bus, subject string, data string) {
	t.Helper()
	if err := b.Publish(subject, []byte(data)); err != nil {
		t.Fatalf("Publish(%s): %v", subject, err)
	}
}

func subscribe(t *testing.T, b bus.Bus, pattern string, fn func(bus.Msg)) (stop func()) {
	t.Helper()
	stop, err := b.Subscribe(pattern, fn)
	if err != nil {
		t.Fatalf("Subscribe(%s): %v", pattern, err)
	}
	return stop
}

// collect subscribes and returns what arrives, up to the capacity of the channel.
func collect(t *testing.T, b bus.Bus, pattern string) <-chan bus.Msg {
	t.Helper()
	got := make(chan bus.Msg, 1<<16)
	subscribe(t, b, pattern, func(m bus.Msg) { got <- m })
	return got
}

func serve(t *testing.T, b bus.Bus, subject string, h bus.Handler) (stop func()) {
	t.Helper()
	stop, err := b.Serve(subject, h)
	if err != nil {
		t.Fatalf("Serve(%s): %v", subject, err)
	}
	return stop
}

// ask makes a request and returns the chunks, and how it ended.
func ask(b bus.Bus, subject, req string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var chunks []string
	err := b.Request(ctx, subject, []byte(req), func(chunk []byte) error {
		chunks = append(chunks, string(chunk))
		return nil
	})
	return chunks, err
}

// testLeaks looks for goroutines that are left when all buses are closed.
func testLeaks(t *testing.T, start Start) {
	before := goroutines()
	all := start(t, 3)
	got := collect(t, all[1], "leak.>")
	serve(t, all[1], "leaky", func(ctx context.Context, _ []byte, send func([]byte) error) error {
		if err := send([]byte("x")); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	awaitWanted(t, "leak.a", all[0])
	awaitWanted(t, "leaky", all[0])
	publish(t, all[0], "leak.a", "x")
	receive(t, "message", got)
	first, ended := make(chan struct{}), make(chan error)
	go func() {
		ended <- all[0].Request(t.Context(), "leaky", nil, func([]byte) error {
			close(first)
			return nil
		})
	}()
	receive(t, "first chunk", first)
	for _, b := range all {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	}
	if err := receive(t, "end of the request", ended); err == nil {
		t.Error("a request that was broken off returned nil")
	}
	var left []string
	for deadline := time.Now().Add(patience); ; pause(5 * time.Millisecond) {
		left = nil
		for id, stack := range goroutines() {
			if _, old := before[id]; !old {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
		}
	}
}

// goroutines returns the stacks of all goroutines, by their first word but one: the number.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	stacks := make(map[string]string)
	for _, stack := range strings.Split(string(buf), "\n\n") {
		if fields := strings.Fields(stack); len(fields) > 1 {
			stacks[fields[1]] = stack
		}
	}
	return stacks
}
