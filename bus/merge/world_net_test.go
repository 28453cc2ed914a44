package merge

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

func (n *host) carryOut(out Output) {
	w := n.w
	switch out := out.(type) {
	case Emit:
		for i := range out.Events {
			n.seen.take(&out.Events[i])
		}
	case Keep:
		n.keep(out.Events)
		n.seen.arrived(out.Events)
	case Early:
		n.keep(out.Events)
	case Change:
		n.seen.change(out)
	case Send:
		b := wire.AppendFrame(nil, out.Frame)
		n.toAll("frame", func(to *host) {
			var f wire.Frame
			if err := wire.ParseFrame(b, &f); err != nil {
				w.t.Fatal(err)
			}
			to.step(FrameIn{Frame: &f})
		})
	case SendJoin:
		n.toAll("join", func(to *host) { to.step(JoinIn{proto.Clone(out.Join).(*amibuspb.Join)}) })
	case SendSeen:
		n.toAll("seen", func(to *host) { to.step(SeenIn(out)) })
	case SendJoinAnswer:
		if to := w.host(out.To); to != nil {
			n.deliver("joined", to, func(to *host) { to.step(JoinAnswerIn{out.Answer}) })
		}
	case Ask:
		n.ask(out)
	}
}

func (w *world) host(id Node) *host {
	for _, o := range w.nodes {
		if o.id == id {
			return o
		}
	}
	return nil
}

func (n *host) toAll(kind string, fn func(*host)) {
	for _, to := range n.w.nodes {
		if to != n {
			n.deliver(kind, to, fn)
		}
	}
}

func (n *host) deliver(kind string, to *host, fn func(*host)) {
	w := n.w
	if !to.alive || w.apart[[2]int{n.at, to.at}] {
		return
	}
	if w.loss > 0 && w.rng.Float64() < w.loss {
		if w.loss > 0.1 { // a burst
			w.lossy = w.now
		}
		return
	}
	at := w.now + int64(100*time.Microsecond) + int64(n.at*7+to.at*31)*1000
	if w.jitter > 0 {
		at += w.rng.Int64N(int64(w.jitter))
	}
	if way := (lane{kind, n.at, to.at}); w.reorder == 0 || w.rng.Float64() >= w.reorder {
		at = max(at, w.last[way]+1)
		w.last[way] = at
	} else {
		at += w.rng.Int64N(int64(10 * time.Millisecond))
	}
	inc := to.inc
	arrive := func() {
		if to.inc == inc && to.alive {
			fn(to)
		}
	}
	w.after(at-w.now, arrive)
	if w.dup > 0 && w.rng.Float64() < w.dup {
		w.after(at-w.now+w.rng.Int64N(int64(100*time.Millisecond)), arrive)
	}
}

// ask serves a replay in chunks; a loss breaks it off.
func (n *host) ask(a Ask) {
	w := n.w
	inc := n.inc
	target := w.host(a.Target)
	later := func(d time.Duration, fn func()) {
		w.after(int64(d), func() {
			if n.inc == inc {
				fn()
			}
		})
	}
	done := func() { n.step(ReplayEnd{Ask: a}) }
	failed := func() { n.step(ReplayEnd{a, true}) }
	if target == nil || !target.alive || w.apart[[2]int{n.at, target.at}] && w.rng.IntN(2) == 0 {
		later(200*time.Microsecond, failed) // no responders
		return
	}
	cut := func() bool { return w.apart[[2]int{n.at, target.at}] || w.apart[[2]int{target.at, n.at}] }
	var next func(from uint64)
	next = func(from uint64) {
		if target != n && (!target.alive || cut() || w.rng.Float64() < w.loss || target.frozen > w.now) {
			later(w.hold/4, failed) // as bus/stream does
			return
		}
		r := target.log[stream1{a.Origin, a.Epoch}]
		if r == nil {
			later(300*time.Microsecond, done)
			return
		}
		from = max(from, r.first)
		f := &wire.Frame{Site: a.Origin.Site, Node: a.Origin.Name, Epoch: a.Epoch, First: from}
		for seq := from; seq <= a.To && seq < r.first+uint64(len(r.items)) && len(f.Entries) < 50; seq++ {
			f.Entries = append(f.Entries, r.items[seq-r.first])
		}
		if len(f.Entries) == 0 {
			later(300*time.Microsecond, done)
			return
		}
		later(300*time.Microsecond+time.Duration(w.rng.Int64N(int64(w.jitter)+1)), func() {
			n.step(FrameIn{Frame: f, Replay: true})
			next(from + uint64(len(f.Entries)))
		})
	}
	later(200*time.Microsecond, func() { next(a.From) })
}

func (w *world) cut(a, b *host, on, oneWay bool) {
	w.mild = false
	set := func(x, y *host) {
		w.apart[[2]int{x.at, y.at}] = on
		w.touched[[2]int{x.at, y.at}] = w.now
	}
	set(a, b)
	if !oneWay {
		set(b, a)
	}
}

// reachable tells whether nothing has been in the way between two running nodes for d.
func (w *world) reachable(a, b *host, d time.Duration) bool {
	since := w.now - int64(d)
	ways := [][2]int{{a.at, b.at}, {b.at, a.at}}
	for _, way := range ways {
		if at, ok := w.touched[way]; w.apart[way] || ok && at > since {
			return false
		}
	}
	return a.alive && b.alive && a.frozen < since && b.frozen < since && w.lossy < since
}
