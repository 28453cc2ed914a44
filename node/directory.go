package node

import (
	"cmp"
	"maps"
	"sync/atomic"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/proto/amibuspb"
)

// directory keeps what the other nodes told about themselves, also of those that are gone: their events are still to be named. It is
// read without a lock, since the stream's lock is held when a view event needs a name.
type directory struct {
	known atomic.Pointer[map[merge.Node]*amibuspb.Member]
}

// note takes a list of members. Calls must not overlap.
func (d *directory) note(others []*amibuspb.Member) {
	all := map[merge.Node]*amibuspb.Member{}
	if old := d.known.Load(); old != nil {
		maps.Copy(all, *old)
	}
	for _, m := range others {
		all[merge.Node{Site: m.GetSite(), Name: m.GetNode()}] = m
	}
	d.known.Store(&all)
}

// member returns what is known of a node, nil if nothing is.
func (d *directory) member(n merge.Node) *amibuspb.Member {
	all := d.known.Load()
	if all == nil {
		return nil
	}
	return (*all)[n]
}

// systemName is what the events of a node have in SystemName: its Asterisk's systemname, or without one the node's name; "" for a node
// that nothing is known of.
func (n *Node) systemName(of merge.Node) string {
	if of == n.self {
		return cmp.Or(n.origin.Load().Systemname, n.self.Name)
	}
	if m := n.directory.member(of); m != nil {
		return cmp.Or(m.GetSystemname(), of.Name)
	}
	return ""
}

// nodeInfos is what ClusterNodes tells.
func (n *Node) nodeInfos() []amiserver.NodeInfo {
	var all []amiserver.NodeInfo
	for _, p := range n.stream.Positions() {
		info := amiserver.NodeInfo{Position: p, SystemName: n.systemName(p.Node)}
		if p.Node == n.self {
			info.Address, info.Heard = n.AMI(), 0
		} else if m := n.directory.member(p.Node); m != nil {
			info.Address = m.GetAmi()
		}
		all = append(all, info)
	}
	return all
}
