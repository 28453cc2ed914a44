package merge

import (
	stdheap "container/heap"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// chaos is a cluster with a network and processes that misbehave, and a checker that knows what must hold nevertheless.
type chaos struct {
	t       *testing.T
	rng     *rand.Rand
	now     int64
	queue   timeline
	order   uint64
	nodes   []*chaosNode
	loss    float64
	dup     float64
	jitter  time.Duration
	apart   map[[2]int]bool  // pairs that cannot talk, one way
	last    map[string]int64 // arrival of the last message of a pair and kind: they do not overtake
	faults  []string
	fencing bool
	keep    int  // events of a stream a journal holds, 0: all
	dead    bool // the dead are still listed as alive
}

type chaosNode struct {
	c       *chaos
	at      int
	id      Node
	m       *Machine
	inc     int
	alive   bool
	skew    int64
	frozen  int64
	wakeAt  int64
	store   map[Node]map[uint64]*chaosLog
	arrive  map[string]int64
	view    map[Node]*chaosView
	floor   *Event
	began   bool
	changes []string
	late    int
	losses  []Lost
	emitted []string
	own     map[uint64]uint64 // last own seq of each epoch of this process
}

type chaosLog struct {
	first uint64
	items []wire.Entry
}

// chaosView is what a listener has said of one origin.
type chaosView struct {
	epoch, seq uint64            // emitted or declared up to here
	began      map[uint64]uint64 // epoch: first seq said
	ended      map[uint64]uint64 // epoch: last seq said, declared included
	holes      []Lost
}

func newChaos(t *testing.T, seed uint64, n int) *chaos {
	c := &chaos{t: t, rng: rand.New(rand.NewPCG(seed, 7)), apart: map[[2]int]bool{}, last: map[string]int64{}}
	for i := range n {
		c.nodes = append(c.nodes, &chaosNode{c: c, at: i, id: Node{"default", string(rune('a' + i))}})
	}
	return c
}

func (c *chaos) after(d int64, fn func()) {
	c.order++
	h := happening{c.now + max(d, 0), c.order, fn}
	stdheap.Push(&c.queue, h)
}

func (c *chaos) run(d time.Duration) {
	end := c.now + int64(d)
	for len(c.queue) > 0 && c.queue[0].at <= end {
		h := stdheap.Pop(&c.queue).(happening)
		c.now = h.at
		h.fn()
	}
	c.now = end
}

func (c *chaos) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf("%6d ms %s", c.now/1e6, fmt.Sprintf(format, args...)))
}

func (c *chaos) fail(format string, args ...any) {
	c.t.Helper()
	for _, f := range c.faults {
		c.t.Log(f)
	}
	for _, n := range c.nodes {
		if n.alive {
			for _, s := range n.changes {
				c.t.Logf("%s: %s", n.id.Name, s)
			}
		}
	}
	c.t.Fatalf("at %d ms: "+format, append([]any{c.now / 1e6}, args...)...)
}

func (n *chaosNode) peers() []Node {
	var all []Node
	for _, o := range n.c.nodes {
		if o != n && (o.alive || n.c.dead) {
			all = append(all, o.id)
		}
	}
	return all
}

func (n *chaosNode) up(back ...uint64) {
	n.inc++
	n.alive, n.wakeAt, n.frozen = true, 0, 0
	n.store, n.view, n.arrive = map[Node]map[uint64]*chaosLog{}, map[Node]*chaosView{}, map[string]int64{}
	n.own, n.floor, n.changes, n.losses, n.emitted, n.late, n.began = map[uint64]uint64{}, nil, nil, nil, nil, 0, false
	epoch := uint64(1_700_000_000_000 + (n.c.now+n.skew)/1e6)
	for _, b := range back {
		epoch -= b
	}
	n.m = New(Config{Self: n.id, Epoch: epoch})
	n.c.tellPeers()
	n.step(Start{n.peers()})
}

func (c *chaos) tellPeers() {
	for _, o := range c.nodes {
		inc := o.inc
		c.after(c.rng.Int64N(int64(5*time.Millisecond)), func() {
			if o.inc == inc && o.alive {
				o.step(Peers{o.peers()})
			}
		})
	}
}

func (n *chaosNode) kill() {
	n.alive = false
	n.inc++
	n.c.tellPeers()
}

