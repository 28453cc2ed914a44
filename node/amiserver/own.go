package amiserver

import (
	"context"
	"slices"
	"strconv"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
)

// own are the actions that no Asterisk has. All are about this session or what this node knows, and answered here.
var own = []ami.Action{
	{Name: "ClusterNodes", Synopsis: "List the nodes of the cluster and how far each one is.", Class: ami.ClassSystem | ami.ClassReporting,
		Scope: ami.ScopeSession},
	{Name: "ClusterOwner", Synopsis: "Tell which nodes have a channel or bridge.", Class: ami.ClassSystem | ami.ClassCall | ami.ClassReporting,
		Scope: ami.ScopeSession},
	{Name: "ClusterReload", Synopsis: "Read the configuration of this node anew.", Class: ami.ClassSystem | ami.ClassConfig, Scope: ami.ScopeSession},
	{Name: "EventCursor", Synopsis: "Tell where this session stands in the event stream, to resume there later.", Scope: ami.ScopeSession},
}

// clusterNodes answers as Asterisk's lists do (ami/behaviour.md 4.4). All of it goes out at once: nothing may stand within.
func (s *session) clusterNodes(_ context.Context, action *ami.Message) error {
	id := string(action.Get("ActionID"))
	out := append([]byte(nil), answer(action, "Success").Add("EventList", "start").Add("Message", "Cluster nodes will follow").Bytes()...)
	nodes := slices.DeleteFunc(s.srv.conf.Backend.Nodes(), func(n NodeInfo) bool { return !s.within(n.Node) })
	for i := range nodes {
		out = append(out, listItem("ClusterNode", id, func(m *ami.Message) { s.describe(m, &nodes[i]) })...)
	}
	return s.send(append(out, listItem("ClusterNodesComplete", id, func(m *ami.Message) {
		m.Add("EventList", "Complete").Add("ListItems", strconv.Itoa(len(nodes)))
	})...))
}

// clusterOwner tells who has a channel, by name or id, or a bridge, as far as this node has heard of it. Nobody is asked.
func (s *session) clusterOwner(_ context.Context, action *ami.Message) error {
	id, header := string(action.Get("ActionID")), "Channel"
	key := action.Get(header)
	if len(key) == 0 {
		header = "BridgeUniqueid"
		if key = action.Get(header); len(key) == 0 {
			return s.fail(action, "Channel or BridgeUniqueid not specified")
		}
	}
	owners, ended := s.srv.conf.Backend.Owners(header == "Channel", key)
	owners = slices.DeleteFunc(slices.Clone(owners), func(n merge.Node) bool { return !s.within(n) })
	out := append([]byte(nil), answer(action, "Success").Add("EventList", "start").Add("Message", "Owners will follow").Bytes()...)
	for _, n := range owners {
		out = append(out, listItem("ClusterOwner", id, func(m *ami.Message) {
			m.Add(header, string(key)).Add("Node", n.String()).Add("Ended", yesNo(ended))
			if name := s.srv.conf.Backend.SystemName(n); name != "" {
				m.Add("SystemName", name)
			}
		})...)
	}
	return s.send(append(out, listItem("ClusterOwnerComplete", id, func(m *ami.Message) {
		m.Add("EventList", "Complete").Add("ListItems", strconv.Itoa(len(owners)))
	})...))
}

func listItem(event, id string, add func(m *ami.Message)) []byte {
	m := ami.New("Event", event)
	if id != "" {
		m.Add("ActionID", id)
	}
	add(m)
	return m.Bytes()
}

// describe adds what is known of a node. SystemName is the last header, as in all lists (architecture §7).
func (s *session) describe(m *ami.Message, n *NodeInfo) {
	self := n.Node == s.srv.conf.Node
	m.Add("Node", n.Node.String()).Add("Site", n.Node.Site).Add("Name", n.Node.Name).Add("Self", yesNo(self))
	m.Add("State", standing(n, self)).Add("Epoch", number(n.Epoch)).Add("Seq", number(n.Emitted))
	m.Add("Queued", strconv.Itoa(n.Queued)).Add("Lag", strconv.FormatInt(n.Heard.Milliseconds(), 10))
	m.Add("Late", number(n.Late)).Add("Lost", number(n.Lost)).Add("Missing", yesNo(n.Gapped))
	if n.Address != "" {
		m.Add("Address", n.Address)
	}
	if n.SystemName != "" {
		m.Add("SystemName", n.SystemName)
	}
}

// standing is where a node stands in this node's view.
func standing(n *NodeInfo, self bool) string {
	switch {
	case self || n.Awaited:
		return "in view"
	case n.Left:
		return "left"
	case n.Newest == 0:
		return "unheard" // known by name only
	}
	return "dropped"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
