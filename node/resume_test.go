package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/config"
)

// Clients that come back at any node, under load and while nodes restart, have in the end seen the whole stream: each event once, in
// its node's order.
func TestResumeAnywhere(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 5*time.Second, "alpha", "bravo", "charlie")
	walk(t, c, func() {
		for _, i := range []int{1, 0, 2} { // each goes down once, under load
			n := c.nodes[i]
			more(t, n)
			n.down()
			time.Sleep(200 * time.Millisecond)
			c.start(n)
			c.meet()
		}
	})
}

// The same while nodes freeze for longer than hold, are dropped from the view, and come back with late events.
func TestResumeAmongFrozen(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 300*time.Millisecond, "alpha", "bravo", "charlie")
	walk(t, c, func() {
		for _, i := range []int{1, 0, 2, 1} {
			more(t, c.nodes[i])
			c.nodes[i].stream.View(func([]merge.Position) { time.Sleep(700 * time.Millisecond) })
		}
	})
}

// A client that comes while the node joins misses nothing of what he had not had elsewhere, and is told no wrong place.
func TestResumeDuringTheJoin(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 5*time.Second, "alpha", "bravo")
	alpha, bravo := c.nodes[0], c.nodes[1]
	w := &walker{user: "ids", at: cursor.Vector{}, counts: map[string]int64{}}
	for _, n := range c.nodes {
		n.raise(500)
		w.at[n.self] = cursor.Pos{Epoch: n.epoch, Seq: 0}
	}
	eventually(t, "all is emitted", func() bool { return alpha.stream.Stats().Merge.Emitted == 1000 })
	for n := range w.at {
		w.at[n] = cursor.Pos{Epoch: w.at[n].Epoch, Seq: 300}
		w.counts[n.Name] = 300
	}
	var from []string
	for _, line := range w.at.Lines(900) {
		from = append(from, "ResumeFrom: "+line)
	}
	charlie := &testNode{name: "charlie", dir: t.TempDir()}
	c.nodes = append(c.nodes, charlie)
	c.launch(charlie)
	t.Cleanup(charlie.down)
	plain, err := login(t, charlie.AMI(), "ids")
	if err != nil {
		t.Fatal(err)
	}
	resumed, err := login(t, charlie.AMI(), "ids", from...)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-charlie.Settled():
		t.Log("the join was faster than the clients")
	default:
	}
	alpha.raise(100)
	c.meet()
	bravo.raise(100)
	last := ""
	for w.counts["alpha"] < 600 || w.counts["bravo"] < 600 {
		m, err := resumed.Decode()
		if err == nil {
			err = w.read(m, &last)
		}
		if err != nil {
			t.Fatalf("%v; read up to %v", err, w.counts)
		}
	}
	if w.gaps > 0 {
		t.Errorf("%d gaps", w.gaps)
	}
	p := &walker{user: "ids", at: cursor.Vector{}}
	for count := ""; count != "bravo 600"; {
		m, err := plain.Decode()
		if err != nil {
			t.Fatal(err)
		}
		if n, pos, _, err := place(m); err != nil {
			t.Fatal(err)
		} else if n != (merge.Node{}) {
			p.at[n] = pos
		}
		count = fmt.Sprintf("%s %s", m.Get("Of"), m.Get("Count"))
	}
	if err := plain.say("Action: EventCursor"); err != nil {
		t.Fatal(err)
	}
	m, err := plain.Decode()
	if err == nil {
		err = p.takeCursor(m)
	}
	if err != nil || len(p.from) == 0 {
		t.Error(err, p.from)
	}
}

