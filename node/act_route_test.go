package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

const actUsers = `[own](plain)
ambiguous=own
[two](plain)
nodes=alpha,bravo
[here](plain)
scope=node
[few](plain)
actions=Getvar,CoreShowChannels
`

// actCluster is three nodes with an engine each, and a call at each: call-NAME, with a name that the others' have, too.
func actCluster(t *testing.T) map[string]*amiClient {
	t.Helper()
	c := newTestCluster(t, 10*time.Second)
	c.users, c.source = actUsers, config.Source{Kind: config.KindEngine}
	c.engines("alpha", "bravo", "charlie")
	clients := map[string]*amiClient{}
	for _, n := range c.nodes {
		for _, user := range []string{"plain", "own", "two", "here", "few"} {
			client, err := login(t, n.AMI(), user, "Events: off")
			if err != nil {
				t.Fatal(err)
			}
			clients[user+"@"+n.name] = client
		}
		a := clients["plain@"+n.name].ask(t, "Action: Originate", "Channel: Local/answer@test/n", "Application: Wait", "Data: 600", "Async: true",
			"ChannelId: call-"+n.name, "OtherChannelId: peer-"+n.name, "Variable: X="+n.name)
		if string(a[0].Get("Response")) != "Success" {
			t.Fatalf("Originate at %s: %q", n.name, a[0].Bytes())
		}
	}
	eventually(t, "all nodes know all calls", func() bool {
		for _, n := range c.nodes {
			if n.owners.Stats().Channels != 6 {
				return false
			}
		}
		return true
	})
	return clients
}

