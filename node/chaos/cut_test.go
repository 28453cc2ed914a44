//go:build chaos && linux

package chaos

import (
	"flag"
	"strings"
	"testing"
	"time"
)

var cuts = flag.String("cuts", "", "for how long cables are pulled; empty: 3s,25s,75s, or 3s,25s with -short")

// TestCut: the cable of one node is pulled for a while. Both sides go on, and afterwards everything is everywhere.
func TestCut(t *testing.T) {
	list := *cuts
	switch {
	case list == "" && testing.Short():
		list = "3s,25s"
	case list == "":
		list = "3s,25s,75s"
	}
	rng := dice(t)
	for text := range strings.SplitSeq(list, ",") {
		t.Run(text, func(t *testing.T) {
			d, err := time.ParseDuration(text)
			if err != nil {
				t.Fatal(err)
			}
			c := newCluster(t, rng)
			victim := c.nodes[rng.IntN(len(c.nodes))]
			since := c.lengths()
			c.talk(true)
			time.Sleep(time.Duration(1000+rng.IntN(1000)) * time.Millisecond)
			hit := c.lengths()
			plug(t, victim.name, false)
			time.Sleep(d)
			c.goesOn(t, victim)
			until := c.lengths()
			plug(t, victim.name, true)
			began := time.Now()
			c.inView(t)
			healed := time.Since(began)
			time.Sleep(2 * time.Second)
			c.quiet(t)
			if why := c.starved(since, hit, victim); why != "" {
				t.Logf("STARVED, sequences not compared: cut of %s: %s", victim.name, why)
			} else {
				c.sameDuringCut(t, since, until, victim)
			}
			t.Logf("%s was cut off for %v; all were in view again %v after the cable was back", victim.name, d, healed.Round(time.Millisecond))
		})
	}
}

// goesOn: before the cable is back, every client has what its own side says.
func (c *cluster) goesOn(t *testing.T, victim *node) {
	t.Helper()
	const slack = 2 * time.Second // for a busy machine, beyond hold
	for _, n := range c.nodes {
		got := n.recorder.now().last
		for _, o := range c.nodes {
			if (o == victim) != (n == victim) {
				continue
			}
			said := o.asterisk.wrote().last()
			if at := o.asterisk.written(got[o.index]); time.Since(at) > *hold+slack {
				t.Errorf("cut off, the client at %s has %d of the %d events of %s, the last one written %v ago", n.name, got[o.index], said, o.name, time.Since(at))
			}
		}
	}
}

// sameDuringCut: to those who stay together a cut is as the death of a node, until it comes back.
func (c *cluster) sameDuringCut(t *testing.T, since, until []int, victim *node) {
	t.Helper()
	var first *node
	var want []event
	for i, n := range c.nodes {
		if n == victim {
			continue
		}
		got := n.recorder.now().events[since[i]:until[i]]
		if first == nil {
			first, want = n, got
		}
		k := min(len(want), len(got)) // the clients are not read at the same moment
		if d := difference(want[:k], got[:k]); d >= 0 {
			t.Errorf("while %s was cut off the clients at %s and %s differ at event %d:\n%s:%s\n%s:%s", victim.name, first.name, n.name, d,
				first.name, around(want, d), n.name, around(got, d))
		}
	}
}