// A frozen peer holds up the merged stream, but not who wants events in the order of their arrival.
func TestArrivalWaitsForNobody(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 10*time.Second, "alpha", "bravo")
	alpha, bravo := c.nodes[0], c.nodes[1]
	merged, err := login(t, alpha.AMI(), "ids", "Events: user")
	if err != nil {
		t.Fatal(err)
	}
	arrival, err := login(t, alpha.AMI(), "arrival", "Events: user")
	if err != nil {
		t.Fatal(err)
	}
	frozen, thaw := make(chan struct{}), make(chan struct{})
	go bravo.stream.View(func([]merge.Position) { close(frozen); <-thaw })
	<-frozen
	time.Sleep(50 * time.Millisecond) // what it had sent has arrived
	alpha.raise(3)
	var got []string
	for range 3 {
		m, err := arrival.Decode()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(m.Get("Count")))
		if m.Has("Late") || !m.Has("EventID") {
			t.Errorf("%q", m.Bytes())
		}
	}
	if s := strings.Join(got, " "); s != "1 2 3" {
		t.Errorf("in order of arrival: %s", s)
	}
	if n := alpha.stream.Stats().Merge; n.Awaited != 2 || n.Queued == 0 {
		t.Skipf("the machine was too slow: %+v", n)
	}
	_ = merged.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // a TCP socket has deadlines
	if m, err := merged.Decode(); err == nil {
		t.Errorf("merged before the others said anything: %q", m.Bytes())
	}
	close(thaw)
	eventually(t, "the merged stream goes on", func() bool { return alpha.stream.Stats().Merge.Queued == 0 })
}

// A client that replays a lot and does not read holds up nobody, needs no queue, and gets it all once it reads.
func TestSlowResume(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 5*time.Second, "alpha")
	n := c.nodes[0]
	n.raise(10_000)
	fast, err := login(t, n.AMI(), "ids", "Events: user")
	if err != nil {
		t.Fatal(err)
	}
	slow, err := login(t, n.AMI(), "ids", "Events: user", fmt.Sprintf("ResumeFrom: default/alpha/%d/0", n.epoch))
	if err != nil {
		t.Fatal(err)
	}
	read := func(what string, c *amiClient, from, to int64) {
		t.Helper()
		for i := from; i <= to; i++ {
			m, err := c.Decode()
			if err != nil {
				t.Fatalf("%s, event %d: %v", what, i, err)
			}
			if got := string(m.Get("Count")); got != strconv.FormatInt(i, 10) {
				t.Fatalf("%s, event %d: %q", what, i, m.Bytes())
			}
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 70 { // more than the queue of a live session holds
			n.raise(1000)
			time.Sleep(time.Millisecond)
		}
	}()
	read("the fast one", fast, 10_001, 80_000)
	<-done
	if s := n.ami.Stats(); s.Slow+s.Overflows > 0 || s.LoggedIn != 2 {
		t.Fatalf("somebody was cut: %+v", s)
	}
	read("the slow one", slow, 1, 80_000)
	if s := n.ami.Stats(); s.Slow+s.Overflows+s.ResumeGaps > 0 {
		t.Fatalf("%+v", s)
	}
}

// A lone node that was restarted gives the end of its last incarnation from its journal, or says that it cannot know what there was.
func TestResumeAfterRestart(t *testing.T) {
	t.Parallel()
	for _, journal := range []string{config.JournalMemory, config.JournalFile} {
		t.Run(journal, func(t *testing.T) {
			t.Parallel()
			c := newTestCluster(t, 5*time.Second)
			c.journal = journal
			n := &testNode{name: "alpha", dir: t.TempDir()}
			c.nodes = append(c.nodes, n)
			c.start(n)
			t.Cleanup(n.down)
			n.raise(1000)
			epoch := n.epoch
			eventually(t, "all is emitted", func() bool { return n.stream.Stats().Merge.Emitted == 1000 })
			n.down()
			c.launch(n) // to resume while it joins is no different
			n.raise(100)
			client, err := login(t, n.AMI(), "ids", "Events: system,user", fmt.Sprintf("ResumeFrom: default/alpha/%d/400", epoch))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for want := "1100"; len(got) == 0 || got[len(got)-1] != want; {
				m, err := client.Decode()
				if err != nil {
					t.Fatalf("%v after %q", err, got)
				}
				switch string(m.Get("Event")) {
				case "UserEvent":
					got = append(got, string(m.Get("Count")))
				case "Gap":
					got = append(got, fmt.Sprintf("gap %s/%s %s-%s", m.Get("Node"), m.Get("Epoch"), m.Get("First"), m.Get("Last")))
				}
			}
			want := []string{fmt.Sprintf("gap default/alpha/%d 401-", epoch)}
			first := 1001
			if journal == config.JournalFile {
				want, first = nil, 401
			}
			for i := first; i <= 1100; i++ {
				want = append(want, strconv.Itoa(i))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %.200q, want %.200q", got, want)
			}
		})
	}
}