// TestWhereActionsGo: names that several nodes have, two channels, SystemName, and users who may not act everywhere.
func TestWhereActionsGo(t *testing.T) {
	t.Parallel()
	clients := actCluster(t)
	const twice = "Local/answer@test-00000000;1"
	getvar := func(lines ...string) []string { return append([]string{"Action: Getvar", "Variable: X"}, lines...) }
	for _, k := range []struct {
		at     string
		action []string
		want   string // in the first message
	}{
		{"plain@alpha", getvar("Channel: " + twice), "Message: Channel is ambiguous: alpha, bravo, charlie; add SystemName"},
		{"plain@bravo", []string{"Action: Hangup", "Channel: " + strings.ToUpper(twice)}, "Message: Channel is ambiguous: alpha, bravo, charlie; add SystemName"},
		{"plain@bravo", []string{"Action: Status", "Channel: " + twice}, "Message: Channel is ambiguous: "},
		{"plain@alpha", getvar("Channel: "+twice, "SystemName: CHARLIE"), "Value: charlie"},
		{"plain@alpha", getvar("Channel: "+twice, "SystemName: default/charlie"), "Value: charlie"},
		{"plain@alpha", getvar("Channel: "+twice, "SystemName: delta"), "Message: Unknown node delta; known: alpha, bravo, charlie"},
		{"plain@alpha", getvar("Channel: "+twice, "SystemName: *"), "Message: SystemName * is for lists"},
		{"own@alpha", getvar("Channel: " + twice), "Value: alpha"},
		{"own@charlie", getvar("Channel: " + twice), "Value: charlie"},
		{"own@alpha", getvar("Channel: call-charlie"), "Value: charlie"},
		{"two@alpha", getvar("Channel: " + twice), "Message: Channel is ambiguous: alpha, bravo; add SystemName"},
		{"two@alpha", getvar("Channel: call-bravo"), "Value: bravo"},
		{"two@alpha", getvar("Channel: call-charlie"), "Message: No such channel"},
		{"two@alpha", getvar("Channel: call-charlie", "SystemName: charlie"), "Message: Unknown node charlie; known: alpha, bravo"},
		{"two@charlie", getvar("Channel: call-alpha"), "Value: alpha"},
		{"two@charlie", []string{"Action: CoreStatus"}, "Message: Permission denied"},
		{"two@charlie", []string{"Action: UserEvent", "UserEvent: X"}, "Message: Permission denied"},
		{"two@charlie", []string{"Action: Hangup", "Channel: call-charlie"}, "Message: No such channel"},
		{"here@bravo", getvar("Channel: " + twice), "Value: bravo"},
		{"here@bravo", getvar("Channel: call-alpha"), "Message: No such channel"},
		{"here@bravo", []string{"Action: CoreStatus", "SystemName: alpha"}, "Message: Unknown node alpha; known: bravo"},
		{"few@alpha", getvar("Channel: call-bravo"), "Value: bravo"},
		{"few@alpha", []string{"Action: Hangup", "Channel: call-bravo"}, "Message: Permission denied"},
		{"few@alpha", []string{"Action: Hangup", "Channel: call-bravo", "SystemName: bravo"}, "Message: Permission denied"},
		{"plain@alpha", []string{"Action: Redirect", "Channel: call-bravo", "ExtraChannel: call-charlie", "Context: test", "Exten: echo", "Priority: 1"},
			"Message: Channel is on node bravo, ExtraChannel on node charlie; both must be on one"},
		{"plain@alpha", []string{"Action: Redirect", "Channel: call-bravo", "ExtraChannel: peer-nobody", "Context: test", "Exten: echo", "Priority: 1"},
			"Message: ExtraChannel does not exist: peer-nobody"},
		{"plain@alpha", []string{"Action: Redirect", "Channel: call-bravo", "ExtraChannel: peer-bravo", "Context: test", "Exten: echo", "Priority: 1"}, "Response: Success"},
		{"plain@alpha", []string{"Action: DBPut", "Family: f", "Key: k", "Val: v", "SystemName: *"}, "NodesSucceeded: alpha, bravo, charlie"},
		{"plain@bravo", []string{"Action: DBDel", "Family: f", "Key: k", "SystemName: alpha"}, "Response: Success"},
		{"plain@charlie", []string{"Action: DBDel", "Family: f", "Key: k", "SystemName: *"}, "NodesSucceeded: charlie, bravo"},
		{"plain@charlie", []string{"Action: DBDel", "Family: f", "Key: k", "SystemName: *"}, "Message: Database entry could not be deleted\r\n\r\n"},
		{"two@charlie", []string{"Action: DBPut", "Family: f", "Key: k", "Val: v", "SystemName: *"}, "NodesSucceeded: alpha, bravo"},
	} {
		a := clients[k.at].ask(t, k.action...)
		if !strings.Contains(string(a[0].Bytes()), k.want) {
			t.Errorf("%s at %s: %q, want %s", k.action, k.at, a[0].Bytes(), k.want)
		}
	}
	for _, k := range []struct {
		at     string
		action []string
		want   string // items by node
	}{
		{"plain@alpha", []string{"Action: CoreShowChannels"}, "map[alpha:2 bravo:2 charlie:2]"},
		{"plain@alpha", []string{"Action: CoreShowChannels", "SystemName: *"}, "map[alpha:2 bravo:2 charlie:2]"},
		{"plain@alpha", []string{"Action: Status"}, "map[alpha:2 bravo:2 charlie:2]"},
		{"two@charlie", []string{"Action: CoreShowChannels"}, "map[alpha:2 bravo:2]"},
		{"here@charlie", []string{"Action: CoreShowChannels"}, "map[none:2]"}, // all is as at its own PBX
		{"here@charlie", []string{"Action: CoreShowChannels", "SystemName: *"}, "map[none:2]"},
		{"few@charlie", []string{"Action: CoreShowChannels"}, "map[alpha:2 bravo:2 charlie:2]"},
		{"two@charlie", []string{"Action: Hangup", "Channel: /^Local.answer.*;2$/"}, "map[alpha:1 bravo:1]"},
		{"plain@alpha", []string{"Action: Hangup", "Channel: /^Local.answer/"}, "map[charlie:2]"},
	} {
		// Hangup of one half ends the other: the last row counts what is left, once it is gone.
		if strings.HasPrefix(k.want, "map[charlie:2]") && k.action[0] == "Action: Hangup" {
			eventually(t, "the calls of alpha and bravo have ended", func() bool {
				list := clients["plain@alpha"].ask(t, "Action: CoreShowChannels")
				return itemsByNode(list) == "map[charlie:2]"
			})
		}
		list := clients[k.at].ask(t, k.action...)
		if got := itemsByNode(list); got != k.want || string(list[len(list)-1].Get("ListItems")) != fmt.Sprint(len(list)-2) {
			t.Errorf("%s at %s: %s, want %s; %q … %q", k.action, k.at, got, k.want, list[0].Bytes(), list[len(list)-1].Bytes())
		}
	}
}

// TestAskForTwo: both channels of an action are asked for if nobody has told of them.
func TestAskForTwo(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo", "charlie")
	callsAt(t, c, 1)
	alpha, bravo := c.nodes[0], c.nodes[1]
	client, err := login(t, alpha.AMI(), "plain", "Events: off")
	if err != nil {
		t.Fatal(err)
	}
	alpha.owners.Remove(bravo.self) // it has heard nothing
	a := client.ask(t, "Action: Redirect", "Channel: bravo-call-0", "ExtraChannel: bravo-call-0;2", "Context: test", "Exten: echo", "Priority: 1")
	if string(a[0].Get("Response")) != "Success" {
		t.Errorf("%q", a[0].Bytes())
	}
}

// itemsByNode counts the items of a list by their last header, SystemName.
func itemsByNode(list []*ami.Message) string {
	items := map[string]int{}
	for _, m := range list[1:max(1, len(list)-1)] {
		if name, value, _ := m.Field(m.Len() - 1); string(name) == "SystemName" {
			items[string(value)]++
		} else {
			items["none"]++
		}
	}
	return fmt.Sprint(items)
}
