package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// items are the values of a header in the items of a list, sorted.
func items(list []*ami.Message, header string) []string {
	var all []string
	for _, m := range list[1 : len(list)-1] {
		all = append(all, string(m.Get(header)))
	}
	slices.Sort(all)
	return all
}

func (c *testCluster) add(name string) *testNode {
	c.t.Helper()
	n := &testNode{name: name, dir: c.t.TempDir()}
	c.nodes = append(c.nodes, n)
	c.start(n)
	c.t.Cleanup(func() { n.down() })
	return n
}

// TestJoinerKnowsCalls: calls that began before a node started, before it restarted its own too, are listed by it without asking anybody,
// as the others list them, and end there.
func TestJoinerKnowsCalls(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo")
	caller, err := login(t, c.nodes[0].AMI(), "plain", "Events: off")
	if err != nil {
		t.Fatal(err)
	}
	const calls = 40
	for i := range calls {
		for _, at := range []string{"alpha", "bravo"} {
			a := caller.ask(t, "Action: Originate", "Channel: Local/answer@test/n", "Application: Wait", "Data: 600", "Async: true",
				fmt.Sprintf("ChannelId: %s-%d", at, i), "SystemName: "+at)
			if string(a[0].Get("Response")) != "Success" {
				t.Fatalf("%q", a[0].Bytes())
			}
		}
	}
	eventually(t, "all calls are up", func() bool {
		return c.nodes[0].state.Stats().Channels == 4*calls && c.nodes[1].state.Stats().Channels == 4*calls
	})
	charlie := c.add("charlie")
	c.meet()
	eventually(t, "charlie knows the past, and its engine runs", func() bool { return charlie.state.Stats().Whole && charlie.own.Up() })
	late, err := login(t, charlie.AMI(), "plain", "Events: off")
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"CoreShowChannels", "Status", "BridgeList"} {
		for _, h := range []string{"Uniqueid", "Channel", "ChannelState", "Linkedid", "Application", "BridgeId", "BridgeUniqueid", "SystemName"} {
			eventually(t, action+" lists the same "+h+" at alpha and charlie", func() bool { // some calls are just being answered
				return slices.Equal(items(caller.ask(t, "Action: "+action, "Cached: yes"), h), items(late.ask(t, "Action: "+action, "Cached: yes"), h))
			})
		}
		list := late.ask(t, "Action: "+action, "Cached: yes", "ActionID: x")
		end := list[len(list)-1]
		if age, err := strconv.ParseFloat(string(end.Get("Age")), 64); err != nil || age < 0 || age > 60 || string(end.Get("ActionID")) != "x" {
			t.Errorf("%q", end.Bytes())
		}
	}
	live := late.ask(t, "Action: CoreShowChannels")
	if a, b := items(live, "Uniqueid"), items(late.ask(t, "Action: CoreShowChannels", "Cached: yes"), "Uniqueid"); !slices.Equal(a, b) || len(a) != 4*calls {
		t.Errorf("the PBXs list %q, the state %q", a, b)
	}
	for i := range calls {
		for _, at := range []string{"alpha", "bravo"} {
			if a := late.ask(t, "Action: Hangup", fmt.Sprintf("Channel: %s-%d", at, i)); string(a[0].Get("Response")) != "Success" {
				t.Errorf("%q", a[0].Bytes())
			}
		}
	}
	eventually(t, "the calls have ended at charlie", func() bool {
		list := late.ask(t, "Action: CoreShowChannels", "Cached: yes")
		return string(list[len(list)-1].Get("ListItems")) == "0"
	})
	if s := charlie.state.Stats(); s.Adopted == 0 || s.GivenUp+s.Refused+s.Overflows > 0 {
		t.Errorf("%+v", s)
	}
}

