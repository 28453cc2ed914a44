package main

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDrain: an answer under way is finished, clients of the node and actions of other nodes alike, and the others see a node that left.
func TestDrain(t *testing.T) {
	t.Parallel()
	pbx := newFakeAsterisk(t)
	nodes := newCluster(t, map[string]string{"alpha": "", "bravo": pbx.addr()}, "alpha", "bravo")
	alpha, bravo := nodes["alpha"], nodes["bravo"]
	eventually(t, 20*time.Second, "bravo is linked", func() bool { return bravo.metric("amibus_source_up") == 1 })
	near, far, idle := dial(t, bravo.addr.AMI), dial(t, alpha.addr.AMI), dial(t, bravo.addr.AMI)
	near.send("Action: Command\r\nCommand: near\r\nActionID: near\r\n\r\n")
	far.send("Action: Command\r\nCommand: far\r\nSystemName: bravo\r\nActionID: far\r\n\r\n")
	for range 2 {
		<-pbx.held
	}
	began := time.Now()
	if err := bravo.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "bravo is not ready", func() bool {
		resp, err := http.Get("http://" + bravo.addr.Admin + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	eventually(t, 5*time.Second, "a client without an action under way is let go", func() bool {
		idle.mu.Lock()
		defer idle.mu.Unlock()
		return idle.err != nil
	})
	for range 2 { // nor does a reload end it
		if err := bravo.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 5*time.Second, "bravo says that it does not reload", func() bool { return strings.Contains(bravo.log.String(), "not reloaded") })
	close(pbx.finish)
	for name, c := range map[string]*client{"near": near, "far": far} {
		if m := c.answer(name); string(m.Get("Output")) != "done" {
			t.Errorf("%s: %q", name, m.Bytes())
		}
	}
	wantLeft(t, alpha, bravo, began)
}

// TestDrainIsBounded: neither an answer that never ends nor a client that does not read keeps a node from leaving in 10 s.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	pbx := newFakeAsterisk(t)
	nodes := newCluster(t, map[string]string{"alpha": "", "bravo": pbx.addr()}, "alpha", "bravo")
	alpha, bravo := nodes["alpha"], nodes["bravo"]
	eventually(t, 20*time.Second, "bravo is linked", func() bool { return bravo.metric("amibus_source_up") == 1 })
	near, far := dial(t, bravo.addr.AMI), dial(t, alpha.addr.AMI)
	near.send("Action: Command\r\nCommand: near\r\nActionID: near\r\n\r\n")
	far.send("Action: Command\r\nCommand: far\r\nSystemName: bravo\r\nActionID: far\r\n\r\n")
	for range 2 {
		<-pbx.held
	}
	deaf := dialDeaf(t, bravo.addr.AMI)
	for range 600 {
		pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "Big", "Text", strings.Repeat("x", 60_000))
	}
	eventually(t, 20*time.Second, "bravo has read it all", func() bool { return bravo.metric("amibus_source_events_total") >= 600 })
	began := time.Now()
	if err := bravo.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*client{"near": near, "far": far} {
		if m := c.answer(name); string(m.Get("Outcome")) != "unknown" {
			t.Errorf("%s: %q", name, m.Bytes())
		}
	}
	wantLeft(t, alpha, bravo, began)
	deaf.Close()
	close(pbx.finish)
}

// TestSecondSignalEndsAtOnce: who asks twice does not want to wait.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	pbx := newFakeAsterisk(t)
	n := newCluster(t, map[string]string{"alpha": pbx.addr()}, "alpha")["alpha"]
	eventually(t, 20*time.Second, "alpha is linked", func() bool { return n.metric("amibus_source_up") == 1 })
	c := dial(t, n.addr.AMI)
	c.send("Action: Command\r\nCommand: x\r\nActionID: 1\r\n\r\n")
	<-pbx.held
	began := time.Now()
	_ = n.cmd.Process.Signal(os.Interrupt)
	eventually(t, 5*time.Second, "the drain begins", func() bool { return strings.Contains(n.log.String(), "stopping: no new") })
	_ = n.cmd.Process.Signal(os.Interrupt)
	if err := n.cmd.Wait(); err == nil {
		t.Error("a process that was cut off ended well")
	}
	if d := time.Since(began); d > 6*time.Second {
		t.Errorf("it took %v", d)
	}
	close(pbx.finish)
}

// wantLeft waits for the end of a node, and wants the other one to have seen it leave.
func wantLeft(t *testing.T, other, n *testNode, began time.Time) {
	t.Helper()
	if err := n.cmd.Wait(); err != nil {
		t.Fatalf("%s ended with %v\n%s", n.name, err, tail(n.log.String(), 4000))
	}
	d := time.Since(began)
	t.Logf("the drain took %v", d)
	if d > 20*time.Second { // less than 10 s on a machine that is not busy with other things, too
		t.Errorf("the drain took %v, want less than 10 s", d)
	}
	eventually(t, 10*time.Second, "the other node sees it leave", func() bool {
		return other.metric(`amibus_stream_changes_total{change="left"}`) == 1 && other.metric("amibus_member_missing") == 0
	})
	if dropped := other.metric(`amibus_stream_changes_total{change="dropped"}`); dropped != 0 {
		t.Error("a node that left was dropped")
	}
}
