package node

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/node/admin"
	"github.com/amibus/amibus/proto/ami"
)

// counts are what this node counts of the stream and of actions. Of events it does so in the stream's lock, and is read there: no event pays
// for an atomic.
type counts struct {
	nodes  map[*merge.Node]*classes // the stream has one Node of each, and keeps it
	last   *merge.Node              // whose classes the last event was counted in
	lastOf *classes
	own    bool // that one is this node
	held   [2]holds

	actions sync.Map // of actionKind: *atomic.Uint64
	took    map[ami.Scope]func(seconds float64)
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

type actionKind struct {
	scope   ami.Scope
	outcome string
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

// acted counts an action.
func (c *counts) acted(action *ami.Message, outcome string, took time.Duration) {
	scope := ami.Scope("unknown")
	if a := actions.Lookup(action.Action()); a != nil {
		scope = a.Scope
	}
	n, ok := c.actions.Load(actionKind{scope, outcome})
	if !ok {
		n, _ = c.actions.LoadOrStore(actionKind{scope, outcome}, new(atomic.Uint64))
	}
	n.(*atomic.Uint64).Add(1)
	if observe := c.took[scope]; observe != nil {
		observe(took.Seconds())
	}
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
	a.CollectFunc("amibus_actions_total", "Actions of this node's clients that a source answers, by what they are about (docs/actions.md) and what came of them.", admin.Counter,
		[]string{"scope", "outcome"}, func(emit func(float64, ...string)) {
			c.actions.Range(func(k, n any) bool {
				kind := k.(actionKind)
				emit(float64(n.(*atomic.Uint64).Load()), string(kind.scope), kind.outcome)
				return true
			})
		})
	c.took = map[ami.Scope]func(float64){}
	scopes := map[ami.Scope]bool{"unknown": true}
	for _, known := range ami.Actions() {
		scopes[known.Scope] = true
	}
	for scope := range scopes {
		c.took[scope] = a.Histogram("amibus_action_seconds", "How long an action took, from its arrival to the end of its answer.", map[string]string{"scope": string(scope)},
			[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60})
	}
}
