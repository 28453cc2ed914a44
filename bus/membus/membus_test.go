package membus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/bustest"
	"github.com/amibus/amibus/bus/membus"
)

func TestBus(t *testing.T) {
	bustest.TestBus(t, func(_ *testing.T, n int) []bus.Bus {
		net, all := membus.NewNet(), make([]bus.Bus, n)
		for i := range all {
			all[i] = net.Bus(fmt.Sprint(i))
		}
		return all
	})
}

// pairIn returns two buses and what the second hears, in a bubble.
func pairIn(t *testing.T) (net *membus.Net, a, b *membus.Bus, got func() string) {
	net = membus.NewNet()
	a, b = net.Bus("a"), net.Bus("b")
	var mu sync.Mutex
	heard := []string{}
	if _, err := b.Subscribe("s", func(m bus.Msg) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, string(m.Data))
	}); err != nil {
		t.Fatal(err)
	}
	got = func() string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return fmt.Sprint(heard)
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return net, a, b, got
}

func publish(t *testing.T, b *membus.Bus, data string) {
	t.Helper()
	if err := b.Publish("s", []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net, a, b, got := pairIn(t)
		publish(t, a, "1")
		net.Cut("b", "a")
		publish(t, a, "2")
		if err := a.Request(t.Context(), "r", nil, nil); !errors.Is(err, bus.ErrNoResponder) {
			t.Errorf("request over a cut: %v", err)
		}
		net.Heal("a", "b")
		publish(t, a, "3")
		if s := got(); s != "[1 3]" {
			t.Errorf("got %s", s)
		}

		told := false
		if _, err := b.Serve("r", func(ctx context.Context, _ []byte, _ func([]byte) error) error {
			<-ctx.Done()
			told = true
			return ctx.Err()
		}); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- a.Request(t.Context(), "r", nil, nil) }()
		synctest.Wait()
		net.Cut("a", "b")
		if err := <-ended; !errors.Is(err, bus.ErrLost) {
			t.Errorf("cut while it is answered: got %v, want ErrLost", err)
		}
		synctest.Wait()
		if !told {
			t.Error("the handler was not told")
		}
	})
}

func TestDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net, a, b, got := pairIn(t)
		net.Delay("a", "b", time.Second)
		publish(t, a, "1")
		time.Sleep(time.Second - 1)
		if s := got(); s != "[]" {
			t.Errorf("too early: %s", s)
		}
		publish(t, a, "2")
		time.Sleep(time.Nanosecond)
		if s := got(); s != "[1]" {
			t.Errorf("got %s", s)
		}
		if _, err := b.Serve("r", func(_ context.Context, _ []byte, send func([]byte) error) error { return send(nil) }); err != nil {
			t.Fatal(err)
		}
		net.Delay("b", "a", 2*time.Second)
		began := time.Now()
		if err := a.Request(t.Context(), "r", nil, func([]byte) error { return nil }); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("the answer took %v", d)
		}
	})
}

func TestLose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net, a, _, got := pairIn(t)
		count := 0
		net.Lose(func(from, to, subject string) bool {
			count++
			return from == "a" && to == "b" && subject == "s" && count == 2
		})
		for _, s := range []string{"1", "2", "3"} {
			publish(t, a, s)
		}
		if s := got(); s != "[1 3]" {
			t.Errorf("got %s", s)
		}
	})
}
