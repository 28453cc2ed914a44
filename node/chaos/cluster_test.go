//go:build chaos && linux

package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var rate = flag.Int("rate", 500, "events a second that each Asterisk says")

// patience is how long a thing that must happen may take: the machine may be busy with other work.
const patience = 90 * time.Second

// cluster is five nodes, a client at each, and clients that resume.
type cluster struct {
	nodes     []*node
	followers []*follower
}

func newCluster(t *testing.T, rng *rand.Rand) *cluster {
	t.Helper()
	names := []string{"n1", "n2", "n3", "n4", "n5"}
	network(t, names)
	c := &cluster{}
	sources := map[string]int{}
	for i, name := range names {
		var others []string
		for j := range names {
			if j != i {
				others = append(others, address(j)+":7946")
			}
		}
		n := newNode(t, i, name, others)
		n.asterisk = newAsterisk(t, i, name, *rate)
		sources[n.asterisk.system] = i
		n.start(t)
		c.nodes = append(c.nodes, n)
	}
	c.inView(t)
	for _, n := range c.nodes {
		n.recorder = newRecorder(t, n.name, sources)
	}
	c.followers = []*follower{newFollower(t, "steady", names, sources, rng), newFollower(t, "restless 1", names, sources, rng),
		newFollower(t, "restless 2", names, sources, rng)}
	eventually(t, "every client is logged in", func() string {
		for _, f := range c.followers {
			if !f.entered() {
				return f.name + " is not"
			}
		}
		for _, n := range c.nodes {
			if n.recorder.count() == 0 {
				return n.name + "'s is not"
			}
		}
		return ""
	})
	for _, n := range c.nodes { // so that those who resume have a place in the stream of each
		n.asterisk.one()
	}
	c.settle(t)
	return c
}

// eventually waits until nothing is missing any more.
func eventually(t *testing.T, what string, missing func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		m := missing()
		if m == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s: %s", patience, what, m)
		}
	}
}

// inView waits until all nodes wait for each other again, and hear their Asterisks.
func (c *cluster) inView(t *testing.T) {
	t.Helper()
	eventually(t, "every node has all others in view", func() string {
		for _, n := range c.nodes {
			m := n.metrics()
			if v := m["amibus_stream_nodes_in_view"]; v != float64(len(c.nodes)) || m["amibus_source_up"] != 1 {
				return fmt.Sprintf("%s has %v, source up: %v", n.name, v, m["amibus_source_up"])
			}
		}
		return ""
	})
}

// talk starts or ends the load, and the roaming.
func (c *cluster) talk(on bool) {
	for _, f := range c.followers[1:] {
		f.roam(on)
	}
	for _, n := range c.nodes {
		n.asterisk.talk(on)
	}
}

// settle waits, after the load has ended, until every client has the last event of every Asterisk.
func (c *cluster) settle(t *testing.T) {
	t.Helper()
	eventually(t, "everything arrives everywhere", func() string {
		for _, n := range c.nodes {
			if m := c.lacks(n.recorder.now().last); m != "" {
				return "the client at " + n.name + m
			}
		}
		for _, f := range c.followers {
			if m := c.lacks(f.now().last); m != "" {
				return f.name + m
			}
		}
		return ""
	})
}

// lacks tells what a client does not have yet, whose last event of each Asterisk is given.
func (c *cluster) lacks(got []uint32) string {
	for _, o := range c.nodes {
		if s := o.asterisk.wrote(); len(s.links) > 0 && !s.links[len(s.links)-1].killed && got[o.index] < s.last() {
			return fmt.Sprintf(" has %d of the %d events of %s", got[o.index], s.last(), o.asterisk.system)
		}
	}
	return ""
}

// lengths is where every client's sequence stands.
func (c *cluster) lengths() []int {
	var all []int
	for _, n := range c.nodes {
		all = append(all, len(n.recorder.now().events))
	}
	return all
}

// verify compares what every client got with what the Asterisks wrote; whole are those that were there from the beginning.
func (c *cluster) verify(t *testing.T, whole func(n *node) bool) {
	t.Helper()
	for _, n := range c.nodes {
		s := n.recorder.now()
		if whole(n) && n.recorder.count() > 1 {
			t.Errorf("the client at %s was cut off %d times; what it missed meanwhile follows", n.name, n.recorder.count()-1)
		}
		c.against(t, "client at "+n.name, s.events, whole(n))
		for _, note := range s.notes {
			if note.name == "Gap" {
				t.Errorf("client at %s was told of a loss: %q", n.name, note.text)
			}
		}
		m := n.metrics()
		for _, name := range []string{"amibus_stream_lost_total", "amibus_source_events_refused_total", `amibus_ami_clients_cut_total{reason="queue_overflow"}`} {
			if m[name] != 0 {
				t.Errorf("%s: %s is %v", n.name, name, m[name])
			}
		}
	}
	for _, f := range c.followers {
		text, wrong := f.report()
		t.Log(text)
		for _, w := range few(wrong) {
			t.Errorf("%s: %s", f.name, w)
		}
		c.against(t, f.name, f.now().events, true)
	}
}

// against compares what one client got with what the Asterisks wrote.
func (c *cluster) against(t *testing.T, who string, got []event, whole bool) {
	t.Helper()
	for _, o := range c.nodes {
		_, wrong := compare(got, o.index, o.asterisk.wrote(), whole)
		wrong = few(wrong)
		for _, w := range wrong {
			t.Errorf("%s, events of %s: %s", who, o.name, w)
		}
	}
}

func few(wrong []string) []string {
	const enough = 5
	if len(wrong) > enough {
		return append(wrong[:enough:enough], fmt.Sprintf("and %d more", len(wrong)-enough))
	}
	return wrong
}

// starved names a node that was out of view since the marks although nothing had been done to it (the victim: before it was hit), as
// seen by one that nothing was done to.
func (c *cluster) starved(since, hit []int, victim *node) string {
	for i, n := range c.nodes {
		if n == victim {
			continue
		}
		for _, note := range n.recorder.now().notes {
			expected := victim != nil && strings.HasSuffix(note.node, "/"+victim.name) && note.at >= hit[i]
			if note.at >= since[i] && note.outOfView() && !expected {
				return fmt.Sprintf("at %s: %q", n.name, note.text)
			}
		}
	}
	return ""
}

// around shows a sequence near an index.
func around(s []event, at int) string {
	var b strings.Builder
	for i := max(0, at-3); i < min(len(s), at+4); i++ {
		fmt.Fprintf(&b, " %d/%d", s[i].from, s[i].number)
	}
	return b.String()
}
