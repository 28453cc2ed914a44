package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/bus"
)

// testStream: a long answer arrives whole and in order, and the handler does not run ahead of a slow asker.
func testStream(t *testing.T, start Start) {
	const chunks, ahead = 200, 40
	all := buses(t, start, 2)
	var sent atomic.Int64
	serve(t, all[1], "stream", func(_ context.Context, req []byte, send func([]byte) error) error {
		buf := make([]byte, bus.MaxChunk)
		for i := range chunks {
			copy(buf, fmt.Sprintf("%s %d;", req, i))
			if err := send(buf); err != nil {
				return err
			}
			sent.Add(1)
		}
		return nil
	})
	awaitWanted(t, "stream", all[0])
	got := int64(0)
	err := all[0].Request(t.Context(), "stream", []byte("q"), func(chunk []byte) error {
		if got == 0 {
			for wait := time.Now().Add(100 * time.Millisecond); time.Now().Before(wait) && sent.Load() <= ahead; {
				pause(time.Millisecond)
			}
		}
		if n := sent.Load() - got; n > ahead {
			return fmt.Errorf("the handler is %d chunks ahead", n)
		}
		if want := fmt.Sprintf("q %d;", got); !strings.HasPrefix(string(chunk), want) || len(chunk) != bus.MaxChunk {
			return fmt.Errorf("chunk %d starts with %q and has %d bytes", got, chunk[:10], len(chunk))
		}
		got++
		return nil
	})
	if err != nil || got != chunks {
		t.Fatalf("got %d chunks and %v, want %d", got, err, chunks)
	}
}

func testSizes(t *testing.T, start Start) {
	all := buses(t, start, 2)
	serve(t, all[1], "sizes", func(_ context.Context, req []byte, send func([]byte) error) error {
		if len(req) == 0 {
			return nil
		}
		for _, chunk := range []string{"", string(req), ""} {
			if err := send([]byte(chunk)); err != nil {
				return err
			}
		}
		return nil
	})
	awaitWanted(t, "sizes", all[0])
	if got, err := ask(all[0], "sizes", ""); err != nil || len(got) != 0 {
		t.Errorf("got %d chunks and %v, want none", len(got), err)
	}
	for _, size := range []int{1, bus.MaxChunk, 1 << 20} {
		req := strings.Repeat("x", size)
		if got, err := ask(all[0], "sizes", req); err != nil || !slices.Equal(got, []string{"", req, ""}) {
			t.Errorf("size %d: got %d chunks and %v", size, len(got), err)
		}
	}
}

