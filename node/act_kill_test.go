package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/natsbus"
	"github.com/amibus/amibus/node/engine"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/proto/ami"
)

// killRuns is how often the owner dies at each point.
const killRuns = 100

// TestOwnerKilled: the owner of what an action is about dies, without a farewell, before the action reaches its engine, at any moment while
// it is run, or after it has been and before the answer has left. By the engine's own events the action has run at most once, and once
// if the owner died after that; what the asker is told is true.
func TestOwnerKilled(t *testing.T) {
	t.Parallel()
	asker, err := natsbus.Start(natsbus.Config{Name: "default/asker", RouteListen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer asker.Close()
	router := forward.New(forward.Config{Self: merge.Node{Site: "default", Name: "asker"}, Bus: asker})
	for _, at := range []string{"gone", "before", "during", "after"} {
		told := map[string]int{}
		var mu sync.Mutex
		var runs sync.WaitGroup
		free := make(chan struct{}, 4)
		for i := range killRuns {
			free <- struct{}{}
			runs.Go(func() {
				defer func() { <-free }()
				v := newVictim(t, asker, fmt.Sprintf("%s%d", at, i), at)
				outcome := v.tell(t, router)
				effects := v.end()
				mu.Lock()
				defer mu.Unlock()
				told[fmt.Sprintf("%s, %d effects", outcome, effects)]++
				switch {
				case effects > 1:
					t.Errorf("%s %d: %d effects", at, i, effects)
				case at == "after" && effects != 1, at == "gone" && effects != 0:
					t.Errorf("%s %d: %d effects", at, i, effects)
				case outcome == "not executed" && effects != 0, outcome == "success" && effects != 1, outcome == "":
					t.Errorf("%s %d: told %q, but %d effects", at, i, outcome, effects)
				}
			})
		}
		runs.Wait()
		t.Logf("%s: %v", at, told)
		if at == "gone" && told["not executed, 0 effects"] == 0 || at == "after" && told["unknown, 1 effects"] == 0 {
			t.Errorf("%s: nobody has been told: %v", at, told)
		}
	}
}

// victim is the owner: a bus, a router and an engine, which kills its bus at a certain point.
type victim struct {
	merge.Node
	bus     *natsbus.Bus
	engine  *engine.Engine
	at      string
	effects atomic.Int64
	stop    func()
}

func newVictim(t *testing.T, asker *natsbus.Bus, name, at string) *victim {
	e, err := engine.New(engine.Config{SystemName: name, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{Node: merge.Node{Site: "default", Name: name}, engine: e, at: at}
	e.Events().Handle(func(events []engine.Event) {
		for i := range events {
			if events[i].Name == "UserEvent" {
				v.effects.Add(1)
			}
		}
	})
	if v.bus, err = natsbus.Start(natsbus.Config{Name: v.String(), RouteListen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	if err := v.bus.SetRoutes([]string{asker.RouteAddr()}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(ctx) })
	router := forward.New(forward.Config{Self: v.Node, Bus: v.bus, Source: v})
	running.Go(func() { _ = router.Serve(ctx) })
	v.stop = func() { cancel(); running.Wait() }
	eventually(t, name+" is served", func() bool { return e.Up() && asker.Wanted(bus.SubjectAction(v.Site, v.Name)) })
	return v
}

// kill ends the victim's connections, without a word.
func (v *victim) kill() { go v.bus.Close() }

// Do is the engine's, and death.
func (v *victim) Do(ctx context.Context, action *ami.Message, reply func(*ami.Message) error) error {
	switch v.at {
	case "before":
		v.kill()
		<-ctx.Done()
	case "during":
		time.AfterFunc(rand.N(200*time.Microsecond), v.kill)
	case "after":
		answer := func(m *ami.Message) error { return nil }
		if err := v.engine.Do(ctx, action, answer); err != nil {
			return err
		}
		v.kill()
		<-ctx.Done()
		return ctx.Err()
	}
	return v.engine.Do(ctx, action, reply)
}

// tell sends the action, and returns what the asker is told.
func (v *victim) tell(t *testing.T, router *forward.Router) string {
	if v.at == "gone" {
		_ = v.bus.Close()
	}
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := router.Do(ctx, forward.Caller{User: "u"}, v.Node, ami.New("Action", "UserEvent", "ActionID", "7", "UserEvent", "Done"),
		func(piece []byte) error { out.Write(piece); return nil })
	switch text := out.String(); {
	case errors.Is(err, forward.ErrBroken):
		return "unknown"
	case strings.HasPrefix(text, "Response: Success\r\nActionID: 7\r\n"):
		return "success"
	case strings.HasPrefix(text, "Response: Error\r\nActionID: 7\r\n"):
		_, outcome, _ := strings.Cut(text, "\r\nOutcome: ")
		return strings.TrimSpace(outcome)
	}
	t.Errorf("%s: %v %q", v, err, out.String())
	return ""
}

// end returns how often the action has run, when nothing can run it any more.
func (v *victim) end() int64 {
	_ = v.bus.Close() // it may be dead already
	v.stop()
	return v.effects.Load()
}
