//go:build chaos && linux

package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"
)

var (
	runs     = flag.Int("runs", 0, "how many kills; 0: 20, or 5 with -short")
	randSeed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of who is hit when")
)

// dice decide who is hit when, in a test that needs namespaces.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	needNamespaces(t)
	t.Logf("seed %d, hold %v, %d events a second from each of 5 Asterisks", *randSeed, *hold, *rate)
	return rand.New(rand.NewPCG(*randSeed, 0))
}

// TestKill: kill -9 of one node under load, again and again. The survivors go on with the identical sequence, and the node joins it again.
// Each round kills every node once: who dies more often within a minute counts as a crash loop, for which those who saw it do not wait.
func TestKill(t *testing.T) {
	rng := dice(t)
	want := *runs
	switch {
	case want == 0 && testing.Short():
		want = 5
	case want == 0:
		want = 20
	}
	clean, starved := 0, 0
	for round := 1; clean < want; round++ {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			c := newCluster(t, rng)
			killed := map[*node]bool{}
			for _, i := range rng.Perm(len(c.nodes))[:min(want-clean, len(c.nodes))] {
				if why := c.killOne(t, c.nodes[i], killed, time.Duration(500+rng.IntN(1000))*time.Millisecond); why != "" {
					starved++
					t.Logf("STARVED, in another round again: kill of %s: %s", c.nodes[i].name, why)
					return
				}
				clean++
			}
		})
		if t.Failed() {
			return
		}
		if starved > want {
			t.Fatalf("STARVED: in %d runs the machine did not run a node for %v; use a less busy one, or -hold 1s", starved, *hold)
		}
	}
	t.Logf("%d kills, after each the survivors identical; %d starved runs besides", clean, starved)
}

// killOne kills a node after a while of load, starts it again and compares; starved says why the sequences were not.
func (c *cluster) killOne(t *testing.T, victim *node, killed map[*node]bool, after time.Duration) (starved string) {
	t.Helper()
	since := c.lengths()
	before := victim.recorder.count()
	c.talk(true)
	time.Sleep(after)
	at, done := time.Now(), c.lengths()
	victim.kill()
	killed[victim] = true
	time.Sleep(2 * time.Second)
	victim.start(t)
	c.inView(t)
	eventually(t, "the client is back", func() string {
		if victim.recorder.count() == before {
			return "not yet at " + victim.name
		}
		return ""
	})
	time.Sleep(time.Second)
	c.talk(false)
	c.settle(t)
	c.verify(t, func(n *node) bool { return !killed[n] })
	if why := c.starved(since, done, victim); why != "" {
		return why
	}
	for _, note := range victim.recorder.now().notes {
		if note.outOfView() {
			return fmt.Sprintf("at %s, back again: %q", victim.name, note.text)
		}
	}
	c.identical(t, since, victim)
	t.Logf("kill of %s: lost of its last words: %s", victim.name, c.lastWords(t, since, victim, at))
	return ""
}

// identical compares the sequences of this run: those of the survivors, and that the victim's, if there is one, is their end. With
// journal: file the last words that come when the victim is back have their place in its own stream only: they are late.
func (c *cluster) identical(t *testing.T, since []int, victim *node) {
	t.Helper()
	var first *node
	var want []event
	for i, n := range c.nodes {
		s := n.recorder.now()
		if n == victim {
			continue
		}
		got := inOrder(s.events[since[i]:], victim)
		if first == nil {
			first, want = n, got
		}
		if d := difference(want, got); d >= 0 {
			t.Errorf("the clients at %s and %s differ at event %d of the run (%d and %d events):\n%s:%s\n%s:%s\n%s: %s\n%s: %s", first.name, n.name, d, len(want),
				len(got), first.name, around(want, d), n.name, around(got, d), first.name, first.recorder.now().since(since[first.index]), n.name, s.since(since[i]))
		}
	}
	if victim == nil {
		return
	}
	got := inOrder(victim.recorder.now().events, victim)
	if len(got) > len(want) {
		t.Errorf("%s, back again, has %d events of the run, %s has %d", victim.name, len(got), first.name, len(want))
	} else if d := difference(want[len(want)-len(got):], got); d >= 0 {
		t.Errorf("%s, back again, is not the end of %s's sequence: event %d of %d:\n%s:%s\n%s:%s", victim.name, first.name, d, len(got), first.name,
			around(want[len(want)-len(got):], d), victim.name, around(got, d))
	}
}

