package node

import (
	"slices"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/reconcile"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

// endings tells the clients of this node that another one has been out of view for bus.lost_after, and has its calls end for the users who
// want that ("endings = yes"): view events that carry the other node's name. Before its next event they are revived, as of where they were.
// The stream's lock guards it.
type endings struct {
	n      *Node
	timers map[merge.Node]*time.Timer // of the nodes out of view that are not lost yet
	ended  [2]map[merge.Node]bool     // whose calls have been ended: in the merged stream, and in the order of arrival
}

func newEndings(n *Node) *endings {
	return &endings{n: n, timers: map[merge.Node]*time.Timer{}, ended: [2]map[merge.Node]bool{{}, {}}}
}

// changed takes a change of a node's standing.
func (e *endings) changed(c merge.Change) {
	if c.Node == e.n.self {
		return
	}
	switch c.What {
	case merge.Joined, merge.Returned:
		if t := e.timers[c.Node]; t != nil {
			t.Stop()
			delete(e.timers, c.Node)
		}
	case merge.Dropped, merge.Left:
		if e.timers[c.Node] == nil {
			e.timers[c.Node] = time.AfterFunc(e.n.cfg.Bus.LostAfter, func() { e.look(c.Node) })
		}
	}
}

// look sees whether a node that went out of view has been heard of since.
func (e *endings) look(node merge.Node) {
	e.n.stream.View(func(now []merge.Position) {
		t := e.timers[node]
		at := slices.IndexFunc(now, func(p merge.Position) bool { return p.Node == node })
		switch {
		case t == nil || at >= 0 && now[at].Awaited: // it is back
		case at >= 0 && now[at].Heard < e.n.cfg.Bus.LostAfter:
			t.Reset(e.n.cfg.Bus.LostAfter - now[at].Heard)
		default:
			delete(e.timers, node)
			e.lose(node)
		}
	})
}

func (e *endings) lose(node merge.Node) {
	e.n.show(e.n.nodeState(node, "lost"))
	if !slices.ContainsFunc(e.n.users.Load().Users(), func(u *config.User) bool { return u.Endings }) {
		return
	}
	part, _ := e.n.state.Past(node)
	for i := range e.ended {
		if !e.ended[i][node] {
			e.ended[i][node] = true
			e.show(i, node, reconcile.End(believed(&part)))
		}
	}
}

// next returns how many of the events can be passed on before the calls of a node must be revived, and that node's place.
func (e *endings) next(topic int, events []merge.Event) int {
	if len(e.ended[topic]) == 0 {
		return len(events)
	}
	for i := range events {
		if events[i].Seq > 0 && e.ended[topic][*events[i].Node] {
			return i
		}
	}
	return len(events)
}

// pass passes events on, and revives calls where they must be.
func (e *endings) pass(topic int, events []merge.Event, on func([]merge.Event)) {
	for {
		i := e.next(topic, events)
		if i > 0 {
			on(events[:i])
		}
		if events = events[i:]; len(events) == 0 {
			return
		}
		node := *events[0].Node
		delete(e.ended[topic], node)
		part, _ := e.n.state.Past(node)
		e.show(topic, node, revival(&part))
	}
}

// believed is a View of what is known of a node.
func believed(p *state.Part) *reconcile.View {
	v := reconcile.NewView()
	believe(v, p)
	return v
}

// revival is what has begun, to who believes in nothing.
func revival(p *state.Part) [][]byte {
	var channels, bridges [][]byte
	items := state.NewItems("", time.Now())
	p.Sort()
	for i := range p.Channels {
		channels = append(channels, items.Channel(nil, &p.Channels[i]))
	}
	for i := range p.Bridges {
		bridges = append(bridges, items.Bridge(nil, &p.Bridges[i]))
	}
	return reconcile.Plan(reconcile.NewView(), channels, bridges, nil)
}

func (e *endings) show(topic int, node merge.Node, texts [][]byte) {
	to := []*stasis.Topic[merge.Event]{e.n.cluster, e.n.arrived}[topic]
	origin := translator.Origin{Node: node.Name, Systemname: e.n.systemName(node)}
	for _, text := range texts {
		entry, err := servedEntry(&origin, text)
		if err != nil {
			e.n.refused.Add(1)
			e.n.log.Error("a synthetic event cannot be shown", "node", node.String(), "err", err)
			continue
		}
		to.Publish(merge.Event{Node: &node, Entry: entry})
	}
}

// servedEntry is an event in the form in which the node of origin serves it.
func servedEntry(origin *translator.Origin, text []byte) (e wire.Entry, err error) {
	m, err := ami.ParseMessage(text)
	if err != nil {
		return e, err
	}
	b, err := origin.AppendEntry(nil, m)
	if err != nil {
		return e, err
	}
	return wire.ParseEntry(b)
}
