package forward_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/membus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/proto/ami"
)

// forgetful loses the answers to the first requests, after they were given.
type forgetful struct {
	bus.Bus
	lose atomic.Int64
	deaf atomic.Bool // they do not arrive either

	after time.Duration // if not 0, the asker gives up then
}

func (f *forgetful) Request(ctx context.Context, subject string, req []byte, each func([]byte) error) error {
	if f.lose.Add(-1) < 0 {
		return f.Bus.Request(ctx, subject, req, each)
	}
	if f.after > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.after)
		defer cancel()
	}
	if !f.deaf.Load() {
		_ = f.Bus.Request(ctx, subject, req, func([]byte) error { return nil })
	}
	return bus.ErrLost
}

var charlie = merge.Node{Site: "east", Name: "charlie"}

// pair is an asker, and the owner of a source that counts what it is asked to do.
type pair struct {
	net   *membus.Net
	asker *forward.Router
	bus   *forgetful
	ran   atomic.Int64
	count atomic.Uint64
	end   func()
}

// newPair must run in a bubble of synctest.
func newPair(t *testing.T, source *source, change func(*forward.Config)) *pair {
	t.Helper()
	p := &pair{net: membus.NewNet()}
	if source.run == nil {
		source.run = func(_ context.Context, m *ami.Message, reply func(*ami.Message) error) error {
			return reply(ami.New("Response", "Success", "ActionID", string(m.Get("ActionID")), "Run", fmt.Sprint(p.ran.Load())))
		}
	}
	run := source.run
	source.run = func(ctx context.Context, m *ami.Message, reply func(*ami.Message) error) error {
		p.ran.Add(1)
		return run(ctx, m, reply)
	}
	p.bus = &forgetful{Bus: p.net.Bus("alpha")}
	p.asker = forward.New(forward.Config{Self: node("alpha"), Epoch: 7, Bus: p.bus})
	owned := p.net.Bus("charlie")
	cfg := forward.Config{Self: charlie, Epoch: 8, Bus: owned, Source: source}
	if change != nil {
		change(&cfg)
	}
	owner := forward.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- owner.Serve(ctx) }()
	p.end = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		owned.Close()
		p.bus.Close()
	}
	synctest.Wait()
	return p
}

func (p *pair) do(t *testing.T, pairs ...string) string {
	t.Helper()
	var out bytes.Buffer
	err := p.asker.Do(t.Context(), forward.Caller{User: "u", Session: 1, Counter: p.count.Add(1)}, charlie, ami.New(pairs...), func(b []byte) error {
		out.Write(b)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// TestLostAnswer: an action whose answer was lost is sent again, gets the answer of the first time, and is not run again. If the owner cannot
// know whether it has run it, or that answer is lost, too, the outcome is unknown.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, &source{}, nil)
		defer p.end()
		p.bus.lose.Store(1)
		const unknown = "Response: Error\nActionID: 1\nMessage: Node charlie cannot tell whether it has run this action before\nOutcome: unknown\n\n"
		if got, want := p.do(t, "Action", "Hangup", "ActionID", "1"), "Response: Success\nActionID: 1\nRun: 1\n\n"; got != want || p.ran.Load() != 1 {
			t.Errorf("%q, want %q; it ran %d times", got, want, p.ran.Load())
		}
		if s := p.asker.Stats(); s.Retried != 1 || s.UnderWay != 0 {
			t.Errorf("%+v", s)
		}
		p.bus.lose.Store(2)
		if got := p.do(t, "Action", "Hangup", "ActionID", "1"); got != "Response: Error\nActionID: 1\nMessage: Node charlie broke off before the end of its answer\nOutcome: unknown\n\n" {
			t.Errorf("%q", got)
		}
		ran := p.ran.Load()
		p.bus.deaf.Store(true)
		p.bus.lose.Store(1)
		if got := p.do(t, "Action", "Hangup", "ActionID", "1"); got != unknown || p.ran.Load() != ran {
			t.Errorf("an owner that has only just started: %q", got)
		}
		time.Sleep(time.Hour)
		p.bus.lose.Store(1)
		if got := p.do(t, "Action", "Hangup", "ActionID", "1"); !strings.HasPrefix(got, "Response: Success\n") || p.ran.Load() != ran+1 {
			t.Errorf("the first request did not arrive, and the owner knows: %q, it ran %d times", got, p.ran.Load()-ran)
		}
	})
}

