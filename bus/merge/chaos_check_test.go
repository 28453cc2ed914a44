package merge

import (
	"fmt"
	"time"
)

// say checks one emitted event.
func (n *chaosNode) say(e *Event) {
	c := n.c
	v := n.viewOf(*e.Node)
	n.settleHoles(v)
	switch {
	case e.Epoch < v.epoch || e.Epoch == v.epoch && e.Seq <= v.seq:
		c.fail("%s emitted %v %d/%d after %d/%d", n.id.Name, e.Node, e.Epoch, e.Seq, v.epoch, v.seq)
	case e.Epoch == v.epoch && e.Seq != v.seq+1, e.Epoch > v.epoch && e.Seq != 1:
		c.fail("%s emitted %v %d/%d after %d/%d: events missing, not declared", n.id.Name, e.Node, e.Epoch, e.Seq, v.epoch, v.seq)
	}
	n.advance(v, e.Epoch, e.Seq, e.Seq)
	if e.Late {
		n.late++
	} else {
		if n.floor != nil && n.floor.Compare(e) >= 0 {
			c.fail("%s emitted %v %d/%d below the one before, not flagged", n.id.Name, e.Node, e.Epoch, e.Seq)
		}
		floor := *e
		n.floor = &floor
	}
	n.emitted = append(n.emitted, key(*e.Node, e.Epoch, e.Seq))
	if wait := time.Duration(c.now - n.arrive[key(*e.Node, e.Epoch, e.Seq)]); wait > 300*time.Millisecond && n.frozen+int64(time.Second) < c.now {
		c.fail("%s held %v %d/%d for %v", n.id.Name, e.Node, e.Epoch, e.Seq, wait)
	}
}

func (n *chaosNode) viewOf(o Node) *chaosView {
	v := n.view[o]
	if v == nil {
		v = &chaosView{began: map[uint64]uint64{}, ended: map[uint64]uint64{}}
		n.view[o] = v
	}
	return v
}

func (n *chaosNode) advance(v *chaosView, epoch, from, to uint64) {
	v.epoch, v.seq = epoch, to
	if _, ok := v.began[epoch]; !ok {
		v.began[epoch] = from
	}
	v.ended[epoch] = max(to, v.ended[epoch])
}

func (n *chaosNode) declared(l Lost) {
	c := n.c
	n.changes = append(n.changes, fmt.Sprintf("%6d ms lost %s/%d %d…%d", c.now/1e6, l.Origin.Name, l.Epoch, l.From, l.To))
	n.losses = append(n.losses, l)
	v := n.viewOf(l.Origin)
	v.holes = append(v.holes, l)
	n.settleHoles(v)
}

// settleHoles moves the view over declared ranges. Declarations may run ahead of what is still queued.
func (n *chaosNode) settleHoles(v *chaosView) {
	for i := 0; i < len(v.holes); i++ {
		h := v.holes[i]
		if h.Epoch == v.epoch && h.From == v.seq+1 || h.Epoch > v.epoch && h.From == 1 {
			n.advance(v, h.Epoch, h.From, h.To)
			v.holes = append(v.holes[:i], v.holes[i+1:]...)
			i = -1
		} else if h.Epoch < v.epoch && v.ended[h.Epoch]+1 == h.From {
			v.ended[h.Epoch] = h.To
			v.holes = append(v.holes[:i], v.holes[i+1:]...)
			i = -1
		}
	}
}

// checkLosses: nothing is missing without a word, and nothing is declared that a living node still holds.
func (c *chaos) checkLosses() {
	for _, l := range c.nodes {
		for _, d := range l.losses {
			for _, o := range c.nodes {
				if _, ok := o.own[d.Epoch]; ok && c.keep == 0 && o.id == d.Origin && d.Epoch == o.m.Epoch() {
					c.fail("%s declared %v, which %s has", l.id.Name, d, o.id.Name)
				}
			}
		}
	}
	for _, l := range c.nodes {
		for _, o := range c.nodes {
			v := l.viewOf(o.id)
			if len(v.holes) > 0 {
				c.fail("%s declared %v out of place", l.id.Name, v.holes)
			}
			for epoch, last := range o.own {
				if at, ok := v.began[epoch]; ok && v.ended[epoch] != last || !ok && epoch > v.epoch && last > 0 {
					c.fail("%s has %s/%d from %d to %d of %d", l.id.Name, o.id.Name, epoch, at, v.ended[epoch], last)
				}
			}
			for _, k := range c.nodes { // the same of the dead
				for epoch, last := range k.viewOf(o.id).ended {
					if _, ok := v.began[epoch]; ok && v.ended[epoch] < last {
						c.fail("%s has %s/%d up to %d, %s up to %d", l.id.Name, o.id.Name, epoch, v.ended[epoch], k.id.Name, last)
					}
				}
			}
		}
	}
}
