package state

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

// recorded are the events of a busy Asterisk.
func recorded(t testing.TB) []merge.Event {
	c, err := capture.OpenDir(captures+"/busy-1", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	var events []merge.Event
	for i, m := range c.Events() {
		events = append(events, event(t, uint64(i+1), m))
	}
	return events
}

// look is what is known of alpha, in a form that can be compared.
func (s *Store) look() (text string, whole bool) {
	s.View(func(v View) {
		at, _ := v.Position(*alpha)
		text = fmt.Sprintf("%+v", at)
		for _, c := range v.Channels(*alpha) {
			c.order = 0
			text += fmt.Sprintf("\n%+v", c)
		}
		for _, b := range v.Bridges(*alpha) {
			b.order = 0
			text += fmt.Sprintf("\n%+v", b)
		}
		whole = v.Whole()
	})
	return text, whole
}

func (s *Store) part(t *testing.T) (p Part) {
	t.Helper()
	s.View(func(v View) {
		ok := false
		if p, ok = v.Part(*alpha); !ok {
			t.Fatal("the other node does not know it either")
		}
	})
	p.Sort()
	return p
}

// TestAdopt: a store that listens from somewhere in the middle, and gets the past from one that is behind, level or ahead, has the same
// state as one that was there from the beginning, from the moment on at which it says so.
func TestAdopt(t *testing.T) {
	t.Parallel()
	events := recorded(t)[:4000]
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 4))
		first := New() // from the beginning
		start := 1 + r.IntN(len(events)-1000)
		first.Apply(events[:start], func() {})
		joiner := New()
		seen := start + r.IntN(500) // when the past comes
		idle := r.IntN(3) == 0      // nothing is seen before that
		if idle {
			seen = start
			joiner.Expect([]merge.Position{{Node: *alpha, Epoch: 1, Emitted: uint64(start)}})
		} else {
			joiner.Apply(events[start:seen], func() {})
			joiner.Expect([]merge.Position{{Node: *alpha, Epoch: 1, Emitted: uint64(seen)}})
		}
		peer := New()
		at := start - r.IntN(20) + r.IntN(seen-start+40)
		peer.Apply(events[:at], func() {})
		before, whole := joiner.look()
		if whole && seen > start || whole && idle {
			t.Fatalf("seed %d: whole without the past", seed)
		}
		past := peer.part(t)
		ok := joiner.Adopt(&past)
		if at < start && !(seen == start && !idle) {
			if after, _ := joiner.look(); ok || after != before {
				t.Fatalf("seed %d: from %d, given %d: adopted over a hole", seed, start, at)
			}
			first.Apply(events[start:seen], func() {})
			past = first.part(t)
			ok = joiner.Adopt(&past)
		} else {
			first.Apply(events[start:seen], func() {})
		}
		if seen > start && !ok || idle && !ok {
			t.Fatalf("seed %d: from %d, seen %d, given %d: refused", seed, start, seen, at)
		}
		for i := seen; i < seen+50; i++ {
			want, _ := first.look()
			got, whole := joiner.look()
			if level := i >= at; ok && whole != level {
				t.Fatalf("seed %d: from %d, seen %d, given %d, now %d: whole is %v", seed, start, seen, at, i, whole)
			}
			if whole && got != want {
				t.Fatalf("seed %d: from %d, seen %d, given %d, now %d: got %s\nwant %s", seed, start, seen, at, i, got, want)
			}
			first.Apply(events[i:i+1], func() {})
			joiner.Apply(events[i:i+1], func() {})
		}
	}
}

