package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// newEngines starts nodes with an engine each.
func newEngines(t testing.TB, names ...string) *testCluster {
	t.Helper()
	c := newTestCluster(t, 10*time.Second)
	c.source = config.Source{Kind: config.KindEngine}
	c.engines(names...)
	return c
}

// engines starts nodes and waits until they know each other.
func (c *testCluster) engines(names ...string) {
	t := c.t
	t.Helper()
	for _, name := range names {
		n := &testNode{name: name, dir: t.TempDir()}
		c.nodes = append(c.nodes, n)
		c.start(n)
		t.Cleanup(func() { n.down() })
	}
	c.meet()
	for _, n := range c.nodes {
		eventually(t, n.name+" runs its engine, knows the others', and reaches them", func() bool {
			return n.own.Up() && len(n.sources()) == len(names) && !slices.ContainsFunc(c.nodes, func(o *testNode) bool {
				return !n.bus.Wanted(bus.SubjectAction(o.self.Site, o.self.Name))
			})
		})
	}
}

// ask sends an action and returns the messages of the answer: the Response and, of a list, all of it.
func (c *amiClient) ask(t testing.TB, lines ...string) (answer []*ami.Message) {
	t.Helper()
	if err := c.say(lines...); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := c.Decode()
		if err != nil {
			t.Fatalf("%v: %v", lines, err)
		}
		m = m.Clone()
		if m.Kind() == ami.KindEvent && m.Has("Privilege") && string(m.Get("Event")) != "Status" {
			continue // for everybody
		}
		answer = append(answer, m)
		if list := string(answer[0].Get("EventList")); list != "start" || string(m.Get("EventList")) == "Complete" {
			return answer
		}
	}
}

// TestActAnywhere: an action given to one node runs where its channel lives; what two nodes have is ambiguous; what nobody has is told in
// Asterisk's words; lists are of the whole cluster.
func TestActAnywhere(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo", "charlie")
	clients := map[string]*amiClient{}
	for _, n := range c.nodes {
		client, err := login(t, n.AMI(), "plain", "Events: off")
		if err != nil {
			t.Fatal(err)
		}
		clients[n.name] = client
	}
	alpha := clients["alpha"]
	for _, n := range c.nodes { // the same name on each, and an id of its own
		a := alpha.ask(t, "Action: Originate", "Channel: Local/answer@test/n", "Application: Wait", "Data: 600", "Async: true", "ChannelId: call-"+n.name, "SystemName: "+n.name)
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
	list := alpha.ask(t, "Action: CoreShowChannels", "ActionID: l")
	items := map[string]int{}
	for _, m := range list[1 : len(list)-1] {
		if last, _, _ := m.Field(m.Len() - 1); string(last) != "SystemName" || string(m.Get("ActionID")) != "l" {
			t.Errorf("item %q", m.Bytes())
		}
		items[string(m.Get("SystemName"))]++
	}
	if end := list[len(list)-1]; fmt.Sprint(items) != "map[alpha:2 bravo:2 charlie:2]" || string(end.Get("ListItems")) != "6" || end.Has("NodesMissing") {
		t.Errorf("%v, %q", items, end.Bytes())
	}
	for _, k := range []struct {
		at     string
		action []string
		want   string // in the first message
	}{
		{"alpha", []string{"Action: Setvar", "Channel: call-charlie", "Variable: X", "Value: here"}, "Message: Variable Set"},
		{"bravo", []string{"Action: Getvar", "Channel: call-charlie", "Variable: X"}, "Value: here"},
		{"charlie", []string{"Action: Getvar", "Channel: CALL-CHARLIE", "Variable: X"}, "Value: here"},
		{"alpha", []string{"Action: Getvar", "Channel: Local/answer@test-00000000;1", "Variable: X"},
			"Message: Channel is ambiguous: alpha, bravo, charlie; add SystemName"},
		{"alpha", []string{"Action: Getvar", "Channel: Local/answer@test-00000000;1", "Variable: X", "SystemName: charlie"}, "Value: here"},
		{"alpha", []string{"Action: Hangup", "Channel: call-nobody"}, "Message: No such channel"},
		{"alpha", []string{"Action: Redirect", "Channel: call-bravo", "ExtraChannel: call-charlie", "Context: test", "Exten: echo", "Priority: 1"},
			"Message: Channel is on node bravo, ExtraChannel on node charlie; both must be on one"},
		{"charlie", []string{"Action: Hangup", "Channel: call-bravo"}, "Message: Channel Hungup"},
		{"bravo", []string{"Action: Hangup", "Channel: /^Local.answer/"}, "Message: Channels hung up will follow"},
	} {
		a := clients[k.at].ask(t, k.action...)
		if !strings.Contains(string(a[0].Bytes()), k.want+"\r\n") {
			t.Errorf("%s at %s: %q, want %s", k.action, k.at, a[0].Bytes(), k.want)
		}
	}
	eventually(t, "all calls have ended", func() bool {
		a := clients["charlie"].ask(t, "Action: CoreShowChannels")
		return string(a[len(a)-1].Get("ListItems")) == "0"
	})
}
