package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// said counts what a client has seen of a UserEvent.
func said(c *client, name string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if strings.Contains(string(e), "\r\nUserEvent: "+name+"\r\n") {
			n++
		}
	}
	return n
}

// discontinuities returns what a client has seen of them: "node reason", and whether Since was given.
func discontinuities(c *client) (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if text := string(e); strings.HasPrefix(text, "Event: Discontinuity\r\n") {
			field := func(name string) string {
				_, rest, _ := strings.Cut(text, "\r\n"+name+": ")
				value, _, _ := strings.Cut(rest, "\r\n")
				return value
			}
			since := "unknown"
			if field("Since") != "" {
				since = "known"
			}
			all = append(all, fmt.Sprintf("%s %s %s %s", field("SystemName"), field("Node"), field("Reason"), since))
		}
	}
	return all
}

// TestTwoNodesOnOneAsterisk: its events come once, whichever of the two begins first, and go on when the one that publishes has died.
func TestTwoNodesOnOneAsterisk(t *testing.T) {
	t.Parallel()
	pbx := newFakeAsterisk(t)
	nodes := newCluster(t, map[string]string{"alpha": pbx.addr(), "bravo": pbx.addr(), "charlie": ""}, "charlie", "alpha", "bravo")
	c := dial(t, nodes["charlie"].addr.AMI)
	standby := func(name string) bool { return nodes[name].metric("amibus_source_standby") == 1 }
	eventually(t, 20*time.Second, "both are linked, and one stands by", func() bool {
		return nodes["alpha"].metric("amibus_source_up") == 1 && nodes["bravo"].metric("amibus_source_up") == 1 && standby("alpha") != standby("bravo")
	})
	second, first := "bravo", "alpha"
	if standby("alpha") {
		second, first = first, second
	}
	if n := pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "One"); n != 2 {
		t.Fatalf("%d event connections", n)
	}
	eventually(t, 20*time.Second, "the event", func() bool { return said(c, "One") == 1 })

	// The one that stands by serves its clients, and the Asterisk's name means the other one.
	d := dial(t, nodes[second].addr.AMI)
	d.send("Action: Getvar\r\nVariable: AMIBUS_MARK\r\nActionID: own\r\n\r\n")
	if m := d.answer("own"); len(m.Get("Value")) != 16 {
		t.Errorf("an action at the node that stands by: %q", m.Bytes())
	}
	d.send("Action: Getvar\r\nVariable: X\r\nSystemName: pbx\r\nActionID: named\r\n\r\n")
	if m := d.answer("named"); string(m.Get("Response")) != "Success" {
		t.Errorf("an action for the Asterisk by its name: %q", m.Bytes())
	}

	before := len(discontinuities(c)) // one, if the first to publish has found the mark that the other one had just set
	nodes[first].kill()
	eventually(t, 40*time.Second, "the other one takes over", func() bool { return !standby(second) })
	eventually(t, 20*time.Second, "and says so", func() bool { return len(discontinuities(c)) == before+1 })
	if got, want := discontinuities(c)[before], "pbx default/"+second+" standby took over known"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "Two")
	eventually(t, 20*time.Second, "an event of the one that took over", func() bool { return said(c, "Two") == 1 })

	nodes[first].run(t) // comes back, and is the second now
	eventually(t, 40*time.Second, first+" stands by", func() bool { return standby(first) })
	pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "Three")
	eventually(t, 20*time.Second, "the event", func() bool { return said(c, "Three") >= 1 })
	interrupt(t, nodes[second]) // leaves gracefully
	eventually(t, 20*time.Second, first+" takes over at once", func() bool { return len(discontinuities(c)) == before+2 })
	pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "Four")
	eventually(t, 20*time.Second, "the event", func() bool { return said(c, "Four") >= 1 })
	for _, name := range []string{"One", "Two", "Three", "Four"} {
		if n := said(c, name); n != 1 {
			t.Errorf("%s came %d times", name, n)
		}
	}
	for _, e := range c.seen() {
		if strings.Contains(string(e), "AMIBUS_MARK") {
			t.Errorf("everybody sees the mark: %q", e)
		}
	}
}

// TestTwoNodesLinkAtOnce: an Asterisk starts while two nodes are waiting for it. Nothing comes twice, not even what it says at once.
func TestTwoNodesLinkAtOnce(t *testing.T) {
	t.Parallel()
	pbx := newShutAsterisk(t)
	nodes := newCluster(t, map[string]string{"alpha": pbx.addr(), "bravo": pbx.addr()}, "alpha", "bravo")
	a, b := dial(t, nodes["alpha"].addr.AMI), dial(t, nodes["bravo"].addr.AMI)
	eventually(t, 20*time.Second, "both have connected", func() bool { return pbx.connections() == 2 })
	close(pbx.gate)
	n := 0
	eventually(t, 20*time.Second, "one publishes", func() bool {
		n++
		pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", fmt.Sprint("No", n))
		return nodes["alpha"].metric("amibus_source_standby")+nodes["bravo"].metric("amibus_source_standby") == 1
	})
	pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "Last")
	for name, c := range map[string]*client{"alpha": a, "bravo": b} {
		eventually(t, 20*time.Second, "the last event at "+name, func() bool { return said(c, "Last") == 1 })
		for i := range n {
			if got := said(c, fmt.Sprint("No", i+1)); got > 1 {
				t.Errorf("%s: event %d came %d times", name, i+1, got)
			}
		}
	}
	if nodes["alpha"].metric("amibus_source_standby") != 0 {
		t.Error("bravo publishes, alpha has started before")
	}
}

