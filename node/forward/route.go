package forward

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
)

const noNode = "no node with a source is known"

// beyondReach is what somebody is told who may not act on any node that the action could run on.
const beyondReach = "Permission denied"

// route returns the node that runs the action, or the text of an error. Nodes beyond reach are as good as unknown.
func (r *Router) route(action *ami.Message, reach func(merge.Node) bool) (target merge.Node, refused string) {
	own := reach == nil || reach(r.cfg.Self)
	if action.IsAction("UserEvent") {
		switch {
		case !own:
			return target, beyondReach
		case r.cfg.Source == nil:
			return target, "This node has no source to raise a UserEvent on"
		}
		return r.cfg.Self, ""
	}
	name := string(action.Get("SystemName"))
	if name == "" {
		if r.cfg.Source == nil {
			known := r.known(reach)
			if len(known) == 0 {
				return target, "This node has no source, and " + noNode
			}
			return target, "This node has no source; add SystemName: " + strings.Join(labels(known), " or ")
		}
		if !own {
			return target, beyondReach
		}
		return r.cfg.Self, ""
	}
	known := r.known(reach)
	switch found := resolve(known, name); len(found) {
	case 0:
		if len(known) == 0 {
			return target, fmt.Sprintf("Unknown node %s; %s", name, noNode)
		}
		return target, fmt.Sprintf("Unknown node %s; known: %s", name, strings.Join(labels(known), ", "))
	case 1:
		return found[0].Node, ""
	default:
		return target, fmt.Sprintf("SystemName %s is ambiguous: %s", name, strings.Join(labels(found), ", "))
	}
}

// known lists the nodes within reach that an action may be sent to, this one included if it has a source.
func (r *Router) known(reach func(merge.Node) bool) []Peer {
	var all []Peer
	if r.cfg.Peers != nil {
		all = slices.Clone(r.cfg.Peers())
		all = slices.DeleteFunc(all, func(p Peer) bool { return p.Node == r.cfg.Self })
	}
	if r.cfg.Source != nil {
		own := Peer{Node: r.cfg.Self}
		if r.cfg.Own != nil {
			own.SystemName = r.cfg.Own().SystemName
		}
		all = append(all, own)
	}
	if reach != nil {
		all = slices.DeleteFunc(all, func(p Peer) bool { return !reach(p.Node) })
	}
	return all
}

// resolve returns the nodes that name means: by node name, else by systemname, both exactly, else both without case.
func resolve(known []Peer, name string) []Peer {
	for _, same := range []func(p Peer) bool{
		func(p Peer) bool { return p.Node.Name == name || p.Node.String() == name },
		func(p Peer) bool { return p.SystemName == name },
		func(p Peer) bool {
			return strings.EqualFold(p.Node.Name, name) || strings.EqualFold(p.Node.String(), name)
		},
		func(p Peer) bool { return strings.EqualFold(p.SystemName, name) },
	} {
		var found []Peer
		for _, p := range known {
			if same(p) {
				found = append(found, p)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// labels returns what each node may be called in SystemName, sorted: its name, or site/name where the name is not unique.
func labels(peers []Peer) []string {
	count := map[string]int{}
	for _, p := range peers {
		count[p.Node.Name]++
	}
	list := make([]string, 0, len(peers))
	for _, p := range peers {
		label := p.Node.Name
		if count[label] > 1 {
			label = p.Node.String()
		}
		list = append(list, label)
	}
	slices.Sort(list)
	return list
}

// malformed returns the text of the error for an action that must not travel, whoever sent it: another node may not hold itself to
// the limits of a session. A bare CR inside a line is data to an Asterisk, but a line end to many clients, who may see it in an event
// (ami/clients.md 17).
func malformed(action *ami.Message) string {
	for i := range action.Len() {
		if line := action.Line(i); len(line) == 0 || bytes.ContainsAny(line, "\r\n\x00") {
			return fmt.Sprintf("Line %d of the action holds a line end or NUL", i+1)
		}
	}
	if err := action.CheckAction(); err != nil {
		return err.Error()
	}
	return ""
}

// stripped returns the action built anew, line by line, without the header that only routes.
func stripped(action *ami.Message) *ami.Message {
	route := !action.IsAction("UserEvent")
	b := make([]byte, 0, len(action.Bytes()))
	for i := range action.Len() {
		line := action.Line(i)
		name, _, ok := ami.SplitLine(line)
		if route && ok && strings.EqualFold(string(name), "SystemName") {
			continue
		}
		b = append(append(b, line...), "\r\n"...)
	}
	m, err := ami.ParseMessage(append(b, "\r\n"...))
	if err != nil {
		return action // cannot be: every line has been checked
	}
	return m
}
