package stasis

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Topic is a named stream of messages. The zero value is not usable; use NewTopic.
type Topic[T any] struct {
	name string

	mu      sync.Mutex // held during delivery: that is what gives the topic its one order
	scratch []T        // what handlers see: a caller's own slice need not leave its stack

	reach atomic.Pointer[[]*Topic[T]] // whose subscriptions get the messages: this topic, then all that forwards lead to

	listMu   sync.Mutex // nothing is locked under it
	subs     atomic.Pointer[[]*Subscription[T]]
	handlers atomic.Pointer[[]*handler[T]]
	lastID   uint64

	announce                      atomic.Pointer[func(Change) T]
	published, unheard, overflows atomic.Uint64

	forwards []*Topic[T]       // under shape
	upstream map[*Topic[T]]int // who forwards here, how many times; under shape
}

type handler[T any] struct {
	mu sync.Mutex // topics that forward here deliver side by side
	fn func([]T)
}

// NewTopic returns a topic without subscribers.
func NewTopic[T any](name string) *Topic[T] {
	t := &Topic[T]{name: name}
	t.reach.Store(&[]*Topic[T]{t})
	t.subs.Store(new([]*Subscription[T]))
	t.handlers.Store(new([]*handler[T]))
	return t
}

// Name returns the topic's name.
func (t *Topic[T]) Name() string { return t.name }

// Publish delivers the messages, in order, to every subscription. The slice is not kept.
func (t *Topic[T]) Publish(msgs ...T) {
	if len(msgs) == 0 {
		return
	}
	announceCut(t.locked(msgs))
}

func (t *Topic[T]) locked(msgs []T) (cut []*Subscription[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.deliver(msgs)
}

// deliver is called under the topic's lock; perhaps there is nothing. It returns the subscriptions that overflowed. Handlers come first,
// and the subscriptions are looked up behind them: who subscribes, and then reads what a handler keeps, misses nothing.
func (t *Topic[T]) deliver(msgs []T) (cut []*Subscription[T]) {
	if len(msgs) == 0 {
		return nil
	}
	t.published.Add(uint64(len(msgs)))
	reach := *t.reach.Load()
	heard := false
	for _, to := range reach {
		if hs := *to.handlers.Load(); len(hs) > 0 {
			heard = true
			t.handle(hs, msgs)
		}
	}
	for _, to := range reach {
		for _, s := range *to.subs.Load() {
			heard = true
			if s.offer(msgs) {
				continue
			}
			to.drop(s)
			to.overflows.Add(1)
			cut = append(cut, s)
		}
	}
	if !heard {
		t.unheard.Add(uint64(len(msgs)))
	}
	return cut
}

const keptScratch = 256 // messages; a longer batch does not leave its room behind

func (t *Topic[T]) handle(hs []*handler[T], msgs []T) {
	t.scratch = append(t.scratch[:0], msgs...)
	for _, h := range hs {
		h.call(t.scratch)
	}
	clear(t.scratch)
	if cap(t.scratch) > keptScratch {
		t.scratch = nil
	}
}

func (h *handler[T]) call(msgs []T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fn(msgs)
}

// Handle calls fn in the goroutine of every publisher, one at a time, before any queue gets the messages. fn must not block, or keep or
// change the slice; see Locks above. Handlers stay for the life of the topic.
func (t *Topic[T]) Handle(fn func([]T)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listMu.Lock()
	defer t.listMu.Unlock()
	hs := append(slices.Clone(*t.handlers.Load()), &handler[T]{fn: fn})
	t.handlers.Store(&hs)
}

// Subscribe returns a subscription to everything published from now on, with room for queueLen messages and the rest of the batch that
// fills it.
func (t *Topic[T]) Subscribe(queueLen int) *Subscription[T] { return t.Select(queueLen, nil) }

// Select is Subscribe for the messages that accept takes. accept is asked in the goroutines of the publishers, one at a time; see Locks above.
func (t *Topic[T]) Select(queueLen int, accept func(T) bool) *Subscription[T] {
	s := &Subscription[T]{topic: t, limit: queueLen, accept: accept, wake: make(chan struct{}, 1), done: make(chan struct{})}
	announceCut(t.add(s))
	return s
}

func (t *Topic[T]) add(s *Subscription[T]) (cut []*Subscription[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listMu.Lock()
	t.lastID++
	s.number = t.lastID
	subs := append(slices.Clone(*t.subs.Load()), s)
	t.subs.Store(&subs)
	t.listMu.Unlock()
	return t.deliver(t.change(s, Subscribed, nil))
}

// drop forgets a subscription.
func (t *Topic[T]) drop(s *Subscription[T]) {
	t.listMu.Lock()
	defer t.listMu.Unlock()
	subs := slices.DeleteFunc(slices.Clone(*t.subs.Load()), func(x *Subscription[T]) bool { return x == s })
	t.subs.Store(&subs)
}

// Ease waits while a queue is more than half full, but not longer than patience: for who publishes a backlog, which would otherwise cut
// also those who read as fast as they can.
func (t *Topic[T]) Ease(ctx context.Context, patience time.Duration) {
	for began := time.Now(); t.crowded() && time.Since(began) < patience; {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

func (t *Topic[T]) crowded() bool {
	for _, to := range *t.reach.Load() {
		if slices.ContainsFunc(*to.subs.Load(), func(s *Subscription[T]) bool { return s.Len() > s.limit/2 }) {
			return true
		}
	}
	return false
}
