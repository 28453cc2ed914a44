package filter

import (
	"bytes"
	"slices"
)

// headers finds the filters for a header by what stands before the first colon of a line.
type headers struct {
	sides   sides
	lengths uint64 // bit n: some header has n bytes up to its first colon; 63 stands for all above
	byKey   map[string]*values
}

// values are the filters for the headers with the same text up to the first colon: nearly always one header.
type values struct {
	all   sides            // match any value that is not empty
	exact map[string]sides // by value
	tests []sided
	long  []longHeader // names with a colon inside
}

type longHeader struct {
	tail []byte // of the name, behind its first colon
	sided
}

func (h *headers) used() bool { return h.byKey != nil }

func (h *headers) add(name string, t sided) {
	i := bytes.IndexByte([]byte(name), ':') + 1
	if h.byKey == nil {
		h.byKey = map[string]*values{}
	}
	v := h.byKey[name[:i]]
	if v == nil {
		v = &values{exact: map[string]sides{}}
		h.byKey[name[:i]] = v
	}
	h.sides |= t.side
	h.lengths |= 1 << min(i, 63)
	switch {
	case i < len(name):
		v.long = append(v.long, longHeader{[]byte(name[i:]), t})
	case t.method == methodNone:
		v.all |= t.side
	case t.method == methodExact:
		for _, l := range t.literals {
			v.exact[string(l)] |= t.side
		}
	default:
		v.tests = append(v.tests, t)
	}
}

func (h *headers) finish() {
	for _, v := range h.byKey {
		expressionsLast(v.tests)
	}
}

// line takes a line whose first colon is right before end.
func (h *headers) line(s *state, line []byte, end int) {
	if h.lengths&(1<<min(end, 63)) == 0 {
		return
	}
	v := h.byKey[string(line[:end])]
	if v == nil {
		return
	}
	rest := bytes.TrimSuffix(line[end:], []byte("\r"))
	for _, l := range v.long {
		if tail, ok := bytes.CutPrefix(rest, l.tail); ok {
			s.value(skipBlanks(tail), []sided{l.sided})
		}
	}
	if rest = skipBlanks(rest); len(rest) > 0 {
		s.match(v.all | v.exact[string(rest)])
		s.value(rest, v.tests)
	}
}

func (s *state) value(value []byte, tests []sided) {
	if len(value) == 0 {
		return
	}
	var clean []byte
	for _, t := range tests {
		if s.open&t.side == 0 {
			continue
		}
		b := value
		if t.method == methodRegex {
			if clean == nil {
				clean = legible(value)
			}
			b = clean
		}
		if t.match(b) {
			s.match(t.side)
		}
	}
}

func skipBlanks(b []byte) []byte {
	i := 0
	for i < len(b) && b[i] <= ' ' {
		i++
	}
	return b[i:]
}

func expressionsLast(tests []sided) {
	slices.SortStableFunc(tests, func(a, b sided) int {
		switch x, y := a.method == methodRegex, b.method == methodRegex; {
		case x == y:
			return 0
		case x:
			return 1
		}
		return -1
	})
}
