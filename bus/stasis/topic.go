package stasis

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of Next.
var (
	// ErrOverflow: the subscriber was too slow, its queue filled up and it was closed. What was queued is dropped.
	ErrOverflow = errors.New("stasis: subscription queue overflowed")
	// ErrClosed: the subscription was closed.
	ErrClosed = errors.New("stasis: subscription closed")
)

// Topic is a named stream of messages. The zero value is not usable; use NewTopic.
type Topic[T any] struct {
	name      string
	mu        sync.Mutex // held during delivery: that is what gives the topic its one order
	subs      []*Subscription[T]
	handlers  []func([]T)
	published atomic.Uint64
	overflows atomic.Uint64
}

// NewTopic returns a topic without subscribers.
func NewTopic[T any](name string) *Topic[T] { return &Topic[T]{name: name} }

// Name returns the topic's name.
func (t *Topic[T]) Name() string { return t.name }

// Publish delivers the messages, in order, to every subscription. The slice is not kept.
func (t *Topic[T]) Publish(msgs ...T) {
	if len(msgs) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.published.Add(uint64(len(msgs)))
	for _, h := range t.handlers {
		h(msgs)
	}
	t.subs = slices.DeleteFunc(t.subs, func(s *Subscription[T]) bool {
		alive, overflowed := s.offer(msgs)
		if overflowed {
			t.overflows.Add(1)
		}
		return !alive
	})
}

// Handle calls fn in the goroutine of every publisher, before any queue gets the messages. fn must not block, keep the slice,
// or use the topic. Handlers stay for the life of the topic.
func (t *Topic[T]) Handle(fn func([]T)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handlers = append(t.handlers, fn)
}

// Subscribe returns a subscription to everything published from now on, with room for queueLen messages and the rest of the batch that
// fills it.
func (t *Topic[T]) Subscribe(queueLen int) *Subscription[T] {
	s := &Subscription[T]{limit: queueLen, wake: make(chan struct{}, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subs = append(t.subs, s)
	return s
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
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.subs, func(s *Subscription[T]) bool { return s.Len() > s.limit/2 })
}

// Stats of a topic.
type Stats struct {
	Published   uint64 // messages
	Overflows   uint64 // subscriptions closed because they were too slow
	Subscribers int
}

// Stats returns a snapshot.
func (t *Topic[T]) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{Published: t.published.Load(), Overflows: t.overflows.Load(), Subscribers: len(t.subs)}
}

// Subscription is one reader of a topic, with a bounded queue and one consumer.
type Subscription[T any] struct {
	mu    sync.Mutex
	queue []T
	limit int
	err   error
	wake  chan struct{} // capacity 1
}

// offer queues msgs, all of them if there is room for one: a subscriber that keeps up is not cut for one long batch, as when a hole in
// the stream is filled and all that waited behind it comes at once. alive is false when the topic should forget the subscription.
func (s *Subscription[T]) offer(msgs []T) (alive, overflowed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false, false
	}
	if len(s.queue) >= s.limit {
		s.err, s.queue = ErrOverflow, nil
		s.signal()
		return false, true
	}
	s.queue = append(s.queue, msgs...)
	s.signal()
	return true, false
}

func (s *Subscription[T]) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Wake is readable when Take may have something: for a consumer that waits for other things too.
func (s *Subscription[T]) Wake() <-chan struct{} { return s.wake }

// Take returns all that is queued, perhaps nothing, without waiting. spare becomes the next queue: hand back the previous
// result, once done with it, and nothing is allocated.
func (s *Subscription[T]) Take(spare []T) ([]T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	clear(spare[:cap(spare)])
	got := s.queue
	s.queue = spare[:0]
	return got, nil
}

// Peek returns what is queued without taking it: unchanged until the next Take.
func (s *Subscription[T]) Peek() ([]T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue, s.err
}

// Next waits for at least one message and returns all that is queued; see Take.
func (s *Subscription[T]) Next(ctx context.Context, spare []T) ([]T, error) {
	for {
		got, err := s.Take(spare)
		if err != nil || len(got) > 0 {
			return got, err
		}
		spare = got
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the subscription and drops what is queued.
func (s *Subscription[T]) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err, s.queue = ErrClosed, nil
		s.signal()
	}
}

// Len returns the number of queued messages.
func (s *Subscription[T]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}
