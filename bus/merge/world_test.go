package merge

import (
	stdheap "container/heap"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

// world is a cluster whose network, processes, disks and clocks misbehave, in fake time and one goroutine: the same seed gives the same
// trace. What it knows of the faults it has made is what the checker (check_test.go) judges by.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	now   int64
	queue timeline
	order uint64
	nodes []*host

	loss, dup, reorder float64 // shares of all messages
	jitter             time.Duration
	apart              map[[2]int]bool // pairs that cannot talk, one way
	touched            map[[2]int]int64
	lossy              int64          // when messages were last lost anywhere
	last               map[lane]int64 // arrival of the last message: they do not overtake, unless reordered
	faults             []string
	keep               int  // events of a stream that a journal holds, 0: all
	dead               bool // the dead are still listed as alive
	hold, readmit      time.Duration
	busy               int64             // until then no other node is killed by trouble
	mild               bool              // no fault so far is a reason to drop a node that runs
	made               []made            // every event that a source has said
	small              bool              // queues are
	started            map[stream1]int64 // when an incarnation said its first event
}

// made is an event as its source has said it.
type made struct {
	text string
	n    *host
	inc  int
	at   int64
}

// lane is the way of one kind of message from one node to another.
type lane struct {
	kind     string
	from, to int
}

// host is one node: its process, its clock, and what its journal holds.
type host struct {
	w       *world
	at      int
	id      Node
	m       *Machine
	inc     int // incarnation of the process: messages and timers of an older one are void
	alive   bool
	skew    int64
	frozen  int64 // it does not run until then
	wakeAt  int64
	disk    bool // its own events survive a kill, all but the last few
	kills   int
	born    int64 // when the process started
	leaving bool  // it has said farewell, which may be lost
	log     map[stream1]*record
	seen    observer
}

// stream1 names the events of one incarnation.
type stream1 struct {
	node  Node
	epoch uint64
}

// record is what a journal holds of a stream.
type record struct {
	first uint64
	items []wire.Entry
	since []int64 // when it came
}

func newWorld(t *testing.T, seed uint64, n int) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 7)), apart: map[[2]int]bool{}, touched: map[[2]int]int64{}, started: map[stream1]int64{}, last: map[lane]int64{},
		hold: 300 * time.Millisecond, readmit: time.Second, lossy: -int64(time.Hour), mild: true}
	for i := range n {
		w.nodes = append(w.nodes, &host{w: w, at: i, id: Node{"default", string(rune('a' + i))}, frozen: -int64(time.Hour)})
	}
	return w
}

func (w *world) after(d int64, fn func()) {
	w.order++
	stdheap.Push(&w.queue, happening{w.now + max(d, 0), w.order, fn})
}

func (w *world) run(d time.Duration) {
	end := w.now + int64(d)
	for len(w.queue) > 0 && w.queue[0].at <= end {
		h := stdheap.Pop(&w.queue).(happening)
		w.now = h.at
		h.fn()
	}
	w.now = end
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf("%6d ms %s", w.now/1e6, fmt.Sprintf(format, args...)))
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, f := range w.faults {
		w.t.Log(f)
	}
	for _, n := range w.nodes {
		if n.alive {
			for _, s := range n.seen.changes {
				w.t.Logf("%s: %s", n.id.Name, s)
			}
		}
	}
	w.t.Fatalf("at %d ms: "+format, append([]any{w.now / 1e6}, args...)...)
}

// up starts a fresh process. back makes it forget that much of its epoch.
func (n *host) up(back ...uint64) {
	w := n.w
	n.inc++
	n.leaving = false
	n.alive, n.wakeAt, n.frozen = true, 0, -int64(time.Hour)
	epoch := uint64(1_700_000_000_000 + (w.now+n.skew)/1e6)
	previous := n.survive()
	for _, b := range back {
		epoch -= b
	}
	epoch = max(epoch, previous.epoch+1)
	cfg := Config{Self: n.id, Epoch: epoch, Hold: w.hold, Readmit: w.readmit}
	if w.small {
		cfg.MaxAhead, cfg.MaxQueued = 16, 150
	}
	if r := n.log[previous]; r != nil {
		cfg.PreviousEpoch, cfg.PreviousSeq = previous.epoch, r.first+uint64(len(r.items))-1
	}
	n.seen = newObserver(n, epoch)
	n.born = w.now
	n.m = New(cfg)
	w.tellPeers()
	n.step(Start{n.peers()})
}

