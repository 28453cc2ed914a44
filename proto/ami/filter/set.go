package filter

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// MaxFilters is the largest number of filters in a Set.
const MaxFilters = 1000

type digest [sha256.Size]byte

func (f *Filter) digest() digest { return sha256.Sum256([]byte(f.String())) }

// Set is the include and the exclude list of a session. It never changes.
type Set struct {
	filters []*Filter // sorted by key, no two the same
}

var none = &Set{}

// None is the set without a filter.
func None() *Set { return none }

// With returns the set that has f too: s itself if it has f already, or is Full.
func (s *Set) With(f *Filter) *Set {
	i, found := slices.BinarySearchFunc(s.filters, f.key, func(g *Filter, k digest) int { return bytes.Compare(g.key[:], k[:]) })
	if found || s.Full() {
		return s
	}
	return &Set{filters: slices.Insert(slices.Clone(s.filters), i, f)}
}

// Empty says that every event passes.
func (s *Set) Empty() bool { return len(s.filters) == 0 }

// Full says that the set takes no further filter.
func (s *Set) Full() bool { return len(s.filters) >= MaxFilters }

// Len is the number of filters.
func (s *Set) Len() int { return len(s.filters) }

// Pass says whether a session gets this event. text is the event as it is written, with the empty line at its end; id names it, 0
// means not to remember the result.
func (s *Set) Pass(id uint64, name, text []byte) bool {
	if len(s.filters) == 0 {
		return true
	}
	included, includes := false, false
	for _, f := range s.filters {
		if f.exclude && f.match(name, text) {
			return false
		}
		includes = includes || !f.exclude
		included = included || !f.exclude && f.match(name, text)
	}
	return included || !includes
}

func (f *Filter) match(name, text []byte) bool {
	if f.name != "" && f.name != string(name) {
		return false
	}
	if f.header == "" {
		return f.test.match(text)
	}
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if v, ok := bytes.CutPrefix(line, []byte(f.header)); ok {
			v = bytes.TrimLeftFunc(bytes.TrimSuffix(v, []byte("\r")), blank)
			if len(v) > 0 && f.test.match(v) {
				return true
			}
		}
	}
	return false
}
