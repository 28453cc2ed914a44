package actions

import (
	"fmt"
	"strings"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/owner"
	"github.com/amibus/amibus/proto/ami"
)

// Do says what is to be done with an action.
type Do uint8

// What may be done.
const (
	Refuse Do = iota // answer with the error Text
	Here             // it is about the session itself
	Run              // run it on the source of Node
	Raise            // raise the event of a UserEvent on this node, which has no source to do so
	Lists            // run it on all Parts and answer with one List
	Every            // run it on all Parts and answer with one Broadcast
	Ask              // ask all Parts who has the Key, tell the owner.Registry, and route again
)

var dos = [...]string{"refuse", "here", "run", "raise", "lists", "every", "ask"}

// String returns what is done in lower case.
func (d Do) String() string { return dos[d] }

// Part is a node that takes part in an answer.
type Part struct {
	Node       merge.Node
	Label      string // what it is called in SystemName
	SystemName string // in its items
}

// Decision is where an action goes.
type Decision struct {
	Do      Do
	Action  *Action // nil: not in the table
	Node    merge.Node
	Parts   []Part   // nodes in view, this one first
	Missing []string // labels of the nodes out of view
	Text    string   // of the error; with Ask, of the one to give if that does not settle it
	Key     []byte   // in the action
	Is      Thing    // of the Key: Channel or Bridge
}

// Permission is what somebody is told who may not act on any node that an action could run on.
const Permission = "Permission denied"

const noNode = "no node with a source is known"

// Route decides where an action goes.
func Route(action *ami.Message, v *View) Decision {
	a := Lookup(action.Action())
	d := Decision{Action: a}
	scope := ami.ScopeNode
	if a != nil {
		scope = a.Scope
	}
	switch scope {
	case ami.ScopeSession:
		d.Do = Here
		return d
	case ami.ScopeLocalPublish: // SystemName in a UserEvent is data
		switch {
		case !v.reaches(v.Self):
			return d.refuse(Permission)
		case !v.Source:
			d.Do = Raise
			return d
		}
		return d.run(v.Self)
	}
	if name := string(action.Get("SystemName")); name != "" {
		return d.named(v, scope, name)
	}
	if a != nil {
		if done, ok := d.byParams(action, v); ok {
			return done
		}
	}
	if scope == ami.ScopeClusterList {
		return d.all(v, Lists)
	}
	return d.own(v)
}

func (d Decision) refuse(text string) Decision {
	d.Do, d.Text = Refuse, text
	return d
}

func (d Decision) run(n merge.Node) Decision {
	d.Do, d.Node = Run, n
	return d
}

// own is for what nothing leads elsewhere.
func (d Decision) own(v *View) Decision {
	if !v.Source {
		all := v.nodes()
		if len(all) == 0 {
			return d.refuse("This node has no source, and " + noNode)
		}
		return d.refuse("This node has no source; add SystemName: " + strings.Join(labelsOf(all), " or "))
	}
	if !v.reaches(v.Self) {
		return d.refuse(Permission)
	}
	return d.run(v.Self)
}

func labelsOf(all []Peer) []string {
	nodes := make([]merge.Node, len(all))
	for i := range all {
		nodes[i] = all[i].Node
	}
	return labels(all, nodes)
}

// named is for an action with a SystemName.
func (d Decision) named(v *View, scope ami.Scope, name string) Decision {
	if name == "*" {
		switch scope {
		case ami.ScopeClusterList:
			return d.all(v, Lists)
		case ami.ScopeBroadcastSafe:
			return d.all(v, Every)
		}
		return d.refuse("SystemName * is for lists and for what may be repeated on all nodes; name the node")
	}
	all := v.nodes()
	switch found := resolve(all, name); {
	case len(found) == 1:
		return d.run(found[0])
	case len(found) > 1:
		return d.refuse(fmt.Sprintf("SystemName %s is ambiguous: %s", name, strings.Join(labels(all, found), ", ")))
	case len(all) == 0:
		return d.refuse(fmt.Sprintf("Unknown node %s; %s", name, noNode))
	}
	return d.refuse(fmt.Sprintf("Unknown node %s; known: %s", name, strings.Join(labelsOf(all), ", ")))
}

