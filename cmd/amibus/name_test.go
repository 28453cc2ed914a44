package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestNameIsTaken: a newcomer with the name of a live node is refused, in one line with both addresses, and disturbs nobody.
func TestNameIsTaken(t *testing.T) {
	t.Parallel()
	pbx := newFakeAsterisk(t)
	nodes := newCluster(t, map[string]string{"alpha": "", "bravo": pbx.addr()}, "alpha", "bravo")
	alpha, bravo := nodes["alpha"], nodes["bravo"]
	eventually(t, 20*time.Second, "bravo is linked", func() bool { return bravo.metric("amibus_source_up") == 1 })
	c := dial(t, alpha.addr.AMI)
	twin := &testNode{name: "bravo", dir: t.TempDir(), source: pbx.addr(), join: []string{alpha.addr.Member}}
	twin.run(t)
	done := make(chan error, 1)
	go func() { done <- twin.cmd.Wait() }()
	n := 0
	for ended := false; !ended; n++ { // bravo goes on as if nothing were
		pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", fmt.Sprint("No", n))
		eventually(t, 20*time.Second, "an event", func() bool { return said(c, fmt.Sprint("No", n)) == 1 })
		id := fmt.Sprint("get", n)
		c.send("Action: Getvar\r\nVariable: X\r\nSystemName: bravo\r\nActionID: " + id + "\r\n\r\n")
		if m := c.answer(id); string(m.Get("Response")) != "Success" {
			t.Fatalf("an action on bravo: %q", m.Bytes())
		}
		select {
		case <-done:
			ended = true
		case <-time.After(200 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	if code := twin.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	lines := strings.Split(strings.TrimSpace(twin.log.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "amibus: ") || !strings.Contains(last, bravo.addr.Member) ||
		!strings.Contains(last, twin.addr.Member) || !strings.Contains(last, "node.name") {
		t.Errorf("last line: %s", last)
	}
	for _, change := range []string{"dropped", "left", "stale", "fenced"} {
		if v := alpha.metric(`amibus_stream_changes_total{change="` + change + `"}`); v != 0 {
			t.Errorf("alpha has seen %v times: %s", v, change)
		}
	}
	if alpha.metric("amibus_member_conflicts_total") < 1 || alpha.metric("amibus_member_others") != 1 {
		t.Errorf("alpha: %v conflicts, %v others", alpha.metric("amibus_member_conflicts_total"), alpha.metric("amibus_member_others"))
	}
	for _, node := range []*testNode{alpha, bravo} {
		if strings.Contains(node.log.String(), "two nodes have the same name") {
			t.Errorf("%s takes it for an error", node.name)
		}
	}
}
