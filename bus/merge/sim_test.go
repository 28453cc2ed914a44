package merge

import (
	stdheap "container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// cluster runs machines in fake time in one goroutine: same seed, same trace.
type cluster struct {
	t     *testing.T
	rng   *rand.Rand
	now   int64
	queue timeline
	order uint64
	nodes map[string]*simNode
	loss  float64
	deaf  string         // this node hears nobody and is not heard
	mute  bool           // nobody answers an Ask
	made  map[string]int // events made, by node name
	steps int
}

type simNode struct {
	name   string
	id     Node
	m      *Machine
	inc    int // incarnation: messages and timers of an older one are void
	alive  bool
	skew   int64
	out    []Event
	store  map[string]wire.Entry // node/epoch/seq
	lost   []Lost
	change []Change
	wakeAt int64
}

type happening struct {
	at    int64
	order uint64
	fn    func()
}
type timeline []happening

func (q timeline) Len() int { return len(q) }
func (q timeline) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q timeline) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *timeline) Push(x any)   { *q = append(*q, x.(happening)) }
func (q *timeline) Pop() any {
	old := *q
	h := old[len(old)-1]
	*q = old[:len(old)-1]
	return h
}

func newCluster(t *testing.T, seed uint64, names ...string) *cluster {
	c := &cluster{t: t, rng: rand.New(rand.NewPCG(seed, 1)), nodes: map[string]*simNode{}, made: map[string]int{}}
	for _, n := range names {
		c.nodes[n] = &simNode{name: n, id: Node{"default", n}}
	}
	return c
}

func (c *cluster) after(d time.Duration, fn func()) {
	c.order++
	stdheap.Push(&c.queue, happening{c.now + int64(d), c.order, fn})
}

func (c *cluster) run(d time.Duration) {
	end := c.now + int64(d)
	for len(c.queue) > 0 && c.queue[0].at <= end {
		h := stdheap.Pop(&c.queue).(happening)
		c.now = h.at
		h.fn()
	}
	c.now = end
}

