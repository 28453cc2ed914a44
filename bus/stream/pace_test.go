package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/membus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
)

// TestBacklogDoesNotOverrunReaders: what was missed during a long cut comes as fast as readers take it.
func TestBacklogDoesNotOverrunReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := membus.NewNet()
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		topic := stasis.NewTopic[merge.Event]("cluster")
		alpha := New(Config{
			Merge:   merge.Config{Self: merge.Node{Site: "default", Name: "alpha"}, Epoch: uint64(time.Now().UnixMilli()), Hold: 300 * time.Millisecond},
			Bus:     net.Bus("alpha"),
			Journal: journal.NewMemory("default", "alpha", 1<<20, 1<<20),
			Emitted: func(events []merge.Event) { topic.Publish(events...) },
			Changed: func(merge.Change) {},
			Pace:    func(ctx context.Context) { topic.Ease(ctx, 100*time.Millisecond) },
			Log:     slog.New(slog.DiscardHandler),
		})
		wg.Go(func() {
			if err := alpha.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		bravo := start(t, ctx, &wg, net.Bus("bravo"), "bravo", "alpha")
		<-alpha.Settled()
		<-bravo.Settled()

		sub := topic.Subscribe(1000)
		got := 0
		wg.Go(func() { // takes 100,000 events a second
			for {
				events, err := sub.Next(ctx, nil)
				if errors.Is(err, stasis.ErrOverflow) {
					t.Errorf("the reader was cut after %d events", got)
				}
				if err != nil {
					return
				}
				got += len(events)
				time.Sleep(time.Duration(len(events)) * 10 * time.Microsecond)
			}
		})
		const all = 8000 // the journal holds them all
		net.Cut("alpha", "bravo")
		for i := range all {
			bravo.Publish(entry(fmt.Sprintf("bravo %d", i)))
		}
		time.Sleep(time.Second)
		net.Heal("alpha", "bravo")
		time.Sleep(5 * time.Second)
		stop()
		wg.Wait()
		if got != all {
			t.Errorf("%d events of %d", got, all)
		}
		alpha.cfg.Bus.Close()
		bravo.cfg.Bus.Close()
	})
}