// TestDiscontinuity: what may have been missed is declared before the first event after it, at every node.
func TestDiscontinuity(t *testing.T) {
	t.Parallel()
	pbx := newFakeAsterisk(t)
	nodes := newCluster(t, map[string]string{"alpha": pbx.addr(), "bravo": ""}, "bravo", "alpha")
	c := dial(t, nodes["bravo"].addr.AMI)
	up := func() bool { return nodes["alpha"].metric("amibus_source_up") == 1 }
	eventually(t, 20*time.Second, "alpha is linked", up)
	raise := func(name string) {
		t.Helper()
		eventually(t, 20*time.Second, "an event connection", func() bool {
			return pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", name) == 1
		})
		eventually(t, 20*time.Second, name+" arrives", func() bool { return said(c, name) == 1 })
	}
	raise("First")
	if got := discontinuities(c); len(got) != 0 {
		t.Errorf("at the first start: %v", got)
	}
	pbx.drop(true)
	raise("AfterRestart") // may be raised while the link is not declared up yet
	nodes["alpha"].kill()
	nodes["alpha"].run(t)
	raise("AfterDeath")
	nodes["alpha"].kill()
	if err := os.RemoveAll(filepath.Join(nodes["alpha"].dir, "data")); err != nil { // as in a pod without a volume
		t.Fatal(err)
	}
	nodes["alpha"].run(t)
	raise("AfterLoss")
	want := []string{"pbx default/alpha link lost known", "pbx default/alpha node restarted unknown", "pbx default/alpha node restarted unknown"}
	if got := discontinuities(c); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	var order []string
	for _, e := range c.seen(nodes["bravo"].addr.AMI) {
		switch text := string(e); {
		case strings.HasPrefix(text, "Event: Discontinuity"):
			order = append(order, "gap")
		case strings.Contains(text, "\r\nUserEvent: "):
			order = append(order, "event")
		}
	}
	if got := strings.Join(order, " "); got != "event gap event gap event gap event" {
		t.Errorf("order: %s", got)
	}
}

// ready returns status and body of /readyz.
func (n *testNode) ready(t *testing.T) (status int, body string) {
	t.Helper()
	resp, err := http.Get("http://" + n.addr.Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestSameSystemname: the newcomer is refused, in one line that names both.
func TestSameSystemname(t *testing.T) {
	t.Parallel()
	one, other := newFakeAsterisk(t), newFakeAsterisk(t)
	nodes := newCluster(t, map[string]string{"alpha": one.addr()}, "alpha")
	eventually(t, 20*time.Second, "alpha is linked", func() bool { return nodes["alpha"].metric("amibus_source_up") == 1 })
	c := dial(t, nodes["alpha"].addr.AMI)
	n := &testNode{name: "bravo", dir: t.TempDir(), source: other.addr(), join: []string{nodes["alpha"].addr.Member}}
	n.run(t)
	eventually(t, 20*time.Second, "an event connection", func() bool {
		return other.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "Twin") == 1
	})
	eventually(t, 20*time.Second, "it says that it is in conflict", func() bool {
		return n.metric("amibus_source_conflict") == 1 && n.metric("amibus_source_events_conflicting_total") >= 1
	})
	if n.metric("amibus_source_standby") != 0 {
		t.Error("it says that it stands by")
	}
	if status, body := n.ready(t); status != http.StatusServiceUnavailable || !strings.Contains(body, "default/alpha has the same systemname") ||
		strings.Contains(body, "standing_by_for") {
		t.Errorf("it is ready: %d %s", status, body)
	}
	err := n.cmd.Wait()
	if code := n.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("it ended with %v, want exit code 1", err)
	}
	lines := strings.Split(strings.TrimSpace(n.log.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "amibus: ") || !strings.Contains(last, "default/bravo") ||
		!strings.Contains(last, "default/alpha") || !strings.Contains(last, "identity.qualify") {
		t.Errorf("last line: %s", last)
	}
	if said(c, "Twin") > 0 {
		t.Error("the newcomer has published")
	}
	if nodes["alpha"].metric("amibus_source_standby") != 0 {
		t.Error("the newcomer has disturbed the other one")
	}
}
