package node

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/proto/ami"
)

// cached answers an action with "Cached: yes" from the state of the cluster: no PBX is asked.
func (n *Node) cached(c amiserver.Caller, action *ami.Message, send func([]byte) error) error {
	within := func(of merge.Node) bool { return c.Reach == nil || c.Reach(of) }
	if name := string(action.Get("SystemName")); name != "" && name != "*" {
		reach := within
		within = func(of merge.Node) bool {
			return reach(of) && (strings.EqualFold(of.Name, name) || strings.EqualFold(of.String(), name) || strings.EqualFold(n.systemName(of), name))
		}
	}
	var parts []state.Part
	whole := false
	n.state.View(func(v state.View) {
		if whole = v.Whole(); whole {
			parts = v.Cut(within)
		}
	})
	if !whole {
		return send(errorTo(action, "This node has just started and does not know the state of the cluster yet; try again, or leave out Cached"))
	}
	now := time.Now()
	l := state.Listing{Parts: parts, SystemName: n.listName, Now: now, Age: n.age(parts, now), Missing: n.missingWithin(within)}
	return l.Answer(action, send)
}

// listName is what lists have in SystemName.
func (n *Node) listName(of merge.Node) string { return cmp.Or(n.systemName(of), of.Name) }

// missingWithin names the nodes with a source that are out of view.
func (n *Node) missingWithin(within func(merge.Node) bool) (names []string) {
	for _, p := range n.sources() {
		if p.Missing && within(p.Node) {
			names = append(names, p.Node.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// age is how long ago the oldest of some parts of the state was true. Of a node without a queue all is in it that has come, up to its last
// sign of life; of one that waits for others all up to the newest event that went out; of one with a hole what comes before that.
func (n *Node) age(parts []state.Part, now time.Time) (age time.Duration) {
	positions, newest := n.stream.Positions(), int64(0)
	for i := range positions {
		newest = max(newest, positions[i].HLC)
	}
	for i := range positions {
		p := &positions[i]
		if !slices.ContainsFunc(parts, func(part state.Part) bool { return part.Node == p.Node }) {
			continue
		}
		old := p.Heard
		if p.Node == n.self {
			old = 0
		}
		switch {
		case p.Gapped:
			old = max(old, time.Duration(now.UnixNano()-p.HLC))
		case p.Queued > 0:
			old = max(old, time.Duration(now.UnixNano()-newest))
		}
		age = max(age, old)
	}
	return age
}