func (n *chaosNode) step(in Input) {
	if !n.alive {
		return
	}
	c := n.c
	if n.frozen > c.now {
		inc := n.inc
		c.after(n.frozen-c.now, func() {
			if n.inc == inc {
				n.step(in)
			}
		})
		return
	}
	wall := int64(1_700_000_000_000_000_000) + c.now + n.skew
	outs := append([]Output(nil), n.m.Step(Time{Mono: c.now, Wall: wall}, in)...)
	n.begin(outs)
	for _, out := range outs {
		n.carryOut(out)
	}
	if _, tick := in.(Tick); tick && n.m.Wake() <= c.now {
		c.fail("%s spins", n.id.Name)
	}
	n.arm()
}

// begin notes where the view starts, once the first join is complete.
func (n *chaosNode) begin(outs []Output) {
	settled := false
	first := map[Node]Position{}
	for _, out := range outs {
		switch out := out.(type) {
		case Change:
			settled = settled || out.What == Settled
		case Emit:
			for i := range out.Events {
				if e := &out.Events[i]; first[*e.Node].Epoch == 0 {
					first[*e.Node] = Position{Epoch: e.Epoch, Emitted: e.Seq - 1}
				}
			}
		}
	}
	if !settled || n.began {
		return
	}
	n.began = true
	for _, p := range n.m.Positions() {
		if f, ok := first[p.Node]; ok {
			p.Epoch, p.Emitted = f.Epoch, f.Emitted
		}
		if p.Emitted > 0 {
			n.view[p.Node] = &chaosView{epoch: p.Epoch, seq: p.Emitted, began: map[uint64]uint64{p.Epoch: p.Emitted + 1}, ended: map[uint64]uint64{p.Epoch: p.Emitted}}
		}
	}
}

func (n *chaosNode) arm() {
	c := n.c
	if w := max(n.m.Wake(), n.frozen); n.wakeAt == 0 || w < n.wakeAt {
		n.wakeAt = w
		inc := n.inc
		c.after(w-c.now, func() {
			if n.inc == inc && n.wakeAt == w {
				n.wakeAt = 0
				n.step(Tick{})
				if n.wakeAt == 0 {
					n.arm()
				}
			}
		})
	}
}

func (n *chaosNode) log(o Node, epoch uint64) *chaosLog {
	if n.store[o] == nil {
		n.store[o] = map[uint64]*chaosLog{}
	}
	l := n.store[o][epoch]
	if l == nil {
		l = &chaosLog{first: 1}
		n.store[o][epoch] = l
	}
	return l
}

func (n *chaosNode) carryOut(out Output) {
	c := n.c
	switch out := out.(type) {
	case Emit:
		for i := range out.Events {
			if e := &out.Events[i]; e.Missing > 0 {
				n.declared(lostOf(e))
			} else {
				n.say(e)
			}
		}
	case Keep:
		for i := range out.Events {
			e := &out.Events[i]
			if e.Missing > 0 {
				continue
			}
			l := n.log(*e.Node, e.Epoch)
			if e.Seq != l.first+uint64(len(l.items)) {
				*l = chaosLog{first: e.Seq}
			}
			l.items = append(l.items, e.Entry)
			if c.keep > 0 && len(l.items) > c.keep {
				l.items, l.first = l.items[1:], l.first+1
			}
			n.arrive[key(*e.Node, e.Epoch, e.Seq)] = c.now
			if *e.Node == n.id {
				n.own[e.Epoch] = e.Seq
			}
		}
	case Change:
		n.changes = append(n.changes, fmt.Sprintf("%6d ms %s/%d %s %s", c.now/1e6, out.Node.Name, out.Epoch, out.What, out.Why))
	case Send:
		b := wire.AppendFrame(nil, out.Frame)
		n.toAll("frame", func(to *chaosNode) {
			var f wire.Frame
			if err := wire.ParseFrame(b, &f); err != nil {
				c.t.Fatal(err)
			}
			to.step(FrameIn{Frame: &f})
		})
	case SendJoin:
		n.toAll("join", func(to *chaosNode) { to.step(JoinIn{proto.Clone(out.Join).(*amibuspb.Join)}) })
	case SendSeen:
		n.toAll("seen", func(to *chaosNode) { to.step(SeenIn(out)) })
	case SendJoinAnswer:
		for _, to := range c.nodes {
			if to.id == out.To {
				n.deliver("joined", to, func(to *chaosNode) { to.step(JoinAnswerIn{out.Answer}) })
			}
		}
	case Ask:
		n.ask(out)
	}
}

func (n *chaosNode) toAll(kind string, fn func(*chaosNode)) {
	for _, to := range n.c.nodes {
		if to != n {
			n.deliver(kind, to, fn)
		}
	}
}

