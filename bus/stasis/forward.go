package stasis

import (
	"slices"
	"sync"
)

// shape guards the forwards of all topics; publishers do not need it.
var shape sync.Mutex

// Forward is one forward from a topic to another.
type Forward[T any] struct {
	from, to *Topic[T]
	gone     bool // under shape
}

// Forward gives t the subscriptions of to, until the forward is cancelled. To itself: does nothing.
func (t *Topic[T]) Forward(to *Topic[T]) *Forward[T] {
	if t == to {
		return &Forward[T]{gone: true}
	}
	shape.Lock()
	defer shape.Unlock()
	t.forwards = append(t.forwards, to)
	if to.upstream == nil {
		to.upstream = map[*Topic[T]]int{}
	}
	to.upstream[t]++
	t.reshape()
	return &Forward[T]{from: t, to: to}
}

// Cancel ends the forward. A second call does nothing.
func (f *Forward[T]) Cancel() {
	shape.Lock()
	defer shape.Unlock()
	if f.gone {
		return
	}
	f.gone = true
	i := slices.Index(f.from.forwards, f.to)
	f.from.forwards = slices.Delete(f.from.forwards, i, i+1)
	if f.to.upstream[f.from]--; f.to.upstream[f.from] == 0 {
		delete(f.to.upstream, f.from)
	}
	f.from.reshape()
}

// reshape finds again what t reaches, and everybody who reaches t.
func (t *Topic[T]) reshape() {
	t.findReach()
	if len(t.upstream) == 0 {
		return
	}
	seen := map[*Topic[T]]bool{t: true}
	for todo := []*Topic[T]{t}; len(todo) > 0; {
		last := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for up := range last.upstream {
			if !seen[up] {
				seen[up] = true
				up.findReach()
				todo = append(todo, up)
			}
		}
	}
}

func (t *Topic[T]) findReach() {
	reach := []*Topic[T]{t}
	for i := 0; i < len(reach); i++ {
		for _, to := range reach[i].forwards {
			if !slices.Contains(reach, to) { // few: forwards go up a short tree
				reach = append(reach, to)
			}
		}
	}
	t.reach.Store(&reach)
}
