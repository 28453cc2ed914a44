package main

import (
	"bytes"
	"syscall"
	"testing"
	"time"
)

// TestRollingRestart: the nodes of a cluster with calls are replaced one after the other, as an orchestrator does: SIGTERM, then a new process with
// another address, and without the data of the old one. A client of a node that stays sees a legal stream, nothing late and no gap.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	nodes := newCluster(t, map[string]string{"alpha": engineSource, "bravo": engineSource, "charlie": engineSource, "watch": ""}, "alpha", "bravo", "charlie", "watch")
	watch := nodes["watch"]
	c := dialAs(t, watch.addr.AMI, "ids")
	for _, name := range []string{"charlie", "bravo", "alpha"} {
		old := nodes[name]
		time.Sleep(time.Second)
		if err := old.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := old.cmd.Wait(); err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
		n := &testNode{name: name, dir: t.TempDir(), source: engineSource, join: []string{watch.addr.Member}}
		n.run(t)
		nodes[name] = n
		inView(t, nodes, 4)
	}
	time.Sleep(time.Second)
	c.verify()
	c.mu.Lock()
	defer c.mu.Unlock()
	late, gaps, hangups := 0, 0, 0
	for _, e := range c.events {
		switch {
		case bytes.HasPrefix(e, []byte("Event: Gap\r\n")):
			gaps++
			t.Logf("%s", e)
		case bytes.Contains(e, []byte("\r\nLate: yes\r\n")):
			late++
		case bytes.HasPrefix(e, []byte("Event: Hangup\r\n")) && bytes.Contains(e, []byte("\r\nSynthetic: yes\r\n")):
			hangups++
		}
	}
	if late > 0 || gaps > 0 || hangups == 0 || len(c.events) < 500 {
		t.Errorf("%d events, %d late, %d gaps, %d calls ended with their node", len(c.events), late, gaps, hangups)
	}
	if n := watch.metric("amibus_stream_late_total"); n != 0 {
		t.Errorf("%v events were late", n)
	}
}
