package node

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

// View events are what this node tells its own clients about the stream (architecture §2): class system, no EventID, not on the bus.
// In the topics they are events with Seq 0.

// pacePatience is how long a piece of a backlog waits for slow readers. A piece is about a hundred events.
const pacePatience = 50 * time.Millisecond

// gap is a range of events that nobody holds any more.
type gap struct {
	node            merge.Node
	epoch, from, to uint64
}

// emitted takes the next events of the merged stream; called in the stream's lock. A gap needs no event of its own: it stands in the
// stream, and who reads the stream says it. Who sees the state sees it as of exactly here.
func (n *Node) emitted(events []merge.Event) {
	for i := range events {
		if e := &events[i]; e.Missing > 0 {
			n.tell(gap{*e.Node, e.Epoch, e.Seq - e.Missing + 1, e.Seq})
		}
	}
	n.counts.emitted(events, n.self)
	n.endings.pass(0, events, func(events []merge.Event) { n.state.Apply(events, func() { n.cluster.Publish(events...) }) })
}

// arrive takes events as they come, in the stream's lock: who acts on what he sees must find its owner.
func (n *Node) arrive(events []merge.Event) {
	n.owners.Add(n.uptime(), events)
	for i := range events {
		if from, ok := state.TakenOver(&events[i]); ok {
			go n.owners.Remove(from) // the calls are the other node's from now on; it takes too long for this lock
		}
	}
	n.endings.pass(1, events, func(events []merge.Event) { n.arrived.Publish(events...) })
}

// pace waits for the clients before a piece of a backlog goes out to them: what was missed during a long cut would overflow the queues
// even of those who read as fast as they can. Who has stopped reading is cut by its write time-out, and until then it delays a backlog
// only.
func (n *Node) pace(ctx context.Context) {
	for _, t := range []*stasis.Topic[merge.Event]{n.cluster, n.arrived} {
		t.Ease(ctx, pacePatience)
	}
}

// changed takes a change of a node's standing; called in the stream's lock.
func (n *Node) changed(c merge.Change) {
	n.changes[c.What].Add(1)
	n.seen(c)
	n.endings.changed(c)
	n.tell(c)
	switch c.What {
	case merge.Fenced:
		n.keepSoon(c.Epoch)
	case merge.Joined, merge.Dropped, merge.Returned, merge.Left:
		m := n.nodeState(c.Node, c.What.String()).Add("Epoch", strconv.FormatUint(c.Epoch, 10))
		if c.Why != "" {
			m.Add("Reason", c.Why)
		}
		n.show(m)
	}
}

func (n *Node) nodeState(node merge.Node, state string) *ami.Message {
	m := ami.New("Event", "NodeState", "Privilege", "system,all")
	if system := n.systemName(node); system != "" {
		m.Add("SystemName", system)
	}
	return m.Add("Node", node.String()).Add("State", state)
}

// show publishes a view event to the clients of this node.
func (n *Node) show(m *ami.Message) {
	e, err := wire.ParseEntry(wire.AppendEntry(nil, uint64(ami.ClassSystem), m.Get("Event"), nil, nil, m.Bytes()))
	if err != nil {
		panic(fmt.Sprintf("node: view event %s: %v", m.Bytes(), err)) // what was appended can be parsed
	}
	ev := merge.Event{Node: &n.self, Entry: e}
	n.cluster.Publish(ev)
	n.arrived.Publish(ev)
}
