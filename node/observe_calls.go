package node

import (
	"github.com/amibus/amibus/node/admin"
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