// all is for what runs on all nodes.
func (d Decision) all(v *View, do Do) Decision {
	all := v.nodes()
	for i := range all {
		if p := &all[i]; !p.Missing {
			d.Parts = append(d.Parts, Part{Node: p.Node, Label: label(all, p.Node), SystemName: p.served()})
		}
	}
	missing := v.missing()
	switch {
	case len(d.Parts) > 0:
		d.Do, d.Missing = do, missing
		return d
	case len(missing) > 0:
		return d.refuse("All nodes are out of view: " + strings.Join(missing, ", "))
	case v.Reach != nil:
		return d.refuse(Permission)
	}
	return d.refuse("This node has no source, and " + noNode)
}

// byParams lets the parameters decide. ok is false if none of them is there.
func (d Decision) byParams(action *ami.Message, v *View) (_ Decision, ok bool) {
	var at *Param // that has led to d.Node
	for i := range d.Action.Params {
		p := &d.Action.Params[i]
		value := action.Get(p.Name)
		switch {
		case len(value) == 0:
			continue // if it is needed, the source says so
		case p.Is == Number:
			return d.own(v), true
		case p.Pattern && value[0] == '/':
			return d.all(v, Lists), true
		}
		next := d.lookUp(v, p, value)
		switch {
		case next.Do == Here:
			continue
		case next.Do != Run:
			return next, true
		case at != nil && next.Node != d.Node:
			all := v.nodes()
			return d.refuse(fmt.Sprintf("%s is on node %s, %s on node %s; both must be on one", at.Name, label(all, d.Node), p.Name,
				label(all, next.Node))), true
		}
		d, at = next, p
	}
	return d, at != nil
}

// lookUp decides by one parameter. Here means that it leads nowhere.
func (d Decision) lookUp(v *View, p *Param, value []byte) Decision {
	d.Is = p.Is
	var found owner.Found
	switch {
	case p.Is == Channel:
		found = v.Owners.Channel(value)
	case p.Is == Bridge:
		found = v.Owners.Bridge(value)
	case v.Have != nil:
		found = owner.Found{Owners: v.Have(p.Is, value), Unique: true}
	}
	owners, hidden := within(found.Owners, v)
	switch {
	case len(owners) > 1 && v.Own && hasSelf(owners, v.Self):
		return d.run(v.Self)
	case len(owners) > 1:
		return d.refuse(fmt.Sprintf("%s is ambiguous: %s; add SystemName", title(p.Is), strings.Join(labels(v.nodes(), owners), ", ")))
	case len(owners) == 0:
		return d.unknown(v, p, value, hidden || found.Absent)
	case found.Lost:
		return d.refuse(fmt.Sprintf("%s is on node %s, which is out of view", title(p.Is), label(v.nodes(), owners[0])))
	case found.Unique || v.Own && owners[0] == v.Self:
		return d.run(owners[0])
	}
	if missing := v.missing(); len(missing) > 0 {
		return d.refuse(fmt.Sprintf("Cannot tell whose %s this is while nodes are out of view: %s; add SystemName", p.Is, strings.Join(missing, ", ")))
	}
	return d.run(owners[0])
}

// unknown decides what to do with the name of nothing that is known. certain: nobody need be asked.
func (d Decision) unknown(v *View, p *Param, value []byte, certain bool) Decision {
	if p.Is != Channel && p.Is != Bridge {
		d.Do = Here
		return d
	}
	if !certain {
		everybody := *v
		everybody.Reach = nil // that nobody has it holds for all users
		if ask := d.all(&everybody, Ask); ask.Do == Ask {
			ask.Key, ask.Text = value, title(p.Is)+" not found, and not all nodes could be asked"
			if missing := v.missing(); len(missing) > 0 {
				ask.Text = fmt.Sprintf("%s not found on the nodes that could be asked; out of view: %s", title(p.Is), strings.Join(missing, ", "))
			}
			return ask
		}
	}
	if missing := v.missing(); len(missing) > 0 {
		return d.refuse(fmt.Sprintf("%s not found on the nodes in view; out of view: %s", title(p.Is), strings.Join(missing, ", ")))
	}
	return d.refuse(strings.ReplaceAll(p.Unknown, "%s", string(value)))
}

// within returns the owners that the user may act on, and whether there are others.
func within(owners []merge.Node, v *View) (some []merge.Node, hidden bool) {
	if v.Reach == nil {
		return owners, false
	}
	for _, n := range owners {
		if v.Reach(n) {
			some = append(some, n)
		}
	}
	return some, len(some) < len(owners)
}

func hasSelf(owners []merge.Node, self merge.Node) bool {
	for _, n := range owners {
		if n == self {
			return true
		}
	}
	return false
}

// title is the thing at the start of a sentence.
func title(t Thing) string { return strings.ToUpper(t.String()[:1]) + t.String()[1:] }
