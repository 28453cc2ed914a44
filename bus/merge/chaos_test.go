package merge

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
)

// seeds: a change to the protocol deserves some thousands.
var seeds = flag.Int("seeds", 40, "number of runs of TestChaos")
var firstSeed = flag.Int("seed", 0, "seed of the first run of TestChaos")

// TestChaos: what is promised holds under every fault.
func TestChaos(t *testing.T) {
	t.Parallel()
	for seed := range *seeds {
		seed += *firstSeed
		t.Run(strconv.Itoa(seed), func(t *testing.T) { t.Parallel(); chaos(t, uint64(seed)) })
	}
}

func TestSameSeedSameTrace(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		if a, b := chaos(t, seed).trace(), chaos(t, seed).trace(); a != b {
			t.Errorf("seed %d: traces %x and %x", seed, a, b)
		}
	}
}

// chaos is one run: half of them with faults that are no reason to drop anybody who runs, so that everything must be identical.
func chaos(t *testing.T, seed uint64) *world {
	w := newWorld(t, seed, 0)
	n := 3 + w.rng.IntN(7)
	if w.rng.IntN(3) > 0 {
		n = 3 + w.rng.IntN(3)
	}
	w = newWorld(t, seed, n)
	mild := seed%2 == 0
	w.dead = w.rng.IntN(2) == 1
	w.keep = []int{0, 0, 30}[w.rng.IntN(3)]
	w.jitter = []time.Duration{0, time.Millisecond, 20 * time.Millisecond}[w.rng.IntN(3)]
	w.dup = []float64{0, 0.01}[w.rng.IntN(2)]
	w.loss = []float64{0, 0.005}[w.rng.IntN(2)]
	w.reorder = []float64{0, 0.01}[w.rng.IntN(2)]
	w.readmit = []time.Duration{100 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond, time.Second}[w.rng.IntN(4)]
	if mild {
		w.keep = 0
	} else {
		w.small = w.rng.IntN(4) == 0
	}
	skews := []time.Duration{time.Millisecond, time.Second, 10 * time.Second}[w.rng.IntN(3)]
	for _, h := range w.nodes {
		h.disk = w.rng.IntN(2) == 0
		h.skew = w.rng.Int64N(int64(skews)) - int64(skews)/2
		h.up()
		switch {
		case skews > time.Second: // who join at once with such clocks need not find a common one
			w.run(300 * time.Millisecond)
		case w.rng.IntN(3) > 0: // else several join at once
			w.run(time.Duration(w.rng.Int64N(int64(50 * time.Millisecond))))
		}
	}
	w.run(500 * time.Millisecond)
	rate := []int{1, 60, 60}[w.rng.IntN(3)] // with one event a second the cluster rests now and then
	w.load(6*time.Second, rate)
	for range 1 + w.rng.IntN(8) {
		w.after(w.rng.Int64N(int64(5*time.Second)), func() {
			if mild {
				w.trouble()
			} else {
				w.misbehave()
			}
		})
	}
	w.run(6 * time.Second)
	w.calm()
	return w
}

// calm ends all faults and checks that the cluster is whole again, and what it has said.
func (w *world) calm() {
	w.run(3 * time.Second)
	w.loss, w.dup, w.jitter, w.reorder = 0, 0, 0, 0
	clear(w.apart)
	gone := w.rng.IntN(4) == 0 // some stay dead
	for _, n := range w.nodes {
		if !n.alive && !gone {
			n.up()
		}
	}
	w.dead = false
	w.tellPeers()
	w.run(2*time.Second + min(64*w.readmit, time.Minute) + 8*time.Second)
	for range 60 { // clocks far apart take their time
		if !slices.ContainsFunc(w.living(), func(n *host) bool { e := n.m.Stats().ClockError; return max(e, -e) > follow }) {
			break
		}
		w.run(time.Second)
	}
	w.alike()
	marks := map[*host]int{}
	lates := map[*host]int{}
	for _, n := range w.living() {
		marks[n], lates[n] = len(n.seen.emitted), n.seen.late
	}
	w.load(time.Second, 100)
	w.run(2 * time.Second)
	if len(w.living()) == 0 {
		return
	}
	first := w.living()[0]
	for _, n := range w.living() {
		for _, p := range n.m.Positions() {
			if alive := w.host(p.Node).alive; alive && (!p.Awaited || p.Gapped) || p.Queued > 0 {
				w.fail("%s in the end: %+v", n.id.Name, p)
			}
		}
		if n.seen.late != lates[n] {
			w.fail("%s has %d late in calm", n.id.Name, n.seen.late-lates[n])
		}
		x, y := n.seen.emitted[marks[n]:], first.seen.emitted[marks[first]:]
		if fmt.Sprint(ids(x)) != fmt.Sprint(ids(y)) {
			w.fail("%s and %s differ in calm", n.id.Name, first.id.Name)
		}
	}
	w.whole()
}

func ids(events []Event) (all []id) {
	for i := range events {
		all = append(all, idOf(&events[i]))
	}
	return all
}

// any returns a random node.
func (w *world) any() *host { return w.nodes[w.rng.IntN(len(w.nodes))] }

