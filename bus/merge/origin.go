package merge

import (
	"math"
	"slices"

	"github.com/amibus/amibus/proto/wire"
)

const infinity = math.MaxInt64

// origin is all that is known of one node as a source of events.
type origin struct {
	node   *Node
	cur    *stream   // the incarnation being emitted; nil before the first one
	later  []*stream // newer ones, opened when cur is closed, ascending epochs
	closed []past    // older ones that were closed here, the last few, ascending epochs
	oldest uint64    // the first epoch this machine knows of; what was before is none of its business
	queue  queue     // contiguous, not yet emitted; epochs in order

	mark    int64 // believed mark of cur
	heard   int64 // mono of the last sign of life
	rests   int64 // how long it may be silent from then on because it rests, see rest.go
	prompt  int64 // mono since when frames come without a pause or gap
	awaited bool  // in the wait set
	left    bool  // left gracefully
	drops   int   // times dropped, for the back-off of readmission
	dropped int64 // mono of the last drop

	seen    map[Node]uint64 // what the others have of cur, from their Seen
	asked   bool            // the others were asked for their Seen since the last sign of life
	askedAt int64           // mono of the last such question
	answers map[Node]bool   // who has said so since

	ask    *Ask          // outstanding, nil if none
	tried  map[Node]bool // who could not help with the hole at cur.next
	askAt  int64         // mono before which nobody is asked again
	mute   bool          // somebody asked since the last progress did not answer, so it may have it
	denied bool          // it said since the last progress that it does not have what is missing
	holed  int64         // mono of the last progress at the hole at cur.next
	rounds int           // of asking without progress, since anybody was back
	stuck  int64         // the same, or mono since when the origin is back

	ahead   int64 // how far its clock was ahead of ours in its latest frame, less the way of the frame
	aheadAt int64 // mono of that; 0 if there was none

	refuseAt int64 // mono before which no other frame of an incarnation that is over is answered

	emitted    uint64 // last emitted seq of emittedEp
	emittedEp  uint64
	emittedHLC int64
	late, lost uint64 // events

	at  int // index in the heap, -1 if not in it
	key int64
}

// stream is the receiving state of one incarnation.
type stream struct {
	epoch   uint64
	next    uint64                // first seq not received contiguously
	end     uint64                // highest seq known to exist
	ahead   map[uint64]wire.Entry // received behind a hole
	markEnd uint64                // newest mark not yet believed: valid once next > markEnd
	markVal int64
	opened  int64 // mono when first heard of
	met     bool  // its Join or a frame has come: a further Join renews nothing
}

// past is an incarnation that is over: end is the last seq emitted or declared lost.
type past struct{ epoch, end uint64 }

func newStream(epoch, next uint64, now int64) *stream {
	return &stream{epoch: epoch, next: next, end: next - 1, ahead: map[uint64]wire.Entry{}, opened: now}
}

// newest returns the newest incarnation heard of, or nil.
func (o *origin) newest() *stream {
	if n := len(o.later); n > 0 {
		return o.later[n-1]
	}
	return o.cur
}

func (o *origin) epoch() uint64 {
	if s := o.newest(); s != nil {
		return s.epoch
	}
	return 0
}

// find returns the stream of that epoch, or nil.
func (o *origin) find(epoch uint64) *stream {
	if o.cur != nil && o.cur.epoch == epoch {
		return o.cur
	}
	for _, s := range o.later {
		if s.epoch == epoch {
			return s
		}
	}
	return nil
}

// compare takes how far the origin's clock seems to be ahead. The way of a frame makes it less, so of what came in the last moment the
// most counts.
func (o *origin) compare(ahead, now int64) {
	if o.aheadAt == 0 || ahead >= o.ahead || now-o.aheadAt > skewTime/2 {
		o.ahead, o.aheadAt = ahead, now
	}
}

// gapped tells whether an event of cur is known to exist and missing.
func (o *origin) gapped() bool { return o.cur != nil && o.cur.next <= o.cur.end }

// queue is a FIFO of events with the mono time of their arrival.
type queue struct {
	items []queued
	head  int
}

type queued struct {
	ev Event
	at int64
}

func (q *queue) len() int       { return len(q.items) - q.head }
func (q *queue) first() *queued { return &q.items[q.head] }

func (q *queue) push(e Event, at int64) {
	if q.head > 64 && q.head*2 >= len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, queued{e, at})
}

// insert puts a gap of an incarnation that is over behind all that is queued of it and of those before.
func (q *queue) insert(gap Event, at int64) {
	i := q.head
	for i < len(q.items) && q.items[i].ev.Epoch <= gap.Epoch {
		i++
	}
	q.items = slices.Insert(q.items, i, queued{gap, at})
}

func (q *queue) pop() {
	q.items[q.head] = queued{}
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
}
