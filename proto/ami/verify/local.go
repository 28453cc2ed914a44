package verify

// pair is a Local channel, known by both halves.
type pair struct {
	one, two string
	bridged  Ref
	stays    bool // LocalOptimization: No
}

// optimization is one under way.
type optimization struct {
	one, two string
	begun    Ref
}

// halves returns both, nil if one was there before the checker.
func (e *event) halves() (one, two *channel) { return e.channel("LocalOne"), e.channel("LocalTwo") }

func (c *Checker) localBridge(e *event) {
	one, two := e.halves()
	if one == nil || two == nil {
		return
	}
	p := &pair{one.id, two.id, Ref{e.ref.At, "LocalBridge of " + one.id + " and " + two.id}, e.is(hLocalOptimization, "No")}
	if one.local != nil && one.local.one == p.one && one.local.two == p.two {
		c.report(37, e, []Ref{one.local.bridged}, "a second LocalBridge of a pair: %s and %s", p.one, p.two)
	}
	one.local, two.local = p, p
}

func (c *Checker) optimizationBegin(e *event) {
	one, two := e.halves()
	id := e.value(hID)
	if old := e.node.moves[id]; old != nil {
		c.report(38, e, []Ref{old.begun}, "a LocalOptimizationBegin with the Id of one that has not ended: %s", id)
	}
	a, _ := e.group("LocalOne")
	b, _ := e.group("LocalTwo")
	e.node.moves[id] = &optimization{string(a.id), string(b.id), Ref{e.ref.At, "LocalOptimizationBegin " + id}}
	if one == nil || two == nil || one.gone() || two.gone() {
		return
	}
	switch p := one.local; {
	case p == nil || p.two != two.id:
		c.report(37, e, []Ref{one.created, two.created}, "LocalOptimizationBegin of a pair without a LocalBridge: %s and %s", one.id, two.id)
	case p.stays && !c.session.away:
		c.report(39, e, []Ref{p.bridged}, "LocalOptimizationBegin of a pair that is not to be optimized away: %s and %s", one.id, two.id)
	}
}

func (c *Checker) optimizationEnd(e *event) {
	one, two := e.halves()
	id := e.value(hID)
	a, _ := e.group("LocalOne")
	b, _ := e.group("LocalTwo")
	switch o := e.node.moves[id]; {
	case o != nil && (o.one != string(a.id) || o.two != string(b.id)):
		c.report(38, e, []Ref{o.begun}, "LocalOptimizationEnd %s has other halves than its LocalOptimizationBegin", id)
	case o == nil && one != nil && two != nil:
		c.report(38, e, []Ref{one.created, two.created}, "LocalOptimizationEnd without a LocalOptimizationBegin: %s", id)
	}
	delete(e.node.moves, id)
	if !e.is(hSuccess, "Yes") {
		return
	}
	for _, half := range []*channel{one, two} {
		if half != nil && !half.gone() {
			half.optimized = Ref{e.ref.At, "LocalOptimizationEnd of " + half.id}
		}
	}
}