func (n *chaosNode) deliver(kind string, to *chaosNode, fn func(*chaosNode)) {
	c := n.c
	if !to.alive || c.apart[[2]int{n.at, to.at}] || c.rng.Float64() < c.loss {
		return
	}
	at := c.now + int64(100*time.Microsecond) + int64(n.at*7+to.at*31)*1000
	if c.jitter > 0 {
		at += c.rng.Int64N(int64(c.jitter))
	}
	lane := fmt.Sprint(kind, n.at, ".", to.at)
	at = max(at, c.last[lane]+1)
	c.last[lane] = at
	inc := to.inc
	arrive := func() {
		if to.inc == inc && to.alive {
			fn(to)
		}
	}
	c.after(at-c.now, arrive)
	if c.rng.Float64() < c.dup {
		c.after(at-c.now+c.rng.Int64N(int64(100*time.Millisecond)), arrive)
	}
}

// ask serves a replay in chunks; a loss breaks it off.
func (n *chaosNode) ask(a Ask) {
	c := n.c
	inc := n.inc
	var target *chaosNode
	for _, o := range c.nodes {
		if o.id == a.Target {
			target = o
		}
	}
	later := func(d time.Duration, fn func()) {
		c.after(int64(d), func() {
			if n.inc == inc {
				fn()
			}
		})
	}
	done := func() { n.step(ReplayEnd{Ask: a}) }
	failed := func() { n.step(ReplayEnd{a, true}) }
	if target == nil || !target.alive || c.apart[[2]int{n.at, target.at}] && c.rng.IntN(2) == 0 {
		later(200*time.Microsecond, failed) // no responders
		return
	}
	var next func(from uint64)
	next = func(from uint64) {
		if !target.alive || c.apart[[2]int{n.at, target.at}] || c.apart[[2]int{target.at, n.at}] || c.rng.Float64() < c.loss || target.frozen > c.now {
			later(300*time.Millisecond, failed)
			return
		}
		l := target.log(a.Origin, a.Epoch)
		from = max(from, l.first)
		f := &wire.Frame{Site: a.Origin.Site, Node: a.Origin.Name, Epoch: a.Epoch, First: from}
		for seq := from; seq <= a.To && seq < l.first+uint64(len(l.items)) && len(f.Entries) < 50; seq++ {
			f.Entries = append(f.Entries, l.items[seq-l.first])
		}
		if len(f.Entries) == 0 {
			later(300*time.Microsecond, done)
			return
		}
		later(300*time.Microsecond+time.Duration(c.rng.Int64N(int64(c.jitter)+1)), func() {
			n.step(FrameIn{Frame: f, Replay: true})
			next(from + uint64(len(f.Entries)))
		})
	}
	later(200*time.Microsecond, func() { next(a.From) })
}

func (c *chaos) load(d time.Duration, perSecond int) {
	for _, n := range c.nodes {
		for range int(d.Seconds() * float64(perSecond)) {
			c.after(c.rng.Int64N(int64(d)), func() {
				if n.alive {
					var batch []wire.Entry
					for range 1 + c.rng.IntN(2) {
						batch = append(batch, entry("x"))
					}
					n.step(Own{batch})
				}
			})
		}
	}
}

