package merge

import (
	"cmp"
	"strings"

	"github.com/amibus/amibus/proto/wire"
)

// Node is the wire identity of a node.
type Node struct{ Site, Name string }

// Compare orders nodes by site, then name.
func (n Node) Compare(o Node) int {
	if c := strings.Compare(n.Site, o.Site); c != 0 {
		return c
	}
	return strings.Compare(n.Name, o.Name)
}

// String returns "site/name".
func (n Node) String() string { return n.Site + "/" + n.Name }

// Event is one event of the merged stream. (Node, Epoch, Seq) is its identity, (HLC, Node, Epoch, Seq) its key. The Entry is
// shared by everybody who holds the event and is never changed once stamped.
//
// With Missing it is no event but a gap, in the place of the events it stands for.
type Event struct {
	HLC   int64 // hybrid clock, nanoseconds
	Node  *Node // shared, never nil
	Epoch uint64
	Seq   uint64
	Late  bool // emitted below an event that had been emitted before it
	// Missing is how many events, up to Seq, will never come: nobody reachable holds them. 0 for an event.
	Missing uint64
	Entry   wire.Entry
}

// Compare orders events by key.
func (e *Event) Compare(o *Event) int {
	if e.HLC != o.HLC {
		return cmp.Compare(e.HLC, o.HLC)
	}
	if e.Node != o.Node {
		if c := e.Node.Compare(*o.Node); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(e.Epoch, o.Epoch), cmp.Compare(e.Seq, o.Seq))
}
