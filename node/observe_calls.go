package node

import (
	"github.com/amibus/amibus/node/admin"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/node/owner"
	"github.com/amibus/amibus/node/state"
)

// What the node knows of the calls of the cluster.

func (n *Node) ownerMetrics(a *admin.Server) {
	gauge := func(name, help string, fn func(s owner.Stats) int) {
		a.GaugeFunc("amibus_owner_"+name, help, nil, func() float64 { return float64(fn(n.owners.Stats())) })
	}
	gauge("channels", "Live channels of all nodes.", func(s owner.Stats) int { return s.Channels })
	gauge("bridges", "Live bridges of all nodes.", func(s owner.Stats) int { return s.Bridges })
	gauge("absent", "Names that nobody has, kept in mind for a minute.", func(s owner.Stats) int { return s.Absent })
	counter := func(name, help string, fn func(s owner.Stats) uint64) {
		a.CounterFunc("amibus_owner_"+name, help, nil, func() float64 { return float64(fn(n.owners.Stats())) })
	}
	counter("evicted_total", "Ended channels and bridges forgotten early for want of room.", func(s owner.Stats) uint64 { return s.Evicted })
	counter("refused_total", "Channels, bridges and names not kept for want of room: they are asked for.", func(s owner.Stats) uint64 { return s.Refused })
}

func (n *Node) stateMetrics(a *admin.Server) {
	gauge := func(name, help string, fn func(s state.Stats) int) {
		a.GaugeFunc("amibus_state_"+name, help, nil, func() float64 { return float64(fn(n.state.Stats())) })
	}
	gauge("channels", "Channels of all nodes, as of the merged stream.", func(s state.Stats) int { return s.Channels })
	gauge("bridges", "Bridges of all nodes, as of the merged stream.", func(s state.Stats) int { return s.Bridges })
	gauge("whole", "1 while what was before this node started is known of all nodes.", func(s state.Stats) int {
		if s.Whole {
			return 1
		}
		return 0
	})
	counter := func(name, help string, fn func(s state.Stats) uint64) {
		a.CounterFunc("amibus_state_"+name, help, nil, func() float64 { return float64(fn(n.state.Stats())) })
	}
	counter("refused_total", "Channels and bridges of a node that has too many, not kept.", func(s state.Stats) uint64 { return s.Refused })
	counter("adopted_total", "Nodes whose channels and bridges were learnt from another node.", func(s state.Stats) uint64 { return s.Adopted })
	counter("given_up_total", "Nodes of which nobody could tell what was before this node listened.", func(s state.Stats) uint64 { return s.GivenUp })
	counter("overflows_total", "Times a node said too much before its past came: it was asked for anew.", func(s state.Stats) uint64 { return s.Overflows })
}

// forwardMetrics tell of the actions that go to other nodes and come from them.
func (n *Node) forwardMetrics(a *admin.Server) {
	counter := func(name, help string, fn func(s forward.Stats) uint64) {
		a.CounterFunc("amibus_forward_"+name, help, nil, func() float64 { return float64(fn(n.router.Stats())) })
	}
	a.GaugeFunc("amibus_forward_under_way", "Actions of this node at other nodes now.", nil, func() float64 { return float64(n.router.Stats().UnderWay) })
	counter("refused_total", "Actions refused because too many were under way to one node.", func(s forward.Stats) uint64 { return s.Refused })
	counter("gone_total", "Actions under way that ended because their node was gone.", func(s forward.Stats) uint64 { return s.Gone })
	counter("retried_total", "Actions sent again because their answer was lost.", func(s forward.Stats) uint64 { return s.Retried })
	counter("repeated_total", "Actions of other nodes that came again, and were not run again.", func(s forward.Stats) uint64 { return s.Repeated })
	counter("reads_own_total", "Lists that the own source was asked for.", func(s forward.Stats) uint64 { return s.Own })
	counter("reads_shared_total", "Lists that others had asked for at the same time.", func(s forward.Stats) uint64 { return s.Shared })
}
