package amiserver

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
)

// placed is an event with a place in the stream.
func placed(node merge.Node, seq uint64, text []byte) merge.Event {
	e := event(node, text)
	e.Epoch, e.Seq, e.HLC = 7, seq, 1_700_000_000_000_000_000+int64(seq)
	return e
}

// What eventid adds goes last, to source events only, and to nobody else (ami/clients.md 6).
//
//ami:client 6
func TestEventID(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.systems = map[merge.Node]string{bravo: "pbx-b"}
	with, plain := f.login(t, "ids", "Events: system,user,cel"), f.login(t, "admin", "Events: system,user,cel")
	for _, c := range []*client{with, plain} {
		c.expect(booted)
	}
	late := placed(bravo, 12, userEvent("late"))
	late.Late = true
	f.node.events.Publish(
		placed(alpha, 5, userEvent("one")), late,
		merge.Event{Node: &bravo, Epoch: 7, Seq: 20, Missing: 8},
		event(alpha, []byte("Event: NodeState\r\nPrivilege: system,all\r\nNode: default/bravo\r\nState: dropped\r\n\r\n")),
		placed(bravo, 21, []byte("Event: Shutdown\r\nPrivilege: system,all\r\nSystemName: pbx-b\r\nShutdown: Cleanly\r\nRestart: False\r\n\r\n")),
		placed(alpha, 6, []byte("Event: CEL\r\nPrivilege: cel,all\r\nSystemName: alpha\r\nEventTime: 2023-11-14 22:13:20\r\n\r\n")),
	)
	user := "Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: "
	for _, want := range []struct{ text, tail string }{
		{user + "one", "|EventID: default/alpha/7/5|EventTime: 1700000000.000000005"},
		{user + "late", "|EventID: default/bravo/7/12|EventTime: 1700000000.000000012|Late: yes"},
		{"Event: Gap|Privilege: system,all|SystemName: pbx-b|Node: default/bravo|Epoch: 7|First: 13|Last: 20|Count: 8", ""},
		{"Event: NodeState|Privilege: system,all|Node: default/bravo|State: dropped", ""},
		{"Event: NodeState|Privilege: system,all|SystemName: pbx-b|Node: default/bravo|State: shutdown",
			"|EventID: default/bravo/7/21|EventTime: 1700000000.000000021"},
		{"Event: CEL|Privilege: cel,all|SystemName: alpha|EventTime: 2023-11-14 22:13:20", // its own, and ours behind it
			"|EventID: default/alpha/7/6|EventTime: 1700000000.000000006"},
	} {
		with.expect(want.text + want.tail)
		plain.expect(want.text)
	}
}

// The list looks like those of Asterisk, and every header can be read by every client (ami/clients.md 7, 9).
//
//ami:same 4.4
//ami:client 7 9
func TestClusterNodes(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.nodes = []NodeInfo{
		{Position: merge.Position{Node: alpha, Epoch: 7, Emitted: 40, Newest: 7, Awaited: true}, SystemName: "alpha", Address: "127.0.0.1:5038"},
		{Position: merge.Position{Node: bravo, Epoch: 8, Emitted: 41, Newest: 8, Queued: 3, Heard: 1500 * time.Millisecond, Late: 2, Lost: 9, Gapped: true}},
		{Position: merge.Position{Node: merge.Node{Site: "x", Name: "c"}, Newest: 1, Left: true}},
		{Position: merge.Position{Node: merge.Node{Site: "x", Name: "d"}}},
	}
	c := f.quiet(t, "admin")
	c.say("Action: clusternodes", "ActionID: 1")
	rest := func(first string) string { return "|ActionID: 1|Node: " + first }
	for _, want := range []string{
		"Response: Success|ActionID: 1|EventList: start|Message: Cluster nodes will follow",
		"Event: ClusterNode" + rest("default/alpha|Site: default|Name: alpha|Self: yes|State: in view|Epoch: 7|Seq: 40|Queued: 0|Lag: 0|Late: 0|Lost: 0|Missing: no|Address: 127.0.0.1:5038|SystemName: alpha"),
		"Event: ClusterNode" + rest("default/bravo|Site: default|Name: bravo|Self: no|State: dropped|Epoch: 8|Seq: 41|Queued: 3|Lag: 1500|Late: 2|Lost: 9|Missing: yes"),
		"Event: ClusterNode" + rest("x/c|Site: x|Name: c|Self: no|State: left|Epoch: 0|Seq: 0|Queued: 0|Lag: 0|Late: 0|Lost: 0|Missing: no"),
		"Event: ClusterNode" + rest("x/d|Site: x|Name: d|Self: no|State: unheard|Epoch: 0|Seq: 0|Queued: 0|Lag: 0|Late: 0|Lost: 0|Missing: no"),
		"Event: ClusterNodesComplete|ActionID: 1|EventList: Complete|ListItems: 4",
	} {
		for _, line := range strings.Split(want, "|") {
			if !ownHeader.MatchString(line) {
				t.Errorf("header %q", line)
			}
		}
		c.expect(want)
	}
	calls := f.quiet(t, "limited")
	calls.say("Action: ClusterNodes")
	calls.expect("Response: Error|Message: Permission denied")
	c.say("Action: ListCommands")
	if got := c.next(); !strings.Contains(got, "|ClusterNodes: List the nodes of the cluster and how far each one is.  (Priv: system,reporting,all)|") {
		t.Errorf("ListCommands: %s", got)
	}
}

var ownHeader = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]+: `)

// TestClusterOwner: who has a channel or a bridge, as far as the user may see the nodes.
func TestClusterOwner(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.owners = map[string][]merge.Node{"SIP/1-1": {{Site: "east", Name: "alpha"}, {Site: "west", Name: "bravo"}}, "b-1": {{Site: "east", Name: "alpha"}}}
	admin := f.quiet(t, "admin")
	admin.say("Action: ClusterOwner", "ActionID: 1", "Channel: SIP/1-1")
	admin.expect("Response: Success|ActionID: 1|EventList: start|Message: Owners will follow")
	admin.expect("Event: ClusterOwner|ActionID: 1|Channel: SIP/1-1|Node: east/alpha|Ended: no")
	admin.expect("Event: ClusterOwner|ActionID: 1|Channel: SIP/1-1|Node: west/bravo|Ended: no")
	admin.expect("Event: ClusterOwnerComplete|ActionID: 1|EventList: Complete|ListItems: 2")
	admin.say("Action: ClusterOwner", "BridgeUniqueid: b-1")
	admin.expect("Response: Success|EventList: start|Message: Owners will follow")
	admin.expect("Event: ClusterOwner|BridgeUniqueid: b-1|Node: east/alpha|Ended: yes")
	admin.expect("Event: ClusterOwnerComplete|EventList: Complete|ListItems: 1")
	admin.say("Action: ClusterOwner", "Channel: nobody's")
	admin.expect("Response: Success|EventList: start|Message: Owners will follow")
	admin.expect("Event: ClusterOwnerComplete|EventList: Complete|ListItems: 0")
	admin.say("Action: ClusterOwner")
	admin.expect("Response: Error|Message: Channel or BridgeUniqueid not specified")
}