func (c *cluster) names() []string {
	var all []string
	for n := range c.nodes {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

func (c *cluster) peers(of *simNode) []Node {
	var all []Node
	for _, name := range c.names() {
		if n := c.nodes[name]; n != of && n.alive {
			all = append(all, n.id)
		}
	}
	return all
}

// up starts a fresh process of that node.
func (c *cluster) up(name string) {
	n := c.nodes[name]
	n.inc++
	n.alive, n.out, n.lost, n.change, n.wakeAt = true, nil, nil, nil, 0
	n.store = map[string]wire.Entry{}
	n.m = New(Config{Self: n.id, Epoch: uint64(1_700_000_000_000 + c.now/1e6)})
	for _, other := range c.names() {
		if o := c.nodes[other]; o.alive && o.m != nil && o != n {
			c.step(o, Peers{c.peers(o)})
		}
	}
	c.step(n, Start{c.peers(n)})
}

// upAll starts all nodes at once, each knowing of the others.
func (c *cluster) upAll() {
	for _, name := range c.names() {
		c.nodes[name].alive = true
	}
	for _, name := range c.names() {
		c.up(name)
	}
}

func (c *cluster) kill(name string) {
	n := c.nodes[name]
	n.alive = false
	n.inc++
}

func (c *cluster) step(n *simNode, in Input) {
	if !n.alive || n.m == nil {
		return
	}
	c.steps++
	wall := int64(1_700_000_000_000_000_000) + c.now + n.skew
	outs := slices.Clone(n.m.Step(Time{Mono: c.now, Wall: wall}, in))
	for _, out := range outs {
		c.carryOut(n, out)
	}
	if _, tick := in.(Tick); tick && n.alive && n.m.Wake() <= c.now {
		c.t.Fatalf("%s spins: it wants to wake at %d, now is %d", n.name, n.m.Wake(), c.now)
	}
	if w := n.m.Wake(); n.wakeAt <= c.now || w < n.wakeAt {
		n.wakeAt = w
		inc := n.inc
		c.after(time.Duration(max(w-c.now, 0)), func() {
			if n.inc == inc && n.wakeAt == w {
				n.wakeAt = 0
				c.step(n, Tick{})
			}
		})
	}
}

func key(o Node, epoch, seq uint64) string { return fmt.Sprintf("%s/%d/%d", o.Name, epoch, seq) }

func (c *cluster) carryOut(n *simNode, out Output) {
	switch out := out.(type) {
	case Emit:
		for _, e := range out.Events {
			if e.Missing > 0 {
				n.lost = append(n.lost, lostOf(&e))
			} else {
				n.out = append(n.out, e)
			}
		}
	case Keep:
		n.keep(out.Events)
	case Early:
		n.keep(out.Events)
	case Change:
		n.change = append(n.change, out)
	case Send:
		b := wire.AppendFrame(nil, out.Frame)
		c.toAll(n, func(to *simNode) {
			var f wire.Frame
			if err := wire.ParseFrame(b, &f); err != nil {
				c.t.Fatal(err)
			}
			c.step(to, FrameIn{Frame: &f})
		})
	case SendJoin:
		c.toAll(n, func(to *simNode) { c.step(to, JoinIn{proto.Clone(out.Join).(*amibuspb.Join)}) })
	case SendSeen:
		c.toAll(n, func(to *simNode) { c.step(to, SeenIn(out)) })
	case SendJoinAnswer:
		c.deliver(n, c.nodes[out.To.Name], func(to *simNode) { c.step(to, JoinAnswerIn{out.Answer}) })
	case Ask:
		c.replay(n, out)
	}
}

// Lost is a gap as the tests name it.
type Lost struct {
	Origin   Node
	Epoch    uint64
	From, To uint64
}

func lostOf(e *Event) Lost { return Lost{*e.Node, e.Epoch, e.Seq - e.Missing + 1, e.Seq} }

func (n *simNode) keep(events []Event) {
	for _, e := range events {
		if e.Missing == 0 {
			n.store[key(*e.Node, e.Epoch, e.Seq)] = e.Entry
		}
	}
}

func (c *cluster) toAll(from *simNode, fn func(to *simNode)) {
	for _, name := range c.names() {
		if to := c.nodes[name]; to != from {
			c.deliver(from, to, fn)
		}
	}
}

// deliver keeps the order of a pair of nodes by a constant delay for each pair, and loses some.
func (c *cluster) deliver(from, to *simNode, fn func(to *simNode)) {
	if c.rng.Float64() < c.loss || from.name == c.deaf || to.name == c.deaf {
		return
	}
	delay := time.Duration(100+7*len(from.name)+31*int(to.name[0]-'a')) * time.Microsecond
	inc := to.inc
	c.after(delay, func() {
		if to.inc == inc && to.alive {
			fn(to)
		}
	})
}

func (c *cluster) replay(n *simNode, a Ask) {
	inc := n.inc
	failed := false
	done := func() {
		if n.inc == inc {
			c.step(n, ReplayEnd{Ask: a, Failed: failed})
		}
	}
	target := c.nodes[a.Target.Name]
	c.after(300*time.Microsecond, func() {
		if !target.alive || c.mute || target.name == c.deaf || n.name == c.deaf {
			failed = true
			c.after(300*time.Microsecond, done)
			return
		}
		f := &wire.Frame{Site: a.Origin.Site, Node: a.Origin.Name, Epoch: a.Epoch}
		for seq := a.From; seq <= a.To; seq++ {
			e, ok := target.store[key(a.Origin, a.Epoch, seq)]
			if !ok {
				break
			}
			if len(f.Entries) == 0 {
				f.First = seq
			}
			f.Entries = append(f.Entries, e)
		}
		c.after(300*time.Microsecond, func() {
			if n.inc == inc && len(f.Entries) > 0 {
				c.step(n, FrameIn{Frame: f, Replay: true})
			}
			done()
		})
	})
}

// load makes events at every living node, at random moments, for d.
func (c *cluster) load(d time.Duration, perSecond int) {
	for _, name := range c.names() {
		n := c.nodes[name]
		for range int(d.Seconds() * float64(perSecond)) {
			c.after(time.Duration(c.rng.Int64N(int64(d))), func() {
				if n.alive {
					c.made[name]++
					c.step(n, Own{[]wire.Entry{entry(fmt.Sprintf("%s-%d", name, c.made[name]))}})
				}
			})
		}
	}
}

func entry(text string) wire.Entry {
	e, err := wire.ParseEntry(wire.AppendEntry(nil, 2, []byte("Test"), nil, nil, []byte(text)))
	if err != nil {
		panic(err)
	}
	return e
}

func texts(events []Event) []string {
	var all []string
	for i := range events {
		all = append(all, string(events[i].Entry.AMI()))
	}
	return all
}

func (c *cluster) late() (n uint64) {
	for _, s := range c.nodes {
		if s.alive {
			n += s.m.Stats().Late
		}
	}
	return n
}

// wantSame fails unless both nodes emitted the same events in the same order.
func (c *cluster) wantSame(a, b string) {
	c.t.Helper()
	x, y := texts(c.nodes[a].out), texts(c.nodes[b].out)
	for i := range max(len(x), len(y)) {
		if i >= len(x) || i >= len(y) || x[i] != y[i] {
			c.t.Fatalf("%s (%d events) and %s (%d) differ at %d: %v / %v\n%v\n%v", a, len(x), b, len(y), i, at(x, i), at(y, i),
				c.nodes[a].change, c.nodes[b].change)
		}
	}
}

func at(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return "(end)"
}
