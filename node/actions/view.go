package actions

import (
	"slices"
	"strings"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/owner"
)

// Peer is a node that has a source.
type Peer struct {
	Node       merge.Node
	SystemName string // of its Asterisk, empty if it has none
	Missing    bool   // out of view
}

// served is what the node's events have in SystemName.
func (p *Peer) served() string {
	if p.SystemName != "" {
		return p.SystemName
	}
	return p.Node.Name
}

// Owners tells who has a channel or bridge. owner.Registry is one.
type Owners interface {
	Channel(key []byte) owner.Found
	Bridge(id []byte) owner.Found
}

// View is what a node knows at the moment an action comes.
type View struct {
	Self   merge.Node
	Source bool          // this node has a source of its own
	Nodes  func() []Peer // all nodes known to have a source, this one included if it has one; they may be kept
	Owners Owners
	Have   func(is Thing, name []byte) []merge.Node // who has a conference or an agent of that name; nil: nobody knows
	Reach  func(merge.Node) bool                    // the nodes that the user may act on; nil: all
	Own    bool                                     // what several nodes have is this node's ("ambiguous = own")
}

// nodes returns the nodes within reach, this one first, the others sorted.
func (v *View) nodes() []Peer {
	if v.Nodes == nil {
		return nil
	}
	all := slices.Clone(v.Nodes())
	if v.Reach != nil {
		all = slices.DeleteFunc(all, func(p Peer) bool { return !v.Reach(p.Node) })
	}
	slices.SortFunc(all, func(a, b Peer) int {
		if (a.Node == v.Self) != (b.Node == v.Self) {
			if a.Node == v.Self {
				return -1
			}
			return 1
		}
		return a.Node.Compare(b.Node)
	})
	return all
}

func (v *View) reaches(n merge.Node) bool { return v.Reach == nil || v.Reach(n) }

// missing returns what the nodes within reach are called that are out of view.
func (v *View) missing() []string {
	if v.Nodes == nil || !slices.ContainsFunc(v.Nodes(), func(p Peer) bool { return p.Missing }) {
		return nil
	}
	all := v.nodes()
	var gone []merge.Node
	for i := range all {
		if all[i].Missing {
			gone = append(gone, all[i].Node)
		}
	}
	return labels(all, gone)
}

// labels returns what each of some nodes may be called in SystemName, sorted: its name, or site/name where the name is not unique.
func labels(all []Peer, some []merge.Node) []string {
	list := make([]string, len(some))
	for i, n := range some {
		list[i] = label(all, n)
	}
	slices.Sort(list)
	return list
}

func label(all []Peer, n merge.Node) string {
	for i := range all {
		if all[i].Node.Name == n.Name && all[i].Node != n {
			return n.String()
		}
	}
	return n.Name
}

// resolve returns the nodes that a SystemName means: by node name, else by systemname, both exactly, else both without case.
func resolve(all []Peer, name string) []merge.Node {
	for _, same := range []func(p *Peer) bool{
		func(p *Peer) bool { return p.Node.Name == name || p.Node.String() == name },
		func(p *Peer) bool { return p.SystemName == name },
		func(p *Peer) bool {
			return strings.EqualFold(p.Node.Name, name) || strings.EqualFold(p.Node.String(), name)
		},
		func(p *Peer) bool { return strings.EqualFold(p.SystemName, name) },
	} {
		var found []merge.Node
		for i := range all {
			if same(&all[i]) {
				found = append(found, all[i].Node)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}
