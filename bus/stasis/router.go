package stasis

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
)

// Router is one subscription with one consumer, Run, that gives each message to the function for its kind. Only kinds that have one enter
// the queue. Routes may come and go at any time, and a message goes by those of the moment at which it is handled.
type Router[T any, K comparable] struct {
	kind  func(T) K
	sub   *Subscription[T]
	mu    sync.Mutex // held by who changes the table
	table atomic.Pointer[routes[T, K]]
}

// routes is not changed once it is the table.
type routes[T any, K comparable] struct {
	of       map[K]func(T)
	fallback func(T)
	accept   func(T) bool // what the fallback takes; nil: everything
}

// NewRouter subscribes to the topic. kind tells a message's kind; it is called under the topic's lock, see Locks above.
func NewRouter[T any, K comparable](t *Topic[T], queueLen int, kind func(T) K) *Router[T, K] {
	r := &Router[T, K]{kind: kind}
	r.table.Store(&routes[T, K]{})
	r.sub = t.Select(queueLen, func(m T) bool { return r.find(m) != nil })
	return r
}

// Route gives messages of that kind to fn, which nil ends.
func (r *Router[T, K]) Route(kind K, fn func(T)) {
	r.change(func(next *routes[T, K]) {
		if fn == nil {
			delete(next.of, kind)
		} else {
			next.of[kind] = fn
		}
	})
}

// Default gives to fn the messages without a route of their own that accept takes; a nil accept takes all of them.
func (r *Router[T, K]) Default(fn func(T), accept func(T) bool) {
	r.change(func(next *routes[T, K]) { next.fallback, next.accept = fn, accept })
}

func (r *Router[T, K]) change(edit func(*routes[T, K])) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := *r.table.Load()
	if next.of = maps.Clone(next.of); next.of == nil {
		next.of = map[K]func(T){}
	}
	edit(&next)
	r.table.Store(&next)
}

func (r *Router[T, K]) find(m T) func(T) {
	table := r.table.Load()
	if fn := table.of[r.kind(m)]; fn != nil {
		return fn
	}
	if table.accept != nil && !table.accept(m) {
		return nil
	}
	return table.fallback
}

// Run handles messages until the subscription ends or ctx does, and closes the subscription then. It is nil after Unsubscribe, Join
// and Close.
func (r *Router[T, K]) Run(ctx context.Context) error {
	defer r.sub.Close()
	var batch []T
	for {
		var err error
		if batch, err = r.sub.Next(ctx, batch); errors.Is(err, ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
		r.handle(batch)
	}
}

func (r *Router[T, K]) handle(batch []T) {
	for _, m := range batch {
		if fn := r.find(m); fn != nil {
			fn(m)
		}
	}
}

// Subscription is the router's own: for its Unsubscribe, Join, PublishSync and Stats.
func (r *Router[T, K]) Subscription() *Subscription[T] { return r.sub }