func (c *chaos) misbehave() {
	n := c.nodes[c.rng.IntN(len(c.nodes))]
	short := time.Duration(c.rng.Int64N(int64(100 * time.Millisecond)))
	long := time.Duration(c.rng.Int64N(int64(2 * time.Second)))
	kinds := 10
	if c.fencing {
		kinds = 11
	}
	switch k := c.rng.IntN(kinds); k {
	case 10:
		c.fault("kill %s, it forgets its epoch and nobody answers for %v", n.id.Name, short*5)
		n.kill()
		c.loss += 1
		n.up(100_000)
		c.after(int64(short)*5, func() { c.loss -= 1 })
	case 0, 1:
		if !n.alive {
			return
		}
		c.fault("kill %s, up after %v", n.id.Name, long)
		burst := c.rng.IntN(2) == 0
		if burst {
			c.loss += 0.3
		}
		c.after(int64(short)/10, func() {
			if burst {
				c.loss -= 0.3
			}
			n.kill()
			c.after(int64(long), func() { c.fault("up %s", n.id.Name); n.up() })
		})
	case 2:
		c.fault("loss for %v", short)
		c.loss += 0.5
		c.after(int64(short), func() { c.loss -= 0.5 })
	case 3, 4:
		o := c.nodes[c.rng.IntN(len(c.nodes))]
		if o == n {
			return
		}
		oneWay := c.rng.IntN(3) == 0
		d := short
		if k == 4 {
			d = long
		}
		c.fault("cut %s from %s for %v, one way %v", n.id.Name, o.id.Name, d, oneWay)
		c.cut(n, o, true, oneWay)
		c.after(int64(d), func() { c.fault("heal %s %s", n.id.Name, o.id.Name); c.cut(n, o, false, oneWay) })
	case 5:
		c.fault("isolate %s for %v", n.id.Name, long)
		for _, o := range c.nodes {
			if o != n {
				c.cut(n, o, true, false)
			}
		}
		c.after(int64(long), func() {
			c.fault("heal %s", n.id.Name)
			for _, o := range c.nodes {
				if o != n {
					c.cut(n, o, false, false)
				}
			}
		})
	case 6:
		d := []time.Duration{short, short * 5, long}[c.rng.IntN(3)]
		c.fault("freeze %s for %v", n.id.Name, d)
		n.frozen = max(n.frozen, c.now+int64(d))
	case 7:
		c.fault("slow %s", n.id.Name)
		for i := range 30 {
			c.after(int64(i)*int64(60*time.Millisecond), func() { n.frozen = max(n.frozen, c.now+int64(50*time.Millisecond)) })
		}
	case 8:
		if !n.alive {
			return
		}
		c.fault("leave %s, up after %v", n.id.Name, long)
		n.step(Leave{})
		n.kill()
		c.after(int64(long), func() { c.fault("up %s", n.id.Name); n.up() })
	case 9:
		n.skew += c.rng.Int64N(int64(time.Second)) - int64(500*time.Millisecond)
		n.skew = max(min(n.skew, int64(800*time.Millisecond)), -int64(800*time.Millisecond))
		c.fault("skew %s to %v", n.id.Name, time.Duration(n.skew))
	}
}

func (c *chaos) cut(a, b *chaosNode, on, oneWay bool) {
	c.apart[[2]int{a.at, b.at}] = on
	if !oneWay {
		c.apart[[2]int{b.at, a.at}] = on
	}
}

// calm ends all faults and checks that the cluster is whole again, and what it has said.
func (c *chaos) calm() {
	c.run(3 * time.Second)
	c.loss, c.dup, c.jitter = 0, 0, 0
	clear(c.apart)
	for _, n := range c.nodes {
		if !n.alive {
			n.up()
		}
	}
	c.run(70 * time.Second)
	marks := map[*chaosNode]int{}
	lates := map[*chaosNode]int{}
	for _, n := range c.nodes {
		marks[n], lates[n] = len(n.emitted), n.late
	}
	c.load(time.Second, 100)
	c.run(2 * time.Second)
	first := c.nodes[0]
	for _, n := range c.nodes {
		for _, p := range n.m.Positions() {
			if !p.Awaited || p.Gapped || p.Queued > 0 {
				c.fail("%s in the end: %+v", n.id.Name, p)
			}
		}
		if n.late != lates[n] {
			c.fail("%s has %d late in calm", n.id.Name, n.late-lates[n])
		}
		if fmt.Sprint(n.emitted[marks[n]:]) != fmt.Sprint(first.emitted[marks[first]:]) {
			c.fail("%s and %s differ in calm", n.id.Name, first.id.Name)
		}
	}
	c.checkLosses()
}

// chaosRuns: a change to the protocol deserves some thousands.
var chaosRuns = flag.Int("chaos", 20, "number of runs of TestChaos")

func TestChaos(t *testing.T) {
	t.Parallel()
	for seed := range *chaosRuns {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			c := newChaos(t, uint64(seed), 3+seed%3)
			c.dead = seed%2 == 1
			c.fencing = seed%4 == 2
			c.keep = []int{0, 0, 30}[c.rng.IntN(3)]
			c.jitter = []time.Duration{0, time.Millisecond, 20 * time.Millisecond}[c.rng.IntN(3)]
			c.dup = []float64{0, 0.01}[c.rng.IntN(2)]
			c.loss = []float64{0, 0.005}[c.rng.IntN(2)]
			for _, n := range c.nodes {
				n.skew = c.rng.Int64N(int64(time.Second)) - int64(500*time.Millisecond)
				n.up()
				c.run(time.Duration(c.rng.Int64N(int64(50 * time.Millisecond))))
			}
			c.run(500 * time.Millisecond)
			c.load(8*time.Second, 60)
			for range 1 + c.rng.IntN(8) {
				c.after(c.rng.Int64N(int64(6*time.Second)), c.misbehave)
			}
			c.run(8 * time.Second)
			c.calm()
		})
	}
}
