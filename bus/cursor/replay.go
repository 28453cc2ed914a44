package cursor

import (
	"context"
	"maps"
	"slices"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
)

// maxBatch bounds the events of a Batch.
const maxBatch = 256

// Source is the stream of a node; *stream.Stream is one. Its methods are called from many goroutines.
type Source interface {
	// Settled is closed when the node knows where the others stand. Before, positions may jump.
	Settled() <-chan struct{}
	// ViewPast calls fn, while nothing is emitted, with the standing of every node, and the incarnations of a node that are over,
	// ascending. fn must be quick and not call the Source.
	ViewPast(fn func(now []merge.Position, past func(merge.Node) []merge.Past))
	// Fetch returns consecutive events of an incarnation: the first of from … to that anybody reachable holds, and as many of those
	// behind it as are at hand; none if nobody holds any. It fails when ctx ends, and only then.
	Fetch(ctx context.Context, origin merge.Node, epoch, from, to uint64) ([]merge.Event, error)
}

// Config of a Replay.
type Config struct {
	Source    Source
	Subscribe func() *stasis.Subscription[merge.Event] // to the live stream, in the order that Arrival says
	Arrival   bool                                     // the reader's order is that of arrival
	Small     int                                      // so many events may be left when the subscription is made: less than its queue holds
	Within    func(merge.Node) bool                    // the nodes that the reader wants; nil: all
}

// Replay gives a reader what he missed. It is not safe for concurrent use.
type Replay struct {
	cfg    Config
	at     Vector   // what Next has given is covered
	to     Vector   // where the round ends
	tracks []*track // with something left in this round
	begun  bool     // a round
	live   *stasis.Subscription[merge.Event]
	high   merge.Event // the largest event given
}

// Batch is a part of a replay.
type Batch struct {
	Events []merge.Event
	At     Vector // where the reader stands behind Events
	// Live, in the last Batch, goes on where the replay ends. Whoever takes the Batch closes it.
	Live *stasis.Subscription[merge.Event]
	// Ahead is what the reader has had and this node has not: to be skipped in Live.
	Ahead Vector
}

// NewReplay returns a replay of what a reader at that Vector lacks.
func NewReplay(cfg Config, at Vector) *Replay { return &Replay{cfg: cfg, at: maps.Clone(at)} }

// Next returns the next part. It fails with the error of ctx only.
func (r *Replay) Next(ctx context.Context) (Batch, error) {
	select {
	case <-r.cfg.Source.Settled():
	case <-ctx.Done():
		return Batch{}, ctx.Err()
	}
	for {
		if err := ctx.Err(); err != nil {
			return Batch{}, err
		}
		if !r.begun {
			r.begin()
		}
		events, err := r.merge(ctx)
		if err != nil {
			return Batch{}, err
		}
		if len(events) > 0 {
			return Batch{Events: events, At: maps.Clone(r.at)}, nil
		}
		ahead := r.end()
		if live := r.live; live != nil {
			r.live = nil
			return Batch{At: maps.Clone(r.at), Live: live, Ahead: ahead}, nil
		}
	}
}

// Close ends a replay that Next has not given the last part of.
func (r *Replay) Close() {
	if r.live != nil {
		r.live.Close()
		r.live = nil
	}
}

// begin starts a round, the last one if it is short.
func (r *Replay) begin() {
	r.begun, r.tracks = true, nil
	left := uint64(0)
	r.cfg.Source.ViewPast(func(now []merge.Position, past func(merge.Node) []merge.Past) {
		r.to = Now(now, r.cfg.Arrival)
		for n, to := range r.to {
			if r.cfg.Within != nil && !r.cfg.Within(n) {
				continue
			}
			from, ok := r.at[n]
			if !ok {
				from = Pos{to.Epoch, 0}
			}
			var before []merge.Past
			if from.Epoch < to.Epoch {
				before = past(n)
			}
			if spans := plan(from, to, before); len(spans) > 0 {
				r.tracks = append(r.tracks, &track{node: n, to: to, spans: spans})
				left = min(left+total(spans), noEnd)
			}
		}
		if left <= uint64(r.cfg.Small) {
			r.live = r.cfg.Subscribe()
		}
	})
	slices.SortFunc(r.tracks, func(a, b *track) int { return a.node.Compare(b.node) })
}

// end is the end of a round: also of nodes of which there was nothing to give.
func (r *Replay) end() (ahead Vector) {
	r.begun = false
	ahead = maps.Clone(r.at)
	for n, to := range r.to {
		if r.at[n].Compare(to) <= 0 {
			r.at[n] = to
			delete(ahead, n)
		}
	}
	return ahead
}

// merge returns the next events of the round, none when it is over.
func (r *Replay) merge(ctx context.Context) ([]merge.Event, error) {
	var events []merge.Event
	for len(events) < maxBatch {
		for _, t := range r.tracks {
			if len(t.head) > 0 || len(t.spans) == 0 {
				continue
			}
			if len(events) > 0 {
				return events, nil // they need not wait for a fetch
			}
			if err := t.fill(ctx, r.cfg.Source); err != nil {
				return nil, err
			}
		}
		r.tracks = slices.DeleteFunc(r.tracks, func(t *track) bool { return len(t.head) == 0 })
		if len(r.tracks) == 0 {
			break
		}
		t := slices.MinFunc(r.tracks, byHead)
		e, at := t.pop()
		r.at[t.node] = at
		r.flag(&e)
		events = append(events, e)
	}
	return events, nil
}

// byHead orders tracks by key; a gap, which has none, goes first.
func byHead(a, b *track) int {
	x, y := &a.head[0], &b.head[0]
	switch {
	case x.Missing > 0:
		return -1
	case y.Missing > 0:
		return 1
	}
	return x.Compare(y)
}

// flag marks an event late that belongs before one that was given.
func (r *Replay) flag(e *merge.Event) {
	if e.Missing > 0 || r.cfg.Arrival {
		return
	}
	if e.Late = r.high.Node != nil && e.Compare(&r.high) < 0; !e.Late {
		r.high = merge.Event{HLC: e.HLC, Node: e.Node, Epoch: e.Epoch, Seq: e.Seq}
	}
}
