package node

import (
	"math/bits"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/admin"
	"github.com/amibus/amibus/proto/ami"
)

// counts are what this node counts of the stream: in the stream's lock, and it is read there, so no event pays for an atomic.
type counts struct {
	nodes  map[*merge.Node]*classes // the stream has one Node of each, and keeps it
	last   *merge.Node              // whose classes the last event was counted in
	lastOf *classes
	own    bool // that one is this node
	held   [2]holds
}

// classes are the events of one node, by the bit of their first class; the last one: none.
type classes [65]uint64

// holdBounds are the upper bounds of the histogram of holds.
var holdBounds = [...]time.Duration{time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 10 * time.Second}

// holds is how long events took from their stamp to their turn.
type holds struct {
	counts [len(holdBounds) + 1]uint64
	sum    time.Duration
}

func (h *holds) add(d time.Duration) {
	d = max(d, 0) // the clocks of two nodes may differ a little
	h.sum += d
	i := 0
	for i < len(holdBounds) && d > holdBounds[i] {
		i++
	}
	h.counts[i]++
}

func (h *holds) distribution() admin.Distribution {
	d := admin.Distribution{Sum: h.sum.Seconds(), Buckets: map[float64]uint64{}}
	for i, n := range h.counts {
		d.Count += n
		if i < len(holdBounds) {
			d.Buckets[holdBounds[i].Seconds()] = d.Count
		}
	}
	return d
}

// emitted counts events that are emitted now.
func (c *counts) emitted(events []merge.Event, self merge.Node) {
	now := time.Now().UnixNano()
	for i := range events {
		e := &events[i]
		if e.Seq == 0 || e.Missing > 0 {
			continue
		}
		if e.Node != c.last {
			c.last, c.lastOf, c.own = e.Node, c.of(e.Node), *e.Node == self
		}
		c.lastOf[bits.TrailingZeros64(e.Entry.Classes())]++
		origin := 0
		if !c.own {
			origin = 1
		}
		c.held[origin].add(time.Duration(now - e.HLC))
	}
}

func (c *counts) of(n *merge.Node) *classes {
	if c.nodes == nil {
		c.nodes = map[*merge.Node]*classes{}
	}
	of := c.nodes[n]
	if of == nil {
		of = new(classes)
		c.nodes[n] = of
	}
	return of
}

// metrics registers them; locked calls a function in the stream's lock.
func (c *counts) metrics(a *admin.Server, locked func(func())) {
	a.CollectFunc("amibus_stream_events_total", "Events emitted, by the node they come from and the first of their classes.", admin.Counter, []string{"site", "node", "class"},
		func(emit func(float64, ...string)) {
			all := map[[3]string]uint64{} // bits that stand for no class have one name
			locked(func() {
				for n, of := range c.nodes {
					for bit, k := range of {
						if k > 0 {
							all[[3]string{n.Site, n.Name, ami.Class(uint64(1) << bit).First()}] += k
						}
					}
				}
			})
			for labels, k := range all {
				emit(float64(k), labels[:]...)
			}
		})
	a.CollectHistogram("amibus_stream_hold_seconds", "From the moment an event was stamped at its node until its turn came here: of own events the wait for other nodes, "+
		"of others' the way here, too.", []string{"origin"}, func(emit func(admin.Distribution, ...string)) {
		var held [2]holds
		locked(func() { held = c.held })
		emit(held[0].distribution(), "own")
		emit(held[1].distribution(), "other")
	})
}
