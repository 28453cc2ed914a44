package merge

import (
	"fmt"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

const simSeeds = 15

func eachSeed(t *testing.T, fn func(t *testing.T, seed uint64)) {
	t.Parallel()
	for seed := range uint64(simSeeds) {
		if ok := t.Run(fmt.Sprint(seed), func(t *testing.T) { fn(t, seed) }); !ok {
			return
		}
	}
}

func TestThreeNodesEmitTheSame(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, "alpha", "bravo", "charlie")
		c.nodes["bravo"].skew = int64(500 * time.Millisecond)
		c.nodes["charlie"].skew = -int64(500 * time.Millisecond)
		for _, n := range c.names() {
			c.up(n)
			c.run(time.Duration(c.rng.Int64N(int64(20 * time.Millisecond))))
		}
		c.run(100 * time.Millisecond)
		c.load(time.Second, 400)
		c.run(2 * time.Second)
		if n := len(c.nodes["alpha"].out); n != 1200 {
			t.Fatalf("alpha emitted %d events, want 1200", n)
		}
		c.wantSame("alpha", "bravo")
		c.wantSame("alpha", "charlie")
		if c.late() != 0 {
			t.Fatalf("%d late events without a fault", c.late())
		}
	})
}

func TestSimultaneousStartLosesNothing(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, "alpha", "bravo", "charlie")
		c.load(time.Second, 200) // from the first moment on: what comes before the join is complete is kept
		c.upAll()
		c.run(3 * time.Second)
		total := c.made["alpha"] + c.made["bravo"] + c.made["charlie"]
		if n := len(c.nodes["alpha"].out); n != total {
			t.Fatalf("alpha emitted %d of %d", n, total)
		}
		c.wantSame("alpha", "bravo")
		c.wantSame("alpha", "charlie")
	})
}

func TestSurvivorsOfACrashAgree(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, "alpha", "bravo", "charlie", "delta")
		for _, n := range c.names() {
			c.up(n)
		}
		c.run(100 * time.Millisecond)
		c.load(4*time.Second, 500)
		c.loss = 0.002
		c.run(time.Second + time.Duration(c.rng.Int64N(int64(100*time.Millisecond))))
		c.loss = 0.3 // the last frames of the victim reach only some
		c.run(2 * time.Millisecond)
		c.kill("charlie")
		c.loss = 0.002
		c.run(4 * time.Second)
		c.wantSame("alpha", "bravo")
		c.wantSame("alpha", "delta")
		if c.late() != 0 {
			t.Fatalf("%d late events at survivors", c.late())
		}
	})
}

func TestRestartWithANewEpochIsMergedAgain(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, "alpha", "bravo", "charlie")
		for _, n := range c.names() {
			c.up(n)
		}
		c.run(100 * time.Millisecond)
		c.load(4*time.Second, 300)
		c.run(time.Second)
		c.kill("charlie")
		c.run(time.Duration(c.rng.Int64N(int64(time.Second)))) // also before the others notice
		c.up("charlie")
		c.run(4 * time.Second)
		c.wantSame("alpha", "bravo")
		if c.late() != 0 {
			t.Fatalf("%d late events: %v", c.late(), c.nodes["alpha"].change)
		}
		// The newcomer's stream is the end of the others'.
		x, y := texts(c.nodes["alpha"].out), texts(c.nodes["charlie"].out)
		if len(y) < 500 || len(y) > len(x) {
			t.Fatalf("charlie emitted %d, alpha %d", len(y), len(x))
		}
		x = x[len(x)-len(y):]
		for i := range y {
			if x[i] != y[i] {
				t.Fatalf("the newcomer differs at %d: %s, alpha has %s", i, y[i], x[i])
			}
		}
	})
}

func TestLossIsRepaired(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		c := newCluster(t, seed, "alpha", "bravo", "charlie")
		for _, n := range c.names() {
			c.up(n)
		}
		c.run(100 * time.Millisecond)
		c.loss = 0.05
		c.load(2*time.Second, 300)
		c.run(2 * time.Second)
		c.loss = 0
		c.run(3 * time.Second)
		for _, n := range c.names() {
			if got := len(c.nodes[n].out); got != 1800 {
				t.Fatalf("%s emitted %d of 1800; lost %v", n, got, c.nodes[n].lost)
			}
			wantPerNodeOrder(t, c.nodes[n].out)
		}
	})
}

func TestGracefulLeaveStallsNobody(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, "alpha", "bravo", "charlie")
	for _, n := range c.names() {
		c.up(n)
	}
	c.run(100 * time.Millisecond)
	c.load(2*time.Second, 300)
	c.run(time.Second)
	c.step(c.nodes["charlie"], Leave{})
	c.kill("charlie")
	c.run(3 * time.Second)
	c.wantSame("alpha", "bravo")
	for _, ch := range c.nodes["alpha"].change {
		if ch.What == Dropped {
			t.Fatalf("a node that left was dropped: %v", ch)
		}
	}
}

