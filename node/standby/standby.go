// Package standby decides which of several nodes on one Asterisk publishes its events, from what they gossip.
//
// Two nodes with the same mark have the same Asterisk. One of them publishes, the others stand by until it leaves, dies or loses
// its link. Who publishes already goes on; of those who begin at the same time the one with the lower (epoch, site, name) does. A node
// must have told its mark, and given the others the time to hear of it, before it decides; if two publish all the same, the same order
// says which one stops.
//
// Two nodes with one systemname and different marks have two Asterisks that cannot be told apart: the one that publishes, or else the
// lower one, is right, and the other one is in Conflict.
package standby

import "cmp"

// Node is what a node tells about its source.
type Node struct {
	Site, Name string
	Epoch      uint64
	Mark       string // of the Asterisk's process; "" without a link, or if it has none
	Systemname string // of the Asterisk; "" if ids are qualified by the node's name, so that it does not matter
	Publishing bool
}

// before orders nodes that nothing else tells apart.
func (n Node) before(o Node) bool {
	return cmp.Or(cmp.Compare(n.Epoch, o.Epoch), cmp.Compare(n.Site, o.Site), cmp.Compare(n.Name, o.Name)) < 0
}

// over tells whether n, with the same right to publish as o, goes first.
func (n Node) over(o Node) bool {
	if n.Publishing != o.Publishing {
		return n.Publishing
	}
	return n.before(o)
}

// Verdict is what a node has to do.
type Verdict uint8

// The verdicts.
const (
	Publish  Verdict = iota
	StandBy          // With has the same Asterisk and publishes, or is about to
	Conflict         // With has another Asterisk of the same systemname
)

// Decide returns the verdict for self, which has a link, and the node it is about.
func Decide(self Node, others []Node) (v Verdict, with Node) {
	if self.Mark == "" {
		return Publish, with
	}
	for _, o := range others {
		same := o.Mark == self.Mark
		twin := !same && o.Mark != "" && self.Systemname != "" && o.Systemname == self.Systemname
		switch {
		case !o.over(self):
		case same && (v != StandBy || o.over(with)):
			v, with = StandBy, o
		case twin && v == Publish:
			v, with = Conflict, o
		}
	}
	return v, with
}
