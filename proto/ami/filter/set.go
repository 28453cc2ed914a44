package filter

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"sync"
)

// What a Set takes at most: so many filters, and regular expressions of that size together (an event goes through all of them).
const (
	MaxFilters = 1000
	maxTotal   = 20_000
)

type digest [sha256.Size]byte

func (f *Filter) digest() digest { return sha256.Sum256([]byte(f.String())) }

// Set is the include and the exclude list of a session. It never changes, and there is one for the same filters, whatever the order
// they came in: sessions share it, and what it remembers.
type Set struct {
	filters []*Filter // sorted by key, no two the same
	size    int       // of the regular expressions

	once    sync.Once // a set that is only a step to a larger one is never compiled
	program *program
	memo    memo
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
	return intern(&Set{filters: slices.Insert(slices.Clone(s.filters), i, f), size: s.size + f.test.size})
}

// Empty says that every event passes.
func (s *Set) Empty() bool { return len(s.filters) == 0 }

// Full says that the set takes no further filter: With would change nothing.
func (s *Set) Full() bool { return len(s.filters) >= MaxFilters || s.size >= maxTotal }

// Len is the number of filters.
func (s *Set) Len() int { return len(s.filters) }

// Pass says whether a session gets this event. text is the event as it is written, with the empty line at its end. id names the
// event: the same id must mean the same name and text for as long as the set is in use; 0 means not to remember the result.
func (s *Set) Pass(id uint64, name, text []byte) bool {
	if len(s.filters) == 0 {
		return true
	}
	s.once.Do(func() { s.program = compile(s.filters) })
	if !s.program.looks || id == 0 || id >= 1<<63 {
		return s.program.pass(name, text)
	}
	if pass, ok := s.memo.get(id); ok {
		return pass
	}
	pass := s.program.pass(name, text)
	s.memo.put(id, pass)
	return pass
}
