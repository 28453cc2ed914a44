package merge

import (
	"fmt"
	"slices"
	"time"
)

// observer is what a listener has said since its process started, and what must hold of it. It believes nothing the machines say of
// themselves: only what they emit, against the faults that were made.
type observer struct {
	n       *host
	epoch   uint64 // of the process's first incarnation
	view    map[Node]*account
	came    map[id]int64 // when it arrived
	floor   *Event
	began   bool
	emitted []Event
	late    int
	changes []string
	dropped map[Node]int64 // when it last left the wait set
	own     map[uint64]uint64
	gaps    []Event
	told    map[id]bool
}

// id is what an event is known by.
type id struct {
	node       Node
	epoch, seq uint64
}

// account is how far a listener is with one origin.
type account struct {
	epoch, seq uint64            // emitted or declared up to here
	began      map[uint64]uint64 // epoch: first seq said
	ended      map[uint64]uint64 // epoch: last seq said, gaps included
}

func newObserver(n *host, epoch uint64) observer {
	return observer{n: n, epoch: epoch, view: map[Node]*account{}, came: map[id]int64{}, dropped: map[Node]int64{}, own: map[uint64]uint64{}}
}

func idOf(e *Event) id { return id{*e.Node, e.Epoch, e.Seq} }

func (o *observer) of(n Node) *account {
	a := o.view[n]
	if a == nil {
		a = &account{began: map[uint64]uint64{}, ended: map[uint64]uint64{}}
		o.view[n] = a
	}
	return a
}

// begin notes where the stream starts: where the one stood whose answer was adopted. That alone is taken from the machine.
func (o *observer) begin(outs []Output) {
	settled := false
	first := map[Node]Position{}
	for _, out := range outs {
		switch out := out.(type) {
		case Change:
			settled = settled || out.What == Settled
		case Emit:
			for i := range out.Events {
				if e := &out.Events[i]; first[*e.Node].Epoch == 0 {
					first[*e.Node] = Position{Epoch: e.Epoch, Emitted: e.Seq - max(e.Missing, 1)}
				}
			}
		}
	}
	if !settled || o.began {
		return
	}
	o.began = true
	for _, p := range o.n.m.Positions() {
		if f, ok := first[p.Node]; ok {
			p.Epoch, p.Emitted = f.Epoch, f.Emitted
		}
		if p.Emitted > 0 {
			o.view[p.Node] = &account{epoch: p.Epoch, seq: p.Emitted, began: map[uint64]uint64{p.Epoch: p.Emitted + 1},
				ended: map[uint64]uint64{p.Epoch: p.Emitted}}
		}
	}
}

func (o *observer) arrived(events []Event) {
	for i := range events {
		e := &events[i]
		if *e.Node == o.n.id && e.Missing == 0 && e.Epoch >= o.epoch {
			o.own[e.Epoch] = max(o.own[e.Epoch], e.Seq)
			if s := (stream1{o.n.id, e.Epoch}); o.n.w.started[s] == 0 {
				o.n.w.started[s] = o.n.w.now
			}
		}
		if _, ok := o.came[idOf(e)]; !ok {
			o.came[idOf(e)] = o.n.w.now
		}
	}
}

func (o *observer) change(c Change) {
	w := o.n.w
	o.changes = append(o.changes, fmt.Sprintf("%6d ms %s/%d %s %s", w.now/1e6, c.Node.Name, c.Epoch, c.What, c.Why))
	if c.What != Dropped {
		return
	}
	o.dropped[c.Node] = w.now
	if d := w.host(c.Node); w.mild && o.n.kills == 0 && d.alive && d.kills == 0 && !d.leaving {
		w.fail("%s dropped %s, which did nothing wrong", o.n.id.Name, c.Node.Name)
	}
}