// survive leaves in the journal what a kill leaves there, and returns the newest own stream.
func (n *host) survive() (newest stream1) {
	old := n.log
	n.log = map[stream1]*record{}
	if !n.disk {
		return newest
	}
	for s, r := range old {
		if s.node == n.id && s.epoch > newest.epoch && len(r.items) > 5 {
			newest = s
		}
	}
	if r := old[newest]; r != nil {
		lost := n.w.rng.IntN(5) // not written yet
		r.items, r.since = r.items[:len(r.items)-lost], r.since[:len(r.since)-lost]
		n.log[newest] = r
	}
	return newest
}

func (n *host) kill() {
	n.alive = false
	n.kills++
	n.inc++
	n.w.tellPeers()
}

func (n *host) peers() []Node {
	var all []Node
	for _, o := range n.w.nodes {
		if o != n && (o.alive || n.w.dead) {
			all = append(all, o.id)
		}
	}
	return all
}

func (w *world) tellPeers() {
	for _, o := range w.nodes {
		inc := o.inc
		w.after(w.rng.Int64N(int64(5*time.Millisecond)), func() {
			if o.inc == inc && o.alive {
				o.step(Peers{o.peers()})
			}
		})
	}
}

func (n *host) wall() int64 { return int64(1_700_000_000_000_000_000) + n.w.now + n.skew }

func (n *host) step(in Input) {
	if !n.alive {
		return
	}
	w := n.w
	if n.frozen > w.now {
		inc := n.inc
		w.after(n.frozen-w.now, func() {
			if n.inc == inc {
				n.step(in)
			}
		})
		return
	}
	outs := append([]Output(nil), n.m.Step(Time{Mono: w.now, Wall: n.wall()}, in)...)
	n.seen.begin(outs)
	for _, out := range outs {
		n.carryOut(out)
	}
	if _, tick := in.(Tick); tick && n.m.Wake() <= w.now {
		w.fail("%s spins", n.id.Name)
	}
	n.arm()
}

func (n *host) arm() {
	w := n.w
	if at := max(n.m.Wake(), n.frozen); n.wakeAt == 0 || at < n.wakeAt {
		n.wakeAt = at
		inc := n.inc
		w.after(at-w.now, func() {
			if n.inc == inc && n.wakeAt == at {
				n.wakeAt = 0
				n.step(Tick{})
				if n.wakeAt == 0 {
					n.arm()
				}
			}
		})
	}
}

func (n *host) keep(events []Event) {
	for i := range events {
		e := &events[i]
		s := stream1{*e.Node, e.Epoch}
		r := n.log[s]
		switch {
		case e.Missing > 0:
			continue
		case r == nil:
			r = &record{first: e.Seq}
			n.log[s] = r
		case e.Seq < r.first+uint64(len(r.items)):
			continue // it is there already
		case e.Seq > r.first+uint64(len(r.items)):
			*r = record{first: e.Seq}
		}
		r.items, r.since = append(r.items, e.Entry), append(r.since, n.w.now)
		if n.w.keep > 0 && len(r.items) > n.w.keep {
			r.items, r.since, r.first = r.items[1:], r.since[1:], r.first+1
		}
	}
}

// load makes events at all living nodes, at random moments, for d.
func (w *world) load(d time.Duration, perSecond int) {
	for _, n := range w.nodes {
		for range int(d.Seconds() * float64(perSecond)) {
			w.after(w.rng.Int64N(int64(d)), func() {
				if n.alive {
					var batch []wire.Entry
					for range 1 + w.rng.IntN(2) {
						text := fmt.Sprint(len(w.made))
						w.made = append(w.made, made{text, n, n.inc, w.now})
						batch = append(batch, entry(text))
					}
					n.step(Own{batch})
				}
			})
		}
	}
}

// trace is a digest of all that was said.
func (w *world) trace() uint64 {
	h := fnv.New64a()
	for _, n := range w.nodes {
		fmt.Fprintln(h, n.id, n.seen.changes, len(n.seen.emitted))
		for i := range n.seen.emitted {
			e := &n.seen.emitted[i]
			fmt.Fprintln(h, *e.Node, e.Epoch, e.Seq, e.HLC, e.Late)
		}
	}
	return h.Sum64()
}