func testConcurrent(t *testing.T, start Start) {
	all := buses(t, start, 3)
	for i, b := range all {
		serve(t, b, fmt.Sprintf("concurrent.%d", i), func(_ context.Context, req []byte, send func([]byte) error) error {
			for range 20 {
				if err := send(fmt.Appendf(nil, "%d/%s", i, req)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range all {
		awaitWanted(t, fmt.Sprintf("concurrent.%d", i), all...)
	}
	var asking sync.WaitGroup
	for i := range 100 {
		from, to := i%3, (i+1+i%2)%3
		asking.Go(func() {
			req := fmt.Sprint(i)
			want := slices.Repeat([]string{fmt.Sprintf("%d/%s", to, req)}, 20)
			if got, err := ask(all[from], fmt.Sprintf("concurrent.%d", to), req); err != nil || !slices.Equal(got, want) {
				t.Errorf("request %d: got %v and %v", i, got, err)
			}
		})
	}
	asking.Wait()
}

// testOutcome: how a request can end.
func testOutcome(t *testing.T, start Start) {
	all := buses(t, start, 2)
	if _, err := ask(all[0], "outcome", ""); !errors.Is(err, bus.ErrNoResponder) {
		t.Errorf("nobody serves: got %v, want ErrNoResponder", err)
	}
	serve(t, all[1], "outcome", func(_ context.Context, req []byte, send func([]byte) error) error {
		switch string(req) {
		case "fail":
			if err := send([]byte("a")); err != nil {
				return err
			}
			return errors.New("first line\nsecond: line\r\n")
		case "fail silently":
			return errors.New("")
		case "panic":
			panic("the handler is broken")
		}
		return send(req)
	})
	awaitWanted(t, "outcome", all[0])
	got, err := ask(all[0], "outcome", "fail")
	if remote := bus.RemoteError(""); !errors.As(err, &remote) || remote != "first line\nsecond: line\r\n" || !slices.Equal(got, []string{"a"}) {
		t.Errorf("failure: got %q and %q", got, err)
	}
	if _, err := ask(all[0], "outcome", "fail silently"); err != bus.RemoteError("") {
		t.Errorf("failure without a text: got %v", err)
	}
	_, err = ask(all[0], "outcome", "panic")
	if remote := bus.RemoteError(""); !errors.As(err, &remote) || !strings.Contains(string(remote), "panic") {
		t.Errorf("panic: got %v, want a RemoteError", err)
	}
	if got, err := ask(all[0], "outcome", "ok"); err != nil || !slices.Equal(got, []string{"ok"}) {
		t.Errorf("after a panic: got %q and %v", got, err)
	}
	if _, err := ask(all[1], "outcome", "x"); !errors.Is(err, bus.ErrNoResponder) {
		t.Errorf("own service: got %v, want ErrNoResponder", err)
	}
}

// endless serves chunks, or nothing, until its context ends, and says so.
func endless(ended chan<- error, chunks bool) bus.Handler {
	return func(ctx context.Context, _ []byte, send func([]byte) error) error {
		for chunks && send([]byte("x")) == nil {
		}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
}

// testEach: an error of the asker's own function ends the request, and the handler is told.
func testEach(t *testing.T, start Start) {
	all := buses(t, start, 2)
	ended := make(chan error, 1)
	serve(t, all[1], "each", endless(ended, true))
	awaitWanted(t, "each", all[0])
	enough := errors.New("enough")
	count := 0
	err := all[0].Request(t.Context(), "each", nil, func([]byte) error {
		if count++; count == 30 {
			return enough
		}
		return nil
	})
	if err != enough {
		t.Errorf("got %v, want the error of each", err)
	}
	receive(t, "the handler is told", ended)
}

func testCancel(t *testing.T, start Start) { cancelRequest(t, start, false) }

func testCancelStream(t *testing.T, start Start) { cancelRequest(t, start, true) }

func cancelRequest(t *testing.T, start Start, chunks bool) {
	all := buses(t, start, 2)
	ended, began := make(chan error, 1), make(chan struct{})
	h, subject := endless(ended, chunks), fmt.Sprint("cancel.", chunks) // both tests may run on one server
	serve(t, all[1], subject, func(ctx context.Context, req []byte, send func([]byte) error) error {
		close(began)
		return h(ctx, req, send)
	})
	awaitWanted(t, subject, all[0])
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	if err := all[0].Request(ctx, subject, nil, func([]byte) error { return nil }); err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
	receive(t, "the handler is told", ended)
	if err := all[0].Request(ctx, subject, nil, nil); err != context.Canceled {
		t.Errorf("context ended before: got %v", err)
	}
}

func testDeadline(t *testing.T, start Start) {
	all := buses(t, start, 2)
	left, ended := make(chan time.Duration, 1), make(chan error, 1)
	serve(t, all[1], "deadline", func(ctx context.Context, req []byte, _ func([]byte) error) error {
		deadline, ok := ctx.Deadline()
		if !ok {
			left <- 0
			return nil
		}
		left <- time.Until(deadline)
		if string(req) == "wait" {
			<-ctx.Done()
			ended <- ctx.Err()
		}
		return ctx.Err()
	})
	awaitWanted(t, "deadline", all[0])
	if err := all[0].Request(t.Context(), "deadline", nil, nil); err != nil {
		t.Error(err)
	}
	if d := receive(t, "call", left); d != 0 {
		t.Errorf("the handler has %v, want no deadline", d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := all[0].Request(ctx, "deadline", nil, nil); err != nil {
		t.Error(err)
	}
	if d := receive(t, "call", left); d > time.Minute || d < 30*time.Second {
		t.Errorf("the handler has %v, want a minute", d)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := all[0].Request(ctx, "deadline", []byte("wait"), nil); err != context.DeadlineExceeded {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	receive(t, "call", left)
	receive(t, "end of the handler's context", ended)
}

func testBusy(t *testing.T, start Start) {
	all := buses(t, start, 2)
	began, ended := make(chan struct{}, bus.MaxHandlers), make(chan error, bus.MaxHandlers)
	release := make(chan struct{})
	serve(t, all[1], "busy", func(_ context.Context, _ []byte, send func([]byte) error) error {
		began <- struct{}{}
		<-release
		return nil
	})
	awaitWanted(t, "busy", all[0])
	for range bus.MaxHandlers {
		go func() { ended <- all[0].Request(t.Context(), "busy", nil, nil) }()
	}
	for range bus.MaxHandlers {
		receive(t, "handler starts", began)
	}
	if _, err := ask(all[0], "busy", ""); err != bus.Busy {
		t.Errorf("one too many: got %v, want Busy", err)
	}
	close(release)
	for range bus.MaxHandlers {
		if err := receive(t, "request ends", ended); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask(all[0], "busy", ""); err != nil {
		t.Errorf("when it is over: got %v", err)
	}
}

func testStopService(t *testing.T, start Start) {
	all := buses(t, start, 2)
	began, over := make(chan struct{}), atomic.Bool{}
	stop := serve(t, all[1], "stopservice", func(ctx context.Context, _ []byte, _ func([]byte) error) error {
		close(began)
		<-ctx.Done()
		over.Store(true)
		return ctx.Err()
	})
	awaitWanted(t, "stopservice", all[0])
	ended := make(chan error, 1)
	go func() { ended <- all[0].Request(t.Context(), "stopservice", nil, nil) }()
	receive(t, "handler starts", began)
	stop()
	if !over.Load() {
		t.Error("stop did not wait for the handler")
	}
	if err := receive(t, "end of the request", ended); !errors.Is(err, bus.ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
	stop()
	await(t, "nobody serves", func() bool {
		_, err := ask(all[0], "stopservice", "")
		if err == nil {
			t.Fatal("answered by a service that was stopped")
		}
		return errors.Is(err, bus.ErrNoResponder) // ErrLost of a request that has crossed the stop
	})
}