// take checks one thing emitted.
func (o *observer) take(e *Event) {
	w, name := o.n.w, o.n.id.Name
	a := o.of(*e.Node)
	from := e.Seq - max(e.Missing, 1) + 1
	switch {
	case e.Missing > 0 && (e.Epoch < a.epoch || e.Epoch == a.epoch && e.Seq <= a.seq):
		if a.ended[e.Epoch]+1 != from { // more of an incarnation that was closed here: only right behind what was said of it
			w.fail("%s declared %v %d/%d…%d after %d/%d", name, e.Node, e.Epoch, from, e.Seq, a.epoch, a.seq)
		}
		if _, ok := a.began[e.Epoch]; !ok {
			a.began[e.Epoch] = from
		}
		a.ended[e.Epoch] = e.Seq
		o.gap(e)
		return
	case e.Epoch < a.epoch || e.Epoch == a.epoch && from <= a.seq:
		w.fail("%s emitted %v %d/%d after %d/%d", name, e.Node, e.Epoch, from, a.epoch, a.seq)
	case e.Epoch == a.epoch && from != a.seq+1, e.Epoch > a.epoch && from != 1:
		w.fail("%s emitted %v %d/%d after %d/%d: events missing, not declared", name, e.Node, e.Epoch, from, a.epoch, a.seq)
	}
	a.epoch, a.seq = e.Epoch, e.Seq
	if _, ok := a.began[e.Epoch]; !ok {
		a.began[e.Epoch] = from
	}
	a.ended[e.Epoch] = max(e.Seq, a.ended[e.Epoch])
	if e.Missing > 0 {
		o.gap(e)
		return
	}
	o.order(e)
	o.emitted = append(o.emitted, *e)
	came, ok := o.came[idOf(e)]
	if wait := time.Duration(w.now - came); ok && wait > max(w.hold, 5*time.Duration(len(w.nodes))*time.Millisecond) && o.n.frozen+int64(time.Second) < w.now {
		w.fail("%s held %v %d/%d for %v", name, e.Node, e.Epoch, e.Seq, wait)
	}
}

// order: what is not flagged late comes in the order of keys, so any two listeners agree on it.
func (o *observer) order(e *Event) {
	w := o.n.w
	if e.Late {
		if o.late++; w.mild && o.n.kills == 0 && w.host(*e.Node).kills == 0 {
			w.fail("%s has %v %d/%d late, for no reason", o.n.id.Name, e.Node, e.Epoch, e.Seq)
		}
		return
	}
	if o.floor != nil && o.floor.Compare(e) >= 0 {
		w.fail("%s emitted %v %d/%d below the one before, not flagged", o.n.id.Name, e.Node, e.Epoch, e.Seq)
	}
	floor := *e
	o.floor = &floor
}

// gap: nothing may be declared missing that somebody holds who could have been asked all the time.
func (o *observer) gap(e *Event) {
	w := o.n.w
	from := e.Seq - e.Missing + 1
	o.gaps = append(o.gaps, *e)
	o.changes = append(o.changes, fmt.Sprintf("%6d ms missing %s/%d %d…%d", w.now/1e6, e.Node.Name, e.Epoch, from, e.Seq))
	const long = 2 * time.Second
	if newer := w.host(*e.Node); newer.alive && newer.m.Epoch() != e.Epoch {
		return // the next incarnation waits for the end of this one no longer than hold
	}
	for _, h := range w.nodes {
		r := h.log[stream1{*e.Node, e.Epoch}]
		if h == o.n || r == nil || !w.reachable(o.n, h, long) {
			continue
		}
		for seq := max(from, r.first); seq <= e.Seq && seq < r.first+uint64(len(r.items)); seq++ {
			if r.since[seq-r.first] < w.now-int64(long) {
				w.fail("%s declared %v %d/%d…%d missing; %s has %d", o.n.id.Name, e.Node, e.Epoch, from, e.Seq, h.id.Name, seq)
			}
		}
	}
}

// whole checks, once all is calm, that nothing is missing without a word.
func (w *world) whole() {
	w.balance()
	for _, l := range w.living() {
		for _, o := range w.nodes {
			a := l.seen.of(o.id)
			for epoch, last := range o.seen.own { // of those who live
				if !o.alive {
					break
				}
				if at, ok := a.began[epoch]; ok && a.ended[epoch] != last || !ok && epoch > a.epoch && last > 0 {
					w.fail("%s has %s/%d from %d to %d of %d", l.id.Name, o.id.Name, epoch, at, a.ended[epoch], last)
				}
			}
			for _, k := range w.living() { // of the dead
				for epoch, last := range k.seen.of(o.id).ended {
					since, emitted := w.started[stream1{o.id, epoch}]
					if _, ok := a.began[epoch]; !ok && emitted && o != l && o != k && epoch > forgotten && l.born+int64(time.Second) < since && last > 0 {
						w.fail("%s has nothing of %s/%d, %s has it up to %d", l.id.Name, o.id.Name, epoch, k.id.Name, last)
					}
					if _, ok := a.began[epoch]; ok && a.ended[epoch] < last {
						w.fail("%s has %s/%d up to %d, %s up to %d", l.id.Name, o.id.Name, epoch, a.ended[epoch], k.id.Name, last)
					}
				}
			}
		}
	}
}