// inOrder leaves out what may be late.
func inOrder(events []event, victim *node) []event {
	if *keep != "file" || victim == nil {
		return events
	}
	links := victim.asterisk.wrote().links
	return slices.DeleteFunc(slices.Clone(events), func(e event) bool {
		return e.from == victim.index && slices.ContainsFunc(links, func(l link) bool { return l.killed && l.first <= e.number && e.number <= l.last })
	})
}

// lastWords says how many of the victim's events no survivor has, and how long before the kill the first of them was written.
func (c *cluster) lastWords(t *testing.T, since []int, victim *node, at time.Time) string {
	t.Helper()
	for i, n := range c.nodes {
		if n == victim {
			continue
		}
		missing, _ := compare(n.recorder.now().events[since[i]:], victim.index, victim.asterisk.wrote(), false)
		if len(missing) == 0 {
			return "none"
		}
		m := missing[len(missing)-1]
		d := max(0, at.Sub(victim.asterisk.written(m.first)))
		if d > time.Second {
			t.Errorf("the events %d…%d of %s, written up to %v before the kill, are missing", m.first, m.last, victim.name, d)
		}
		return fmt.Sprintf("%v, from %v before the kill on", m, d.Round(time.Millisecond/10))
	}
	return ""
}

// TestFreeze: a node is stopped for longer than hold, and goes on.
func TestFreeze(t *testing.T) {
	if testing.Short() {
		t.Skip("not in the short set")
	}
	rng := dice(t)
	c := newCluster(t, rng)
	victim := c.nodes[rng.IntN(len(c.nodes))]
	c.talk(true)
	time.Sleep(time.Second)
	victim.signal(t, syscall.SIGSTOP)
	time.Sleep(2500 * time.Millisecond)
	victim.signal(t, syscall.SIGCONT)
	time.Sleep(2 * time.Second)
	c.quiet(t)
}

// TestSlow: a node runs for 10 ms of each 60.
func TestSlow(t *testing.T) {
	if testing.Short() {
		t.Skip("not in the short set")
	}
	rng := dice(t)
	c := newCluster(t, rng)
	victim := c.nodes[rng.IntN(len(c.nodes))]
	since := c.lengths()
	c.talk(true)
	for began := time.Now(); time.Since(began) < 10*time.Second; {
		victim.signal(t, syscall.SIGSTOP)
		time.Sleep(50 * time.Millisecond)
		victim.signal(t, syscall.SIGCONT)
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(time.Second)
	c.quiet(t)
	if why := c.starved(since, since, nil); why != "" {
		t.Logf("STARVED, sequences not compared: %s", why)
		return
	}
	c.identical(t, since, nil)
}

// quiet ends the load, and checks that everything is everywhere.
func (c *cluster) quiet(t *testing.T) {
	t.Helper()
	c.inView(t)
	time.Sleep(time.Second)
	c.talk(false)
	c.settle(t)
	c.verify(t, func(*node) bool { return true })
	for _, n := range c.nodes {
		m := n.metrics()
		t.Logf("%s: %d events; late %v, replayed %v, dropped %v, duplicates refused %v", n.name, len(n.recorder.now().events), m["amibus_stream_late_total"],
			m["amibus_stream_replayed_total"], m[`amibus_stream_changes_total{change="dropped"}`], m["amibus_stream_duplicates_total"])
	}
}
