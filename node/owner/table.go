package owner

import "sync/atomic"

const (
	shards    = 64 // so that no growing takes long
	shardBits = 26 // of the hash, for the slot
	minSlots  = 8
)

// shard is a hash table with open addressing. There is one writer at a time; readers take no lock. A record never moves within a table,
// so a reader that walks from the slot of the hash to the first empty one misses nothing that was there all the time.
type shard struct {
	slots atomic.Pointer[[]atomic.Pointer[record]]
	at    uint32 // of all shards: the upper bits of the hashes
	used  int    // slots that are not empty
	live  int    // slots with a record
}

// left stands in a slot whose record was removed: there may be others behind it.
var left = &record{}

// walk calls fn for every record that may be of that hash until it returns false.
func (s *shard) walk(h uint32, fn func(slot *atomic.Pointer[record], p *record) bool) {
	t := *s.slots.Load()
	for i := h; ; i++ {
		slot := &t[i&uint32(len(t)-1)]
		p := slot.Load()
		if p == nil || (p.idHash == h || p.nameHash == h) && p != left && !fn(slot, p) {
			return
		}
	}
}

// insert puts p under that hash.
func (s *shard) insert(h uint32, p *record) {
	if t := *s.slots.Load(); (s.used+1)*8 > len(t)*5 {
		s.rebuild()
	}
	s.place(*s.slots.Load(), h, p)
}

func (s *shard) place(t []atomic.Pointer[record], h uint32, p *record) {
	for i := h; ; i++ {
		slot := &t[i&uint32(len(t)-1)]
		switch q := slot.Load(); q {
		case p:
			return // its other key has the same way
		case nil:
			s.used++
			fallthrough
		case left:
			s.live++
			slot.Store(p)
			return
		}
	}
}

// replace puts p in the place of old. A reader sees one or the other.
func (s *shard) replace(h uint32, old, p *record) {
	s.walk(h, func(slot *atomic.Pointer[record], q *record) bool {
		if q == old {
			slot.Store(p)
		}
		return q != old
	})
}

// remove tells whether p was there.
func (s *shard) remove(h uint32, p *record) bool {
	t := *s.slots.Load()
	for i := h; ; i++ {
		switch t[i&uint32(len(t)-1)].Load() {
		case nil:
			return false
		case p:
			s.clear(t, i)
			return true
		}
	}
}

// clear leaves a slot, and empties it and those left before it if nothing is behind.
func (s *shard) clear(t []atomic.Pointer[record], i uint32) {
	mask := uint32(len(t) - 1)
	s.live--
	t[i&mask].Store(left)
	if t[(i+1)&mask].Load() != nil {
		return
	}
	for ; t[i&mask].Load() == left; i-- {
		t[i&mask].Store(nil)
		s.used--
	}
}

// rebuild makes a table with room for twice what it holds now.
func (s *shard) rebuild() {
	old := *s.slots.Load()
	size := minSlots
	for size*5 < (s.live+1)*16 {
		size *= 2
	}
	s.used, s.live = 0, 0
	t := make([]atomic.Pointer[record], size)
	for i := range old {
		p := old[i].Load()
		if p == nil || p == left {
			continue
		}
		for _, h := range [...]uint32{p.idHash, p.nameHash} {
			if h>>shardBits == s.at {
				s.place(t, h, p)
			}
		}
	}
	s.slots.Store(&t)
}
