package merge

import "fmt"

// checkEmit panics if an emission breaks invariant 1 (the order of one node) or 3 (the order of all).
func (m *Machine) checkEmit(o *origin, ev *Event) {
	if ev.Missing > 0 && ev.Epoch < o.emittedEp {
		return // more of an incarnation that was closed turned out to exist
	}
	if ev.Epoch < o.emittedEp || ev.Epoch == o.emittedEp && ev.Seq <= o.emitted {
		panic(fmt.Sprintf("merge: %v emitted %d/%d after %d/%d", o.node, ev.Epoch, ev.Seq, o.emittedEp, o.emitted))
	}
	if !ev.Late && ev.Missing == 0 && m.floor.Compare(ev) > 0 {
		panic(fmt.Sprintf("merge: %v %d/%d emitted below the floor, not late", o.node, ev.Epoch, ev.Seq))
	}
}
