package main

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKeyRotation: SIGHUP changes the keys of running nodes. A wrong file changes nothing, and who has another key is kept out and goes on
// serving its own.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	old, next := strings.Repeat("o", 32), strings.Repeat("n", 32)
	pbx := newFakeAsterisk(t)
	nodes := map[string]*testNode{}
	node := func(name, source, keys string, join ...string) *testNode {
		n := &testNode{name: name, dir: t.TempDir(), source: source, join: join, keyFile: true}
		n.write(t, "gossip.key", keys)
		n.run(t)
		return n
	}
	nodes["alpha"] = node("alpha", "", old+"\n")
	nodes["bravo"] = node("bravo", "", old+"\n", nodes["alpha"].addr.Member)
	inView(t, nodes, 2)
	hangup := func(n *testNode, keys, log string) {
		t.Helper()
		n.write(t, "gossip.key", keys)
		before := strings.Count(n.log.String(), log)
		if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, n.name+" says: "+log, func() bool { return strings.Count(n.log.String(), log) == before+1 })
	}
	hangup(nodes["alpha"], "no key", "the old ones stay")
	for _, keys := range []string{old + "\n" + next + "\n", next + "\n" + old + "\n", next + "\n"} {
		for _, name := range []string{"alpha", "bravo"} {
			hangup(nodes[name], keys, "keys of the gossip reloaded")
		}
	}
	nodes["charlie"] = node("charlie", "", next+"\n", nodes["alpha"].addr.Member)
	inView(t, nodes, 3)
	for _, n := range nodes {
		if n.metric("amibus_member_missing") != 0 || n.metric("amibus_member_undecryptable_total") != 0 {
			t.Errorf("%s has lost somebody on the way", n.name)
		}
	}
	delta := node("delta", pbx.addr(), old+"\n", nodes["alpha"].addr.Member)
	eventually(t, 20*time.Second, "delta is linked", func() bool { return delta.metric("amibus_source_up") == 1 })
	c := dial(t, delta.addr.AMI)
	pbx.raise("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "Own")
	eventually(t, 20*time.Second, "delta serves its own", func() bool { return said(c, "Own") == 1 })
	if delta.metric("amibus_member_undecryptable_total") < 1 || !strings.Contains(delta.log.String(), "is bus.member.key_file the same there?") {
		t.Error("delta does not say why it is alone")
	}
	if nodes["alpha"].metric("amibus_member_undecryptable_total") < 1 || nodes["alpha"].metric("amibus_member_others") != 2 {
		t.Error("alpha does not count delta's attempts, or has let it in")
	}
}