// With a tick of its own size for each node, a hundred nodes have a tick of 100 ms: Hold must leave room for five.
func TestHoldIsAtLeastFiveTicks(t *testing.T) {
	t.Parallel()
	m := New(Config{Self: Node{"default", "alpha"}, Epoch: 1})
	var peers []Node
	for i := range 99 {
		peers = append(peers, Node{"default", fmt.Sprintf("n%02d", i)})
	}
	m.Step(Time{Mono: 1, Wall: 1}, Peers{peers})
	if got := time.Duration(m.hold()); got != 500*time.Millisecond {
		t.Fatalf("hold %v with %d nodes, want 500ms", got, len(peers)+1)
	}
}

func TestTooManyOwnEventsCutTheJoinShort(t *testing.T) {
	t.Parallel()
	m := New(Config{Self: Node{"default", "alpha"}, Epoch: 1, MaxQueued: 10})
	now := Time{Mono: 1, Wall: 1}
	m.Step(now, Start{[]Node{{"default", "silent"}}})
	for i := range 11 {
		if m.Settled() {
			t.Fatalf("settled after %d events", i)
		}
		m.Step(now, Own{[]wire.Entry{entry("x")}})
	}
	if !m.Settled() || m.Stats().Overruns != 1 {
		t.Fatalf("settled: %v, %+v", m.Settled(), m.Stats())
	}
}

func TestALoneNodeRests(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, "alpha")
	c.up("alpha")
	c.run(10 * time.Second)
	if steps := c.steps; steps > 10*(20+1)+10 { // a mark each sixth of Hold, a Seen each second
		t.Fatalf("%d steps in 10 s", steps)
	}
}

func TestUnfillableGapIsDeclared(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, "alpha", "bravo")
	c.up("alpha")
	c.up("bravo")
	c.run(100 * time.Millisecond)
	c.loss = 1
	c.load(100*time.Millisecond, 300)
	c.run(150 * time.Millisecond)
	made := c.made["bravo"]
	clear(c.nodes["bravo"].store) // its journal is gone
	c.loss = 0
	c.load(time.Second, 100)
	c.run(3 * time.Second)
	lost := c.nodes["alpha"].lost
	if len(lost) != 1 || lost[0].From != 1 || lost[0].To != uint64(made) || lost[0].Origin.Name != "bravo" {
		t.Fatalf("declared %v, want bravo 1–%d", lost, made)
	}
	wantPerNodeOrder(t, c.nodes["alpha"].out)
}

func TestFencedNodeJoinsAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, "alpha", "bravo")
	c.up("alpha")
	c.up("bravo")
	c.run(100 * time.Millisecond)
	epoch := c.nodes["bravo"].m.Epoch()
	c.kill("bravo")
	c.run(500 * time.Millisecond)
	n := c.nodes["bravo"]
	n.alive, n.wakeAt = true, 0
	n.m = New(Config{Self: n.id, Epoch: epoch - 10}) // its clock was set back
	c.step(n, Start{c.peers(n)})
	c.load(500*time.Millisecond, 100)
	c.run(2 * time.Second)
	if n.m.Epoch() <= epoch {
		t.Fatalf("epoch %d, want above %d", n.m.Epoch(), epoch)
	}
	got := 0
	for _, e := range c.nodes["alpha"].out {
		if e.Node.Name == "bravo" {
			got++
		}
	}
	if got != c.made["bravo"] {
		t.Fatalf("alpha has %d of bravo's %d events", got, c.made["bravo"])
	}
}

func wantPerNodeOrder(t *testing.T, events []Event) {
	t.Helper()
	last := map[Node]Event{}
	for _, e := range events {
		if p, ok := last[*e.Node]; ok && (e.Epoch < p.Epoch || e.Epoch == p.Epoch && e.Seq <= p.Seq) {
			t.Fatalf("%v: %d/%d after %d/%d", e.Node, e.Epoch, e.Seq, p.Epoch, p.Seq)
		}
		last[*e.Node] = e
	}
}

// TestOwnEventsBeforeTheStartAreBounded: a node whose name is another's may serve clients for half a minute before it may join.
func TestOwnEventsBeforeTheStartAreBounded(t *testing.T) {
	t.Parallel()
	m := New(Config{Self: Node{"default", "a"}, Epoch: 1, MaxQueued: 10})
	told := 0
	for i := range 15 {
		for _, out := range m.Step(Time{Mono: int64(i), Wall: int64(i)}, Own{[]wire.Entry{entry("x"), entry("y")}}) {
			if c, ok := out.(Change); ok && c.What == Refused {
				told++
			}
		}
	}
	emitted := 0
	for _, out := range m.Step(Time{Mono: 100, Wall: 100}, Start{}) {
		if e, ok := out.(Emit); ok {
			emitted += len(e.Events)
		}
	}
	if s := m.Stats(); told != 1 || s.Refused != 20 || emitted != 10 {
		t.Errorf("told %d times, %d refused, %d emitted", told, s.Refused, emitted)
	}
}
