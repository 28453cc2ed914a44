package merge

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// threeUp returns a settled cluster.
func threeUp(t *testing.T) *cluster {
	c := newCluster(t, 1, "alpha", "bravo", "charlie")
	for _, n := range c.names() {
		c.up(n)
	}
	c.run(100 * time.Millisecond)
	return c
}

func (c *cluster) awaits(who, whom string) bool {
	return slices.ContainsFunc(c.nodes[who].m.Positions(), func(p Position) bool { return p.Node.Name == whom && p.Awaited })
}

func changed(n *simNode, what ChangeKind) bool {
	return slices.ContainsFunc(n.change, func(ch Change) bool { return ch.What == what })
}

func TestWhoLeftAndIsBackUnheardIsAwaited(t *testing.T) {
	t.Parallel()
	c := threeUp(t)
	c.step(c.nodes["charlie"], Leave{})
	c.kill("charlie")
	c.run(time.Second)
	c.loss = 1 // nobody hears it join
	c.up("charlie")
	c.run(time.Second)
	c.loss = 0
	c.run(5 * time.Second)
	if !c.awaits("alpha", "charlie") || !c.awaits("bravo", "charlie") {
		t.Fatal("charlie is back and not awaited")
	}
}

func TestADeadPeerGetsNoJoinerDropped(t *testing.T) {
	t.Parallel()
	c := threeUp(t)
	c.kill("bravo")
	c.run(time.Second)
	c.kill("charlie")
	c.run(time.Second)
	n := c.nodes["charlie"]
	c.nodes["bravo"].alive = true // so it is said, but nothing of it runs
	c.nodes["bravo"].m = nil
	c.up("charlie")
	c.nodes["alpha"].change = nil
	c.run(time.Duration(n.m.join.deadline-c.now) - time.Millisecond)
	c.loss = 1 // its first mark is lost too
	c.run(2 * time.Millisecond)
	c.loss = 0
	c.run(time.Second)
	if !n.m.Settled() || changed(c.nodes["alpha"], Dropped) {
		t.Fatalf("settled %v, alpha says %v", n.m.Settled(), c.nodes["alpha"].change)
	}
}

// TestAnIsolatedListenerMissesNoIncarnation: a node restarts twice, or leaves and is back, while a listener hears nobody.
func TestAnIsolatedListenerMissesNoIncarnation(t *testing.T) {
	t.Parallel()
	for _, restarts := range []int{1, 2} {
		c := threeUp(t)
		c.load(6*time.Second, 50)
		c.run(time.Second)
		c.deaf = "alpha"
		for range restarts {
			c.run(500 * time.Millisecond)
			c.step(c.nodes["charlie"], Leave{})
			c.kill("charlie")
			c.run(200 * time.Millisecond)
			c.up("charlie")
		}
		c.run(500 * time.Millisecond)
		c.deaf = ""
		c.run(8 * time.Second)
		got := map[string]bool{}
		for _, text := range texts(c.nodes["alpha"].out) {
			got[text] = true
		}
		lost := uint64(0)
		for _, l := range c.nodes["alpha"].lost {
			lost += l.To - l.From + 1
		}
		for _, text := range texts(c.nodes["bravo"].out) {
			if !got[text] && lost == 0 {
				t.Fatalf("%d restarts: alpha misses %s without a word", restarts, text)
			}
		}
		wantPerNodeOrder(t, c.nodes["alpha"].out)
	}
}

// TestFencedWhileRunning: the node goes on from where it stands, whatever the others have emitted by then.
func TestFencedWhileRunning(t *testing.T) {
	t.Parallel()
	c := threeUp(t)
	c.load(4*time.Second, 300)
	c.run(500 * time.Millisecond)
	c.deaf = "bravo" // it falls behind, and has events of its own to send
	c.run(time.Second)
	c.deaf = ""
	c.run(2 * time.Millisecond)
	n := c.nodes["bravo"]
	epoch := n.m.Epoch()
	c.step(n, JoinAnswerIn{&amibuspb.JoinAnswer{Site: "default", Node: "alpha", JoinerEpoch: epoch, HighestEpoch: epoch + 5}})
	c.run(6 * time.Second)
	if n.m.Epoch() != epoch+6 {
		t.Fatalf("epoch %d, want %d", n.m.Epoch(), epoch+6)
	}
	for _, name := range c.names() {
		n := c.nodes[name]
		wantPerNodeOrder(t, n.out)
		if got := len(n.out); got != 3600 || len(n.lost) > 0 {
			t.Errorf("%s emitted %d of 3600, lost %v", name, got, n.lost)
		}
	}
}

