package verify

import "bytes"

// births are the numbers of the first channels that were seen to begin. Asterisk counts channels: one with a higher number has begun
// later, so its Newchannel must have been seen, too. A channel gets its number a little before its Newchannel is published, which is why it
// takes more than one to be sure.
type births struct {
	lowest [3]birth // sorted
	n      int
}

// birth is what Asterisk makes a Uniqueid of.
type birth struct{ second, number uint64 }

func (b *births) add(id []byte) {
	v, ok := parseBirth(id)
	if !ok {
		return
	}
	for i := range b.lowest {
		if i == b.n {
			b.lowest[i], b.n = v, b.n+1
			return
		}
		if v.number < b.lowest[i].number {
			v, b.lowest[i] = b.lowest[i], v
		}
	}
}

// later tells whether the channel has begun after those that were seen to.
func (b *births) later(id []byte) bool {
	if b.n < len(b.lowest) {
		return false
	}
	v, ok := parseBirth(id)
	last := b.lowest[b.n-1]
	return ok && v.number > last.number && v.second >= last.second
}

// parseBirth reads [systemname-]second.number. An id that somebody chose is none.
func parseBirth(id []byte) (b birth, ok bool) {
	dot := bytes.LastIndexByte(id, '.')
	from := bytes.LastIndexByte(id[:max(dot, 0)], '-') + 1
	if dot-from < 9 || dot-from > 11 || len(id)-dot-1 > 15 {
		return b, false
	}
	var ok1, ok2 bool
	b.second, ok1 = digits(id[from:dot])
	b.number, ok2 = digits(id[dot+1:])
	return b, ok1 && ok2
}

func digits(v []byte) (n uint64, ok bool) {
	for _, d := range v {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + uint64(d-'0')
	}
	return n, len(v) > 0
}
