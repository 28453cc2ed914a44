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

// counts are what this node counts of the stream and of actions. One goroutine at a time counts events, any do actions.
type counts struct {
	mu     sync.Mutex // for nodes
	nodes  map[merge.Node]*classes
	last   merge.Node // whose classes the last event was counted in
	lastOf *classes
	hold   func(seconds float64)

	actions sync.Map // of actionKind: *atomic.Uint64
	took    map[ami.Scope]func(seconds float64)
}

// classes are the events of one node, by the bit of their first class.
type classes [64]atomic.Uint64

type actionKind struct {
	scope   ami.Scope
	outcome string
}

// emitted counts events that are emitted now. The time they were held is taken of the first: they come in batches.
func (c *counts) emitted(events []merge.Event) {
	for i := range events {
		e := &events[i]
		if e.Seq == 0 || e.Missing > 0 {
			continue
		}
		if *e.Node != c.last || c.lastOf == nil {
			c.last, c.lastOf = *e.Node, c.of(*e.Node)
		}
		c.lastOf[bits.TrailingZeros64(e.Entry.Classes()|1<<63)].Add(1)
		if i == 0 && c.hold != nil {
			c.hold(max(time.Since(time.Unix(0, e.HLC)).Seconds(), 0))
		}
	}
}

func (c *counts) of(n merge.Node) *classes {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nodes == nil {
		c.nodes = map[merge.Node]*classes{}
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

func (c *counts) metrics(a *admin.Server) {
	a.CollectFunc("amibus_stream_events_total", "Events emitted, by the node they come from and the first of their classes.", admin.Counter, []string{"site", "node", "class"},
		func(emit func(float64, ...string)) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for n, of := range c.nodes {
				for bit := range of {
					if k := of[bit].Load(); k > 0 {
						emit(float64(k), n.Site, n.Name, className(bit))
					}
				}
			}
		})
	c.hold = a.Histogram("amibus_stream_hold_seconds", "From the moment an event was stamped at its node until its turn came here; the first of each batch.", nil,
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10})
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

// className is the name of the class with that bit.
func className(bit int) string {
	if bit == 63 {
		return "none"
	}
	b := ami.Class(1 << bit).AppendPrivilege(nil)
	for i, letter := range b {
		if letter == ',' {
			return string(b[:i])
		}
	}
	return string(b)
}
