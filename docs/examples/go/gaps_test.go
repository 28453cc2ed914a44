package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
)

// TestGaps: what is missing is told once, by the next event or mark, and what comes twice is shown once.
func TestGaps(t *testing.T) {
	t.Parallel()
	g := newGaps(0)
	event := func(epoch, seq uint64) string {
		lost, duplicate := g.event(&amibuspb.Event{Site: "s", Node: "n", Epoch: epoch, Seq: seq})
		if duplicate {
			return "duplicate"
		}
		if lost == nil {
			return ""
		}
		return fmt.Sprint(lost.epoch, ":", lost.from, "-", lost.to)
	}
	mark := func(epoch, seq uint64) string {
		if lost := g.mark(&amibuspb.Mark{Site: "s", Node: "n", Epoch: epoch, Seq: seq}); lost != nil {
			return fmt.Sprint(lost.epoch, ":", lost.from, "-", lost.to)
		}
		return ""
	}
	young := newGaps(time.Hour)
	early := func(seq uint64) string {
		lost, duplicate := young.event(&amibuspb.Event{Site: "s", Node: "n", Epoch: 1, Seq: seq})
		if lost != nil || duplicate {
			return map[bool]string{true: "duplicate", false: "gap"}[duplicate]
		}
		return ""
	}
	for i, c := range []struct{ got, want string }{
		{event(5, 10), ""}, // met in the middle
		{event(5, 11), ""},
		{mark(5, 11), ""},
		{event(5, 14), "5:12-13"},
		{event(5, 13), "duplicate"},
		{mark(5, 16), "5:15-16"},
		{mark(5, 16), ""},
		{mark(6, 0), ""}, // the next incarnation is announced
		{event(6, 2), "6:1-1"},
		{mark(5, 20), ""},
		{event(5, 17), ""},
		{event(7, 1), ""},
		{early(1), ""},
		{early(5), ""}, // the node did not know of us
		{early(4), "duplicate"},
	} {
		if c.got != c.want {
			t.Errorf("step %d: %q, want %q", i, c.got, c.want)
		}
	}
}
