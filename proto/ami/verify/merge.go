package verify

import "slices"

// bridgeMerge: the first bridge in the event is To, the second From.
func (c *Checker) bridgeMerge(e *event) {
	if len(e.bridges) < 2 {
		c.report(34, e, nil, "BridgeMerge without two bridges")
		return
	}
	to, from := e.bridges[0], e.bridges[1]
	if string(to) == string(from) {
		c.report(34, e, nil, "BridgeMerge of a bridge with itself: %s", to)
		return
	}
	b := e.node.bridges[string(from)]
	if b == nil || b.destroyed.At > 0 {
		return
	}
	if b.merged.At > 0 {
		c.report(34, e, []Ref{b.merged}, "a second BridgeMerge of a bridge into another one: %s", from)
	}
	b.merged = Ref{e.ref.At, "BridgeMerge of " + b.id}
}

// transfer: nothing is promised of its place.
func (c *Checker) transfer(e *event) {
	for _, g := range e.groups {
		if ch := e.node.channels[string(g.id)]; ch != nil {
			ch.unheld = Ref{}
		}
	}
	if r := e.value(hResult); !slices.Contains(transferResults, r) {
		c.report(35, e, nil, "%s with the Result %q", e.spec.name, r)
	}
}

var transferResults = []string{"Success", "Fail", "Invalid", "Not Permitted"}
