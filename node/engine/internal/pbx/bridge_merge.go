package pbx

import (
	"slices"
)

// move takes m out of its bridge into another, in the place of swap if that is not nil. ok is false if it cannot.
func (m *member) move(to *bridge, swap *member, colp bool) (ok bool) {
	from := m.b
	if m.c.member != m || m.leaving || to.dissolved || from == to || swap != nil && swap.leaving {
		return false
	}
	m.out()
	to.take(m, swap)
	to.reconfigure(colp)
	from.reconfigure(colp)
	return true
}

// take puts in who was taken out of another bridge. Who is swapped into a parking lot takes the space over.
func (b *bridge) take(m, swap *member) {
	if swap != nil && swap.parked != nil {
		swap.parked.handOver(swap, m)
	}
	b.put(m, swap)
	if m.parked != nil {
		m.parked.entertain()
	}
}

// merge moves the members of another bridge into b, but for kicked ones, which leave. It returns who was kicked.
func (b *bridge) merge(from *bridge, colp bool, kick ...*member) {
	b.p.raise("BridgeMerge", b.group("To"), from.group("From"))
	for _, m := range slices.Clone(from.members) {
		switch {
		case m.leaving:
		case slices.Contains(kick, m):
			m.tell()
			m.out()
		default:
			m.out()
			b.put(m, nil)
		}
	}
	for _, m := range kick {
		if m.b == b && m.c.member == m {
			m.tell()
			m.out()
		}
	}
	b.reconfigure(colp)
	from.reconfigure(colp)
}

// optimization is how two bridges that a Local channel or a transfer joins can become one.
type optimization uint8

const (
	cannot     optimization = iota
	swapToHere              // who is in there with one other comes here
	swapToThere
	mergeToHere
	mergeToThere
)

// joined says what can be done with two bridges, as Asterisk decides it: who is in a bridge of two comes to the other one, else all of the
// smaller one do.
func joined(here, there *bridge) optimization {
	if here == there || here.dissolved || there.dissolved || here.transfer != nil || there.transfer != nil {
		return cannot
	}
	both := here.rules | there.rules
	switch {
	case both&(noSwapTo|noSwapFrom) == 0 && len(here.members) == 2:
		return swapToThere
	case both&(noSwapTo|noSwapFrom) == 0 && len(there.members) == 2:
		return swapToHere
	case both&(noSwapTo|noSwapFrom) == 0:
	case len(here.members) == 2 && here.rules&noSwapFrom == 0 && there.rules&noSwapTo == 0:
		return swapToThere
	case len(there.members) == 2 && there.rules&noSwapFrom == 0 && here.rules&noSwapTo == 0:
		return swapToHere
	}
	switch {
	case both&(noMergeTo|noMergeFrom) != 0 || len(here.members) < 2 || len(there.members) < 2:
		return cannot
	case len(there.members) <= len(here.members):
		return mergeToHere
	}
	return mergeToThere
}

// partner is the other one of two members, nil if there is none that stays.
func (m *member) partner() *member {
	if len(m.b.members) != 2 {
		return nil
	}
	other := m.b.members[0]
	if other == m {
		other = m.b.members[1]
	}
	if other.leaving {
		return nil
	}
	return other
}
