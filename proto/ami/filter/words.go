package filter

import (
	"bytes"
	"slices"
	"sort"
)

// words finds which of many literals a text contains. Those that begin alike, up to their first ": ", are looked for together, so a
// hundred `Event: NAME` cost about as much as one.
type words []*stem

// stem are the literals of one list that begin with key.
type stem struct {
	side  sides
	key   []byte
	tails [][]byte // what follows the key; sorted, and none begins with another
}

func (w *words) add(literal []byte, side sides) {
	key, tail := literal, []byte{}
	if i := bytes.Index(literal, []byte(": ")); i >= 0 {
		key, tail = literal[:i+2], literal[i+2:]
	}
	i := slices.IndexFunc(*w, func(s *stem) bool { return s.side == side && bytes.Equal(s.key, key) })
	if i < 0 {
		*w = append(*w, &stem{side: side, key: key})
		i = len(*w) - 1
	}
	(*w)[i].tails = append((*w)[i].tails, tail)
}

func (w words) finish() {
	for _, s := range w {
		slices.SortFunc(s.tails, bytes.Compare)
		kept := s.tails[:1]
		for _, t := range s.tails[1:] {
			if !bytes.HasPrefix(t, kept[len(kept)-1]) { // else the shorter one has matched already
				kept = append(kept, t)
			}
		}
		s.tails = kept
	}
}

func (w words) scan(s *state) {
	for _, stem := range w {
		if s.open&stem.side != 0 && stem.in(s.text) {
			s.match(stem.side)
		}
	}
}

func (s *stem) in(text []byte) bool {
	for {
		i := bytes.Index(text, s.key)
		if i < 0 {
			return false
		}
		tail := text[i+len(s.key):]
		// None begins with another, so only the last one that is not behind the tail can be its beginning.
		n := sort.Search(len(s.tails), func(i int) bool { return bytes.Compare(s.tails[i], tail) > 0 })
		if n > 0 && bytes.HasPrefix(tail, s.tails[n-1]) {
			return true
		}
		text = text[i+1:]
	}
}