// TestLostOnTheWay: the asker loses the owner while the action runs. It runs on, and the second request gets its answer.
func TestLostOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.run = func(ctx context.Context, m *ami.Message, reply func(*ami.Message) error) error {
			select {
			case <-time.After(5 * time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
			return reply(ami.New("Response", "Success", "ActionID", string(m.Get("ActionID"))))
		}
		p := newPair(t, s, nil)
		defer p.end()
		p.bus.lose.Store(1)
		p.bus.after = time.Second
		if got := p.do(t, "Action", "Originate", "ActionID", "1"); got != "Response: Success\nActionID: 1\n\n" || p.ran.Load() != 1 {
			t.Errorf("%q, it ran %d times", got, p.ran.Load())
		}
	})
}

// TestShared: those who ask for the same while it is under way wait for one more request that is sent then, and each gets it with his own
// ActionID; who wants it fresh gets his own.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		s := &source{}
		s.run = func(_ context.Context, m *ami.Message, reply func(*ami.Message) error) error {
			if m.Has("Fresh") {
				t.Errorf("the source sees %q", m.Bytes())
			}
			<-gate
			id := string(m.Get("ActionID"))
			for _, m := range []*ami.Message{ami.New("Response", "Success", "ActionID", id, "EventList", "start"), ami.New("Event", "Item", "ActionID", id),
				ami.New("Event", "Done", "ActionID", id, "EventList", "Complete")} {
				if err := reply(m); err != nil {
					return err
				}
			}
			return nil
		}
		p := newPair(t, s, func(c *forward.Config) { c.Shared = func(m *ami.Message) bool { return m.IsAction("List") } })
		defer p.end()
		var wg sync.WaitGroup
		ask := func(id string, more ...string) {
			wg.Go(func() {
				pairs := append([]string{"Action", "List"}, more...)
				if id != "" {
					pairs = append(pairs, "ActionID", id)
				}
				got := p.do(t, pairs...)
				line := ""
				if id != "" {
					line = "ActionID: " + id + "\n"
				}
				if want := "Response: Success\n" + line + "EventList: start\n\nEvent: Item\n" + line + "\nEvent: Done\n" + line + "EventList: Complete\n\n"; got != want && id != "" {
					t.Errorf("%s: %q, want %q", id, got, want)
				}
			})
			synctest.Wait()
		}
		ask("first")
		for i := range 20 {
			ask(fmt.Sprint("then-", i))
		}
		ask("fresh", "Fresh", "yes")
		ask("other", "Of", "another")
		if n := p.ran.Load(); n != 3 { // the first, the fresh one, and the other one: 20 wait
			t.Errorf("%d requests under way", n)
		}
		close(gate)
		wg.Wait()
		if n := p.ran.Load(); n != 4 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestLittleTime: an asker with less time than an action may take gives the owner half of it, not none.
func TestLittleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.run = func(ctx context.Context, _ *ami.Message, reply func(*ami.Message) error) error {
			select {
			case <-time.After(500 * time.Millisecond):
				return reply(ami.New("Response", "Success"))
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		p := newPair(t, s, nil)
		defer p.end()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var out bytes.Buffer
		err := p.asker.Do(ctx, forward.Caller{}, charlie, ami.New("Action", "Status"), func(b []byte) error { out.Write(b); return nil })
		if err != nil || out.String() != "Response: Success\r\n\r\n" {
			t.Errorf("%v %q", err, out.String())
		}
	})
}

// TestGone: the actions under way to a node end when it is gone, and only so many may be.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.run = func(ctx context.Context, _ *ami.Message, _ func(*ami.Message) error) error {
			<-ctx.Done()
			return ctx.Err()
		}
		p := newPair(t, s, nil)
		defer p.end()
		var wg sync.WaitGroup
		var mu sync.Mutex
		told := map[string]int{}
		for range 300 {
			wg.Go(func() {
				got := p.do(t, "Action", "Hangup")
				mu.Lock()
				defer mu.Unlock()
				told[got]++
			})
		}
		synctest.Wait()
		if s := p.asker.Stats(); s.UnderWay != 256 || s.Refused != 44 {
			t.Errorf("%+v", s)
		}
		start := time.Now()
		p.asker.Gone(charlie)
		wg.Wait()
		if d := time.Since(start); d > 0 {
			t.Errorf("they ended %v later", d)
		}
		if told["Response: Error\nMessage: Node charlie is gone\nOutcome: unknown\n\n"] != 256 ||
			told["Response: Error\nMessage: Node charlie has too many actions of this node under way\nOutcome: not executed\n\n"] != 44 {
			t.Errorf("told %v", told)
		}
	})
}