// trouble is a fault that must not cost the order of anybody who runs: death, joins, losses that can be made up, short pauses, clocks.
func (w *world) trouble() {
	n := w.any()
	running := 0
	for _, o := range w.nodes {
		if o.alive && o.kills == 0 {
			running++
		}
	}
	// Who is back sooner is waited for with what is left of Hold since its death, which may be too little.
	pause := 500*time.Millisecond + time.Duration(w.rng.Int64N(int64(2*time.Second)))
	mortal := n.alive && n.kills < 2 && (running > 2 || n.kills > 0) && w.now > w.busy
	switch k := w.rng.IntN(8); {
	case k < 3 && mortal:
		w.busy = w.now + int64(pause) + int64(time.Second)
		w.killed(n, pause)
	case k == 3 && mortal:
		w.busy = w.now + int64(pause) + int64(time.Second)
		w.left(n, pause)
	case k == 4:
		d := time.Duration(w.rng.Int64N(int64(80 * time.Millisecond)))
		w.fault("freeze %s for %v", n.id.Name, d)
		n.frozen = max(n.frozen, w.now+int64(d))
	case k == 5:
		w.fault("lose a tenth for %v", pause/20)
		w.loss += 0.1
		w.after(int64(pause)/20, func() { w.loss -= 0.1 })
	default:
		w.clock(n)
	}
}

// misbehave is any fault.
func (w *world) misbehave() {
	n := w.any()
	short := time.Duration(w.rng.Int64N(int64(100 * time.Millisecond)))
	long := time.Duration(w.rng.Int64N(int64(2 * time.Second)))
	switch k := w.rng.IntN(13); k {
	case 0, 1:
		if w.mild = false; n.alive {
			w.killed(n, long)
		}
	case 2:
		w.fault("loss for %v", short)
		w.mild = false
		w.loss += 0.5
		w.after(int64(short), func() { w.loss -= 0.5 })
	case 3, 4:
		if o := w.any(); o != n {
			d := []time.Duration{short, long}[k-3]
			oneWay := w.rng.IntN(3) == 0
			w.fault("cut %s from %s for %v, one way %v", n.id.Name, o.id.Name, d, oneWay)
			w.cut(n, o, true, oneWay)
			w.after(int64(d), func() { w.fault("heal %s %s", n.id.Name, o.id.Name); w.cut(n, o, false, oneWay) })
		}
	case 5:
		w.isolate(n, long)
	case 6:
		d := []time.Duration{short, short * 5, long}[w.rng.IntN(3)]
		w.fault("freeze %s for %v", n.id.Name, d)
		w.mild = false
		n.frozen = max(n.frozen, w.now+int64(d))
	case 7:
		w.fault("slow %s", n.id.Name)
		w.mild = false
		for i := range 30 {
			w.after(int64(i)*int64(60*time.Millisecond), func() { n.frozen = max(n.frozen, w.now+int64(50*time.Millisecond)) })
		}
	case 8:
		if w.mild = false; n.alive {
			w.left(n, long)
		}
	case 9, 10:
		w.clock(n)
	case 11:
		w.fault("%s crashes again and again", n.id.Name)
		w.mild = false
		for i := range int64(6) {
			w.after(i*int64(300*time.Millisecond), n.kill)
			w.after(i*int64(300*time.Millisecond)+int64(short), func() { n.up() })
		}
	case 12:
		w.fault("kill %s, it forgets its epoch and nobody answers for %v", n.id.Name, short*5)
		w.mild = false
		n.kill()
		n.disk = false
		w.loss += 1
		n.up(100_000)
		w.after(int64(short)*5, func() { w.loss -= 1 })
	}
}

func (w *world) killed(n *host, pause time.Duration) {
	w.fault("kill %s, up after %v", n.id.Name, pause)
	burst := w.rng.IntN(2) == 0 // its last words reach only some
	if burst {
		w.loss += 0.3
	}
	w.after(int64(time.Millisecond)*w.rng.Int64N(10), func() {
		if burst {
			w.loss -= 0.3
		}
		n.kill()
		w.after(int64(pause), func() { w.fault("up %s", n.id.Name); n.up() })
	})
}

func (w *world) left(n *host, pause time.Duration) {
	w.fault("leave %s, up after %v", n.id.Name, pause)
	n.step(Leave{})
	n.leaving = true
	inc := n.inc
	w.after(int64(w.hold), func() { // as bus/stream does: whoever has missed the end can ask for it
		if n.inc == inc {
			n.kill()
			w.after(int64(pause), func() { w.fault("up %s", n.id.Name); n.up() })
		}
	})
}

func (w *world) isolate(n *host, d time.Duration) {
	w.fault("isolate %s for %v", n.id.Name, d)
	for _, o := range w.nodes {
		if o != n {
			w.cut(n, o, true, false)
		}
	}
	w.after(int64(d), func() {
		w.fault("heal %s", n.id.Name)
		for _, o := range w.nodes {
			if o != n {
				w.cut(n, o, false, false)
			}
		}
	})
}

// clock sets a node's clock by up to five seconds.
func (w *world) clock(n *host) {
	n.skew = max(min(n.skew+w.rng.Int64N(int64(10*time.Second))-int64(5*time.Second), int64(5*time.Second)), -int64(5*time.Second))
	w.fault("clock of %s to %v", n.id.Name, time.Duration(n.skew))
}