// forgotten is above the epochs of nodes that have forgotten their own: whoever knows better refuses those.
const forgotten = 1_699_999_990_000

// balance compares what the sources have said with what was emitted: of a process that still runs everything, once, with the same key
// and text everywhere.
func (w *world) balance() {
	type content struct {
		hlc  int64
		text string
	}
	all := map[id]content{}
	said := map[string]id{} // by their own node
	for _, l := range w.living() {
		for i := range l.seen.emitted {
			e := &l.seen.emitted[i]
			c := content{e.HLC, string(e.Entry.AMI())}
			if other, ok := all[idOf(e)]; ok && other != c {
				w.fail("%v is %v and %v", idOf(e), other, c)
			}
			all[idOf(e)] = c
			if *e.Node == l.id {
				if was, ok := said[c.text]; ok {
					w.fail("%s emitted its own %s as %v and as %v", l.id.Name, c.text, was, idOf(e))
				}
				said[c.text] = idOf(e)
			}
		}
	}
	for _, m := range w.made {
		if !m.n.alive || m.inc != m.n.inc {
			continue
		}
		e, ok := said[m.text]
		if !ok {
			w.fail("%s said %s at %d ms and never emitted it", m.n.id.Name, m.text, m.at/1e6)
		}
		if e.epoch < m.n.m.Epoch() {
			continue // it was fenced: the others refuse that epoch, and say so
		}
		for _, l := range w.living() {
			if l.born+int64(time.Second) < m.at && !l.seen.tells(e) {
				w.fail("%s said %s (%v) at %d ms; %s has neither that nor a gap there", m.n.id.Name, m.text, e, m.at/1e6, l.id.Name)
			}
		}
	}
}

// tells whether the event was emitted, or lies in a gap.
func (o *observer) tells(e id) bool {
	if o.told == nil {
		o.told = map[id]bool{}
		for i := range o.emitted {
			o.told[idOf(&o.emitted[i])] = true
		}
	}
	return o.told[e] || slices.ContainsFunc(o.gaps, func(g Event) bool {
		return *g.Node == e.node && g.Epoch == e.epoch && g.Seq-g.Missing < e.seq && e.seq <= g.Seq
	})
}

func (w *world) living() (all []*host) {
	for _, n := range w.nodes {
		if n.alive {
			all = append(all, n)
		}
	}
	return all
}

// alike checks that those who never died have emitted the identical sequence: all of them, if no fault was a reason to drop one of
// them; in any case those who have dropped nobody.
func (w *world) alike() {
	var first *host
	for _, n := range w.nodes {
		if n.kills > 0 || !w.mild && len(n.seen.dropped)+len(n.seen.gaps) > 0 {
			continue
		}
		if first == nil {
			first = n
			continue
		}
		sameEnd(w, first, n)
	}
}

// sameEnd: of two who started at different times, the later one's sequence is the end of the earlier one's. Late is only what a dead
// node's journal still had when it came back.
func sameEnd(w *world, a, b *host) {
	onTime := func(all []Event) []Event {
		return slices.DeleteFunc(slices.Clone(all), func(e Event) bool { return e.Late })
	}
	x, y := onTime(a.seen.emitted), onTime(b.seen.emitted)
	if len(x) < len(y) {
		a, b, x, y = b, a, y, x
	}
	skip := len(x) - len(y)
	for i := range y {
		if idOf(&x[skip+i]) != idOf(&y[i]) {
			w.fail("%s (%d events) and %s (%d) differ %d before the end: %v, %v", a.id.Name, len(x), b.id.Name, len(y), len(y)-i, idOf(&x[skip+i]), idOf(&y[i]))
		}
	}
}
