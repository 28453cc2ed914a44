package filter

import "sync/atomic"

// A memo begins small; the first result that a second session asks for makes it large, for sessions that are far apart.
const (
	smallMemo = 64
	largeMemo = 2048
)

// memo remembers the last results by the id of the event, one word each: the id, then the result. A result that was displaced is
// computed again; a word is read and written whole, so it never belongs to another id.
type memo struct {
	table atomic.Pointer[[]atomic.Uint64]
}

func (m *memo) get(id uint64) (pass, ok bool) {
	t := m.table.Load()
	if t == nil {
		return false, false
	}
	word := slot(*t, id).Load()
	if word>>1 != id {
		return false, false
	}
	if len(*t) == smallMemo {
		large := make([]atomic.Uint64, largeMemo)
		m.table.CompareAndSwap(t, &large)
	}
	return word&1 != 0, true
}

func (m *memo) put(id uint64, pass bool) {
	t := m.table.Load()
	if t == nil {
		small := make([]atomic.Uint64, smallMemo)
		m.table.CompareAndSwap(nil, &small)
		t = m.table.Load()
	}
	word := id << 1
	if pass {
		word |= 1
	}
	slot(*t, id).Store(word)
}

// slot spreads ids whatever their steps are: the golden ratio, and the upper bits.
func slot(t []atomic.Uint64, id uint64) *atomic.Uint64 {
	return &t[(id*0x9E3779B97F4A7C15)>>32&uint64(len(t)-1)]
}
