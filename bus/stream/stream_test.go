package stream

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/membus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/wire"
)

// listener is a stream and what it emitted.
type listener struct {
	*Stream
	mu   sync.Mutex
	out  []string
	lost []merge.Event
}

func (l *listener) texts() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.out)
}

func start(t *testing.T, ctx context.Context, wg *sync.WaitGroup, b bus.Bus, name string, peers ...string) *listener {
	t.Helper()
	return startWith(t, ctx, wg, b, name, 300*time.Millisecond, slog.New(slog.DiscardHandler), peers...)
}

func startWith(t *testing.T, ctx context.Context, wg *sync.WaitGroup, b bus.Bus, name string, hold time.Duration, log *slog.Logger,
	peers ...string) *listener {
	t.Helper()
	l := &listener{}
	l.Stream = New(Config{
		Merge:   merge.Config{Self: merge.Node{Site: "default", Name: name}, Epoch: uint64(time.Now().UnixMilli()), Hold: hold},
		Bus:     b,
		Journal: journal.NewMemory("default", name, 1<<20, 1<<20),
		Emitted: func(events []merge.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			for i := range events {
				if e := &events[i]; e.Missing > 0 {
					l.lost = append(l.lost, *e)
				} else {
					l.out = append(l.out, string(e.Entry.AMI()))
				}
			}
		},
		Changed: func(merge.Change) {},
		Log:     log,
	})
	var nodes []merge.Node
	for _, p := range peers {
		nodes = append(nodes, merge.Node{Site: "default", Name: p})
	}
	l.SetPeers(nodes)
	wg.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return l
}

func entry(text string) wire.Entry {
	e, err := wire.ParseEntry(wire.AppendEntry(nil, 2, []byte("Test"), []byte("1.2"), nil, []byte(text)))
	if err != nil {
		panic(err)
	}
	return e
}

func TestStreamsOverABus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := membus.NewNet()
		names := []string{"alpha", "bravo", "charlie"}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		all := map[string]*listener{}
		for i, name := range names {
			all[name] = start(t, ctx, &wg, net.Bus(name), name, names[:i]...)
			<-all[name].Settled()
		}
		say := func(round int) {
			for i := range 100 {
				for _, name := range names {
					all[name].Publish(entry(fmt.Sprintf("%s %d.%d", name, round, i)))
				}
				time.Sleep(time.Millisecond)
			}
		}
		say(1)
		time.Sleep(time.Second)
		want := all["alpha"].texts()
		if len(want) != 300 {
			t.Fatalf("%d of 300 events", len(want))
		}
		for _, name := range names {
			if !slices.Equal(all[name].texts(), want) {
				t.Fatalf("%s differs from alpha", name)
			}
		}
		net.Cut("alpha", "charlie") // they still have bravo in common
		say(2)
		time.Sleep(time.Second)
		net.Heal("alpha", "charlie")
		say(3)
		time.Sleep(5 * time.Second)
		for _, name := range names {
			got := all[name].texts()
			if len(got) != 900 || len(all[name].lost) > 0 {
				t.Fatalf("%s: %d of 900 events, lost %v", name, len(got), all[name].lost)
			}
			for _, from := range names { // the order of each node
				var rounds []string
				for _, text := range got {
					if len(text) > len(from) && text[:len(from)] == from {
						rounds = append(rounds, text)
					}
				}
				n := 0
				for round := range 3 {
					for i := range 100 {
						if rounds[n] != fmt.Sprintf("%s %d.%d", from, round+1, i) {
							t.Fatalf("%s: event %d of %s is %s", name, n, from, rounds[n])
						}
						n++
					}
				}
			}
		}
		stop()
		wg.Wait()
		for _, l := range all {
			l.cfg.Bus.Close()
		}
	})
}
