package stream

import (
	"context"
	"errors"
	"time"

	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/wire"
)

// Bounds of one answer of Fetch.
const (
	fetchEvents = 256
	fetchBytes  = 256 << 10
)

const (
	fetchAtOnce   = 16 // questions to other nodes under way: a thousand readers must not flood the peers
	fetchTries    = 3  // while somebody who may have it does not answer
	fetchPause    = 100 * time.Millisecond
	fetchPatience = time.Second // without a sign of an answer
)

var errEnough = errors.New("enough")

// Fetch returns consecutive events of an incarnation: the first of from … to that this node or another one holds and some of those
// behind it; none if nobody reachable holds any. It fails when ctx ends, and only then.
func (s *Stream) Fetch(ctx context.Context, origin merge.Node, epoch, from, to uint64) ([]merge.Event, error) {
	own := run{node: &origin, epoch: epoch, from: from, to: to}
	s.cfg.Journal.Range(journal.Stream{Site: origin.Site, Node: origin.Name, Epoch: epoch}, from, to, own.add)
	hole := to
	if len(own.events) > 0 {
		if hole = own.events[0].Seq - 1; hole < from {
			return own.events, ctx.Err()
		}
	}
	for try := 1; ; try++ {
		events, silent, err := s.fetchAway(ctx, origin, epoch, from, hole)
		switch {
		case err != nil || len(events) > 0:
			return events, err
		case !silent || try == fetchTries:
			return own.events, ctx.Err()
		}
		select {
		case <-time.After(fetchPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// fetchAway asks the other nodes: for as much as one answer holds, then for whatever comes next. Of several answers the first events
// count. silent tells that somebody who may have some did not answer.
func (s *Stream) fetchAway(ctx context.Context, origin merge.Node, epoch, from, to uint64) (best []merge.Event, silent bool, err error) {
	select {
	case s.fetching <- struct{}{}:
		defer func() { <-s.fetching }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	for _, end := range []uint64{min(to, from+fetchEvents-1), to} {
		for _, target := range s.helpers(origin) {
			got := run{node: &origin, epoch: epoch, from: from, to: end}
			err := s.request(ctx, merge.Ask{Target: target, Origin: origin, Epoch: epoch, From: from, To: end}, fetchPatience, got.addFrame)
			switch {
			case ctx.Err() != nil:
				return nil, false, ctx.Err()
			case err != nil && !errors.Is(err, errEnough):
				silent = true
			}
			if n := len(got.events); n > 0 && (best == nil || got.events[0].Seq < best[0].Seq) {
				best = got.events
			}
			if best != nil && best[0].Seq == from {
				return best, silent, nil
			}
		}
		if best != nil || end == to {
			break
		}
	}
	return best, silent, nil
}

// helpers are the other nodes that may hold events of the origin and can be expected to answer: the origin first.
func (s *Stream) helpers(origin merge.Node) []merge.Node {
	var all []merge.Node
	for _, p := range s.Positions() {
		switch {
		case p.Node == s.cfg.Merge.Self || p.Left || !p.Awaited && p.Heard > max(s.cfg.Merge.Hold, fetchPatience):
		case p.Node == origin:
			all = append([]merge.Node{origin}, all...)
		default:
			all = append(all, p.Node)
		}
	}
	return all
}

// run collects consecutive events.
type run struct {
	node     *merge.Node
	epoch    uint64
	from, to uint64
	events   []merge.Event
	bytes    int
}

// add takes the next event; false is enough.
func (r *run) add(seq uint64, e wire.Entry) bool {
	if n := len(r.events); seq < r.from || seq > r.to || n > 0 && seq != r.events[n-1].Seq+1 {
		return n == 0
	}
	r.events = append(r.events, merge.Event{HLC: e.HLC(), Node: r.node, Epoch: r.epoch, Seq: seq, Entry: e})
	r.bytes += len(e.Raw())
	return len(r.events) < fetchEvents && r.bytes < fetchBytes
}

func (r *run) addFrame(f *wire.Frame) error {
	if f.Site != r.node.Site || f.Node != r.node.Name || f.Epoch != r.epoch {
		return errors.New("answer about another incarnation")
	}
	for i := range f.Entries {
		if !r.add(f.First+uint64(i), f.Entries[i]) {
			return errEnough
		}
	}
	return nil
}