// TestAMissingTailIsDeclared: the last events are gone, nothing follows them, and the origin says it does not have them.
func TestAMissingTailIsDeclared(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, "alpha", "bravo")
	c.up("alpha")
	c.up("bravo")
	c.run(100 * time.Millisecond)
	c.loss = 1
	c.load(50*time.Millisecond, 200)
	c.run(100 * time.Millisecond)
	clear(c.nodes["bravo"].store)
	c.loss = 0
	c.run(2 * time.Second)
	if lost := c.nodes["alpha"].lost; len(lost) != 1 || lost[0].To != uint64(c.made["bravo"]) {
		t.Fatalf("declared %v, want bravo 1–%d", lost, c.made["bravo"])
	}
}

// TestAShortBurstOfLossCostsNothing: while nobody can be asked, a hole is no loss.
func TestAShortBurstOfLossCostsNothing(t *testing.T) {
	t.Parallel()
	c := threeUp(t)
	c.load(2*time.Second, 200)
	c.run(500 * time.Millisecond)
	c.deaf, c.mute = "alpha", true
	c.run(50 * time.Millisecond)
	c.deaf = ""
	c.run(500 * time.Millisecond) // frames come again, answers do not
	c.mute = false
	c.run(4 * time.Second)
	if lost := c.nodes["alpha"].lost; len(lost) > 0 {
		t.Fatalf("declared %v", lost)
	}
}

// TestALaggingClockIsTriedEverMoreRarely: its marks never get as far as the others' events.
func TestALaggingClockIsTriedEverMoreRarely(t *testing.T) {
	t.Parallel()
	m := New(Config{Self: Node{"s", "a"}})
	o := m.origin(Node{"s", "b"})
	for range 20 {
		m.drop(o, "test")
		if o.drops > 8 && m.penalty(o) < int64(time.Minute) {
			t.Fatalf("%d drops, penalty %v", o.drops, time.Duration(m.penalty(o)))
		}
		m.now.Mono += m.penalty(o)
		m.admit(o, Returned)
		m.now.Mono += int64(300 * time.Millisecond)
	}
	if o.drops < 20 {
		t.Fatalf("the back-off began anew: %d drops", o.drops)
	}
	m.now.Mono += int64(3 * time.Minute)
	if m.drop(o, "test"); o.drops != 1 {
		t.Fatalf("%d drops after a long time in order", o.drops)
	}
}

// TestNobodyHidesBehindAnother: two nodes block one event; when the first is dropped, the second must not get more time.
func TestNobodyHidesBehindAnother(t *testing.T) {
	t.Parallel()
	const wall = int64(1_700_000_000_000_000_000)
	m := New(Config{Self: Node{"s", "a"}, Epoch: 1})
	m.Step(Time{0, wall}, Start{})
	for _, name := range []string{"b", "c"} {
		o := m.origin(Node{"s", name})
		m.openStream(o, 1)
		m.admit(o, Joined)
		o.mark = math.MinInt64
		m.place(o)
	}
	m.Step(Time{0, wall}, Own{[]wire.Entry{entry("own")}})
	early := entry("early")
	early.Stamp(wall - 10)
	emitted := 0
	for now := int64(time.Millisecond); emitted < 2; now += int64(time.Millisecond) {
		if now > int64(300*time.Millisecond) {
			t.Fatalf("%d of 2 events emitted at Hold", emitted)
		}
		var in Input = Tick{}
		if now == int64(time.Millisecond) { // b has an event before ours, and nothing more
			in = FrameIn{Frame: &wire.Frame{Site: "s", Node: "b", Epoch: 1, First: 1, Mark: wall - 10, Entries: []wire.Entry{early}}}
		}
		for _, o := range m.origins { // they are heard all the time, but say nothing useful
			o.heard = now
		}
		for _, out := range m.Step(Time{now, wall + now}, in) {
			if e, ok := out.(Emit); ok {
				emitted += len(e.Events)
			}
		}
	}
}

// TestAClockSetBackByARestart: the mark of the old incarnation lies ahead of all that was emitted.
func TestAClockSetBackByARestart(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		c := newCluster(t, seed, "alpha", "bravo", "charlie")
		c.nodes["charlie"].skew = int64(500 * time.Millisecond)
		for _, n := range c.names() {
			c.up(n)
		}
		c.run(100 * time.Millisecond)
		c.load(2*time.Second, 400)
		c.run(time.Second)
		c.kill("charlie")
		c.nodes["charlie"].skew = -int64(500 * time.Millisecond)
		c.run(time.Duration(seed) * time.Millisecond)
		c.up("charlie")
		c.run(2 * time.Second)
		c.wantSame("alpha", "bravo")
		if c.late() != 0 {
			t.Fatalf("%d late events", c.late())
		}
	}
}
