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
	if before := ev.Seq - max(ev.Missing, 1); ev.Epoch == o.emittedEp && before != o.emitted || ev.Epoch > o.emittedEp && o.emittedEp > 0 && before > 0 {
		panic(fmt.Sprintf("merge: %v emitted %d/%d after %d/%d, something between is missing", o.node, ev.Epoch, ev.Seq, o.emittedEp, o.emitted))
	}
	if !ev.Late && ev.Missing == 0 && m.floor.Compare(ev) > 0 {
		panic(fmt.Sprintf("merge: %v %d/%d emitted below the floor, not late", o.node, ev.Epoch, ev.Seq))
	}
}

// checkStamp panics if a stamp breaks invariant 5.
func (m *Machine) checkStamp() {
	if m.clk.last <= m.sender.sentMark {
		panic(fmt.Sprintf("merge: stamped %d after a mark of %d", m.clk.last, m.sender.sentMark))
	}
}
