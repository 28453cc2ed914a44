package catchup

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/membus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/proto/amibuspb"
)

var (
	alpha = merge.Node{Site: "default", Name: "alpha"}
	bravo = merge.Node{Site: "default", Name: "bravo"}
)

// known is a state of alpha with so many channels, as of event 500.
func known(channels int) *state.Store {
	s := state.New()
	s.Expect([]merge.Position{{Node: alpha, Epoch: 3, Emitted: 400}})
	p := &state.Part{Node: alpha, At: state.Position{Epoch: 3, Seq: 500, HLC: 9}, Ended: []string{"gone"}, Bridges: []state.Bridge{{ID: "b", Text: "BridgeUniqueid: b\r\n"}}}
	for i := range channels {
		id := fmt.Sprintf("alpha-1700000000.%d", i)
		p.Channels = append(p.Channels, state.Channel{Uniqueid: id, Text: "Channel: PJSIP/" + id + "\r\n" + strings.Repeat("X: "+strings.Repeat("y", 40)+"\r\n", 10),
			App: "Dial", Data: "x", Bridge: "b", Since: 7})
	}
	s.Adopt(p)
	return s
}

func run(t *testing.T, b bus.Bus, self merge.Node, s *state.Store, now []merge.Position) (stop func()) {
	settled := make(chan struct{})
	close(settled)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{Self: self, Bus: b, Store: s, View: func(fn func([]merge.Position)) { fn(now) }, Settled: settled, Log: slog.New(slog.DiscardHandler)})
	}()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// describe is all that is known of alpha.
func describe(s *state.Store) string {
	var text strings.Builder
	s.View(func(v state.View) {
		p, ok := v.Part(alpha)
		p.Sort()
		fmt.Fprint(&text, ok, p.At, p.Ended)
		for _, c := range p.Channels {
			fmt.Fprint(&text, "\n", c.Uniqueid, c.Text, c.App, c.Data, c.Bridge, c.Since)
		}
		for _, b := range p.Bridges {
			fmt.Fprint(&text, "\n", b.ID, b.Text, b.Since)
		}
	})
	return text.String()
}

// TestCatchUp: all that one node knows is known to the other, in chunks that a bus carries.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	net := membus.NewNet()
	old, young := known(3000), state.New()
	a, b := net.Bus("alpha"), net.Bus("bravo")
	defer a.Close()
	defer b.Close()
	stop := run(t, a, alpha, old, []merge.Position{{Node: alpha, Epoch: 3, Emitted: 500}})
	defer stop()
	defer run(t, b, bravo, young, []merge.Position{{Node: alpha, Epoch: 3, Emitted: 450, Awaited: true}, {Node: bravo, Epoch: 1}})()
	for end := time.Now().Add(20 * time.Second); young.Stats().Adopted == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing came")
		}
	}
	if got, want := describe(young), describe(old); got != want {
		t.Errorf("got %.300s\nwant %.300s", got, want)
	}
	req, err := proto.Marshal(&amibuspb.StateAsk{Nodes: []*amibuspb.Position{{Site: "default", Node: "alpha", Epoch: 3, Seq: 400}}})
	if err != nil {
		t.Fatal(err)
	}
	chunks, largest := 0, 0
	if err := b.Request(t.Context(), bus.SubjectState("default", "alpha"), req, func(c []byte) error {
		chunks, largest = chunks+1, max(largest, len(c))
		return nil
	}); err != nil || chunks < 10 || largest > bus.MaxChunk {
		t.Errorf("%d chunks, the largest of %d bytes, %v", chunks, largest, err)
	}
}

// TestGiveUp: what nobody knows, or nobody as far as it must reach, is asked for until patience ends.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := membus.NewNet()
		old, young := known(1), state.New()
		a, b := net.Bus("alpha"), net.Bus("bravo")
		stopA := run(t, a, alpha, old, nil)
		stopB := run(t, b, bravo, young, []merge.Position{{Node: alpha, Epoch: 3, Emitted: 600, Awaited: true}})
		time.Sleep(patience - time.Second)
		if s := young.Stats(); s.Whole || s.Adopted+s.GivenUp > 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Second)
		if s := young.Stats(); !s.Whole || s.GivenUp != 1 {
			t.Errorf("%+v", s)
		}
		stopB()
		stopA()
		a.Close()
		b.Close()
	})
}