// TestAdoptEpoch: the past of an older incarnation goes on in the newer one, and what was declared lost is no hole.
func TestAdoptEpoch(t *testing.T) {
	t.Parallel()
	peer, joiner := New(), New()
	channel := func(epoch, seq uint64, id string) merge.Event {
		e := event(t, seq, text(t, "Event: Newchannel", "Privilege: call,all", "SystemName: a", "Channel: "+id, "ChannelState: 0", "ChannelStateDesc: Down",
			"CallerIDNum: 1", "CallerIDName: 1", "ConnectedLineNum: 1", "ConnectedLineName: 1", "Language: en", "AccountCode: ", "Context: x", "Exten: 1",
			"Priority: 1", "Uniqueid: "+id, "Linkedid: "+id))
		e.Epoch = epoch
		return e
	}
	lost := merge.Event{Node: alpha, Epoch: 1, Seq: 4, Missing: 2}
	for _, e := range []merge.Event{channel(1, 1, "a"), channel(1, 2, "b"), lost} {
		peer.one(e)
	}
	joiner.Expect([]merge.Position{{Node: *alpha, Epoch: 1, Emitted: 3}}) // in the middle of what is lost
	rest := lost
	rest.Missing = 1
	for _, e := range []merge.Event{rest, channel(2, 1, "c")} {
		joiner.one(e)
	}
	past := peer.part(t)
	if !joiner.Adopt(&past) {
		t.Fatal("refused")
	}
	peer.one(channel(2, 1, "c"))
	want, _ := peer.look()
	if got, whole := joiner.look(); !whole || got != want {
		t.Errorf("%v, got %s\nwant %s", whole, got, want)
	}
	joiner.one(channel(1, 2, "late")) // from before
	if got, _ := joiner.look(); got != want {
		t.Errorf("an event was applied twice: %s", got)
	}
}

// TestKept: too much is said before the past comes: it is needed up to a later position then. Without it the state goes on with what was seen.
func TestKept(t *testing.T) {
	t.Parallel()
	s := New()
	s.Expect(nil)
	one := event(t, 1, ami.New("Event", "Hold", "Privilege", "call,all"))
	for seq := uint64(5); seq < 5+maxKept+10; seq++ {
		e := one
		e.Seq = seq
		s.one(e)
	}
	nodes, upTo := s.Lacking()
	if st := s.Stats(); len(nodes) != 1 || upTo[0].Seq != 4+maxKept || st.Overflows != 1 || st.Whole {
		t.Errorf("%v %v %+v", nodes, upTo, st)
	}
	if s.Adopt(&Part{Node: *alpha, At: Position{Epoch: 1, Seq: 4 + maxKept - 1}}) {
		t.Error("a hole was not noticed")
	}
	s.View(func(v View) {
		if _, ok := v.Part(*alpha); ok {
			t.Error("half a past is passed on")
		}
	})
	s.GiveUp(*alpha)
	if st := s.Stats(); !st.Whole || st.GivenUp != 1 || len(s.nodes[*alpha].kept) > 0 {
		t.Errorf("%+v", st)
	}
}

// TestTakeOver: the calls of an Asterisk are those of the node that publishes it.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	s := New()
	s.Expect(nil)
	s.Apply(recorded(t)[:3000], func() {})
	before, _ := s.look()
	bravo := merge.Node{Site: alpha.Site, Name: "bravo"}
	e := event(t, 1, ami.New("Event", "Discontinuity", "Privilege", "system,all", "SystemName", "alpha", "Node", bravo.String(), "Reason", "standby took over",
		"Since", "", "From", alpha.String()))
	e.Node = &bravo
	s.Apply([]merge.Event{e}, func() {})
	s.View(func(v View) {
		var text string
		for _, c := range v.Channels(bravo) {
			c.order = 0
			text += fmt.Sprintf("\n%+v", c)
		}
		for _, b := range v.Bridges(bravo) {
			b.order = 0
			text += fmt.Sprintf("\n%+v", b)
		}
		if _, want, _ := strings.Cut(before, "\n"); text != "\n"+want || len(v.Channels(*alpha)) > 0 {
			t.Errorf("got %.300s\nwant %.300s", text, want)
		}
	})
}