// TestCached: what can be asked for, and how.
func TestCached(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo")
	client, err := login(t, c.nodes[0].AMI(), "plain", "Events: off")
	if err != nil {
		t.Fatal(err)
	}
	for id, at := range map[string]string{"alpha": "alpha", "bravo": "bravo", "second": "bravo"} {
		client.ask(t, "Action: Originate", "Channel: Local/answer@test/n", "Application: Wait", "Data: 600", "Async: true", "ChannelId: "+id, "SystemName: "+at)
	}
	eventually(t, "the calls are up", func() bool { return c.nodes[0].state.Stats().Channels == 6 })
	if a := client.ask(t, "Action: Bridge", "Channel1: Local/answer@test-00000000;1", "Channel2: Local/answer@test-00000001;1", "SystemName: bravo"); string(a[0].Get("Response")) != "Success" {
		t.Fatalf("%q", a[0].Bytes())
	}
	bridge := ""
	eventually(t, "the bridge is known", func() bool {
		list := client.ask(t, "Action: CoreShowChannels", "Cached: yes", "Channel: second")
		bridge = string(list[1].Get("BridgeId"))
		return bridge != ""
	})
	for _, k := range []struct {
		action []string
		want   string // the start of the answer
		items  int
	}{
		{[]string{"Action: CoreShowChannels"}, "Channels will follow", 6},
		{[]string{"Action: CoreShowChannels", "SystemName: bravo"}, "Channels will follow", 4},
		{[]string{"Action: CoreShowChannels", "Channel: ALPHA"}, "Channels will follow", 1},
		{[]string{"Action: CoreShowChannels", "BridgeUniqueid: " + bridge}, "Channels will follow", 2},
		{[]string{"Action: Status"}, "Channel status will follow", 6},
		{[]string{"Action: Status", "Channel: Local/answer@test-00000000;1"}, "Channel status will follow", 2},
		{[]string{"Action: Status", "Channel: nobody"}, "No such channel", 0},
		{[]string{"Action: Status", "Variables: X"}, "Variables are not kept; leave out Cached", 0},
		{[]string{"Action: BridgeList", "BridgeUniqueid: " + bridge}, "Bridge listing will follow", 1},
		{[]string{"Action: BridgeList", "BridgeType: softmix"}, "Bridge listing will follow", 0},
		{[]string{"Action: BridgeInfo", "BridgeUniqueid: " + bridge}, "Bridge channel listing will follow", 2},
		{[]string{"Action: BridgeInfo"}, "BridgeUniqueid must be provided", 0},
		{[]string{"Action: BridgeInfo", "BridgeUniqueid: x"}, "Specified BridgeUniqueid not found", 0},
		{[]string{"Action: CoreShowChannelMap", "Channel: Local/answer@test-00000000;1"}, "Channel map will follow", 2},
		{[]string{"Action: CoreShowChannelMap"}, "CoreShowChannelMap requires a channel.", 0},
		{[]string{"Action: CoreShowChannelMap", "Channel: x"}, "Could not get channel snapshot", 0},
	} {
		a := client.ask(t, append(k.action, "Cached: yes", "ActionID: 1")...)
		if string(a[0].Get("Message")) != k.want || len(a) > 1 && len(a)-2 != k.items {
			t.Errorf("%s: %d items, %q", k.action, len(a)-2, a[0].Bytes())
		}
		for _, m := range a {
			last, _, _ := m.Field(m.Len() - 1)
			if string(m.Get("ActionID")) != "1" || m.Kind() == ami.KindEvent && string(last) != "SystemName" && m != a[len(a)-1] {
				t.Errorf("%s: %q", k.action, m.Bytes())
			}
		}
		if end := a[len(a)-1]; len(a) > 1 && (string(end.Get("ListItems")) != strconv.Itoa(k.items) || !end.Has("Age")) {
			t.Errorf("%s: %q", k.action, end.Bytes())
		}
		if strings.HasPrefix(k.action[0], "Action: BridgeInfo") && len(a) > 1 && string(a[len(a)-1].Get("BridgeNumChannels")) != "2" {
			t.Errorf("%q", a[len(a)-1].Bytes())
		}
	}
}
