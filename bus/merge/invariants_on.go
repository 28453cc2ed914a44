//go:build invariants

package merge

import "fmt"

// witness remembers what checkEmit needs.
type witness struct{ last map[Node]Event }

// checkEmit panics if an emission breaks invariant 1 (the order of one node) or 3 (the order of all).
func (m *Machine) checkEmit(o *origin, ev *Event) {
	if m.witness.last == nil {
		m.witness.last = map[Node]Event{}
	}
	if p, ok := m.witness.last[*o.node]; ok && (ev.Epoch < p.Epoch || ev.Epoch == p.Epoch && ev.Seq <= p.Seq) {
		panic(fmt.Sprintf("merge: %v emitted %d/%d after %d/%d", o.node, ev.Epoch, ev.Seq, p.Epoch, p.Seq))
	}
	if !ev.Late && m.floor.Compare(ev) > 0 {
		panic(fmt.Sprintf("merge: %v %d/%d emitted below the floor, not late", o.node, ev.Epoch, ev.Seq))
	}
	m.witness.last[*o.node] = *ev
}
