package cursor

import (
	"context"

	"github.com/amibus/amibus/bus/merge"
)

// track is what one round of a replay has of one node.
type track struct {
	node  merge.Node
	to    Pos
	spans []span // what is not fetched yet
	head  []merge.Event
}

// fill fetches until head has something, or nothing is left.
func (t *track) fill(ctx context.Context, src Source) error {
	for len(t.head) == 0 && len(t.spans) > 0 {
		s := &t.spans[0]
		events, err := src.Fetch(ctx, t.node, s.epoch, s.from, s.to)
		if err != nil {
			return err
		}
		missing := s.count()
		if len(events) > 0 {
			missing = events[0].Seq - s.from
		}
		gap := merge.Event{Node: &t.node, Epoch: s.epoch, Seq: s.from + missing - 1, Missing: missing}
		switch {
		case len(events) > 0:
			s.from = events[len(events)-1].Seq + 1
		case s.to == noEnd:
			gap.Seq, gap.Missing = s.from-1, Open
			s.from = s.to + 1
		default:
			s.from = s.to + 1
		}
		if missing > 0 {
			t.head = append(t.head, gap)
		}
		t.head = append(t.head, events...)
		if s.from > s.to {
			t.spans = t.spans[1:]
		}
	}
	return nil
}

// pop takes the first event off, and returns where that brings the reader.
func (t *track) pop() (e merge.Event, at Pos) {
	e, t.head = t.head[0], t.head[1:]
	if e.Missing != Open {
		return e, Pos{e.Epoch, e.Seq}
	}
	if len(t.spans) > 0 {
		return e, Pos{t.spans[0].epoch, 0}
	}
	return e, Pos{t.to.Epoch, 0}
}
