package stasis

import (
	"context"
	"errors"
	"strconv"
	"sync"
)

// Errors of Next.
var (
	// ErrOverflow: the subscriber was too slow, its queue filled up and it was closed. What was queued is dropped.
	ErrOverflow = errors.New("stasis: subscription queue overflowed")
	// ErrClosed: the subscription was closed, or unsubscribed and everything has been taken.
	ErrClosed = errors.New("stasis: subscription closed")
)

// Subscription is one reader of a topic, with a bounded queue and one consumer.
type Subscription[T any] struct {
	topic  *Topic[T]
	number uint64
	limit  int
	accept func(T) bool  // nil: everything
	wake   chan struct{} // capacity 1
	done   chan struct{} // closed when the consumer knows the end

	mu       sync.Mutex
	queue    []T
	err      error
	leaving  bool // unsubscribed: nothing more is queued
	queued   uint64
	handled  uint64 // of queued: what the consumer has come back from
	filtered uint64
	peak     int
	waiters  []waiter
}

// ID names the subscription: its topic, and a number that no other of that topic has.
func (s *Subscription[T]) ID() string { return s.topic.name + "-" + strconv.FormatUint(s.number, 10) }

// offer queues msgs, all of them if there is room for one: a subscriber that keeps up is not cut for one long batch, as when a hole in
// the stream is filled and all that waited behind it comes at once. It is false when the subscription was cut.
func (s *Subscription[T]) offer(msgs []T) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.leaving {
		return true // about to be forgotten
	}
	room, before := len(s.queue) < s.limit, len(s.queue)
	if s.accept == nil {
		if !room {
			return s.overflow()
		}
		s.queue = append(s.queue, msgs...)
	} else {
		for i := range msgs {
			switch {
			case !s.accept(msgs[i]):
				s.filtered++
			case !room:
				return s.overflow()
			default:
				s.queue = append(s.queue, msgs[i])
			}
		}
	}
	if n := len(s.queue) - before; n > 0 {
		s.queued += uint64(n)
		s.peak = max(s.peak, len(s.queue))
		s.signal()
	}
	return true
}

func (s *Subscription[T]) overflow() bool {
	s.end(ErrOverflow)
	return false
}

// end drops what is queued and lets nobody wait any longer.
func (s *Subscription[T]) end(err error) {
	s.err, s.queue = err, nil
	s.release()
	s.signal()
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
	if s.err == nil {
		s.handled = s.queued - uint64(len(s.queue))
		s.release()
		if s.leaving && len(s.queue) == 0 {
			s.end(ErrClosed)
		}
	}
	if s.err != nil {
		s.told()
		return nil, s.err
	}
	if s.leaving || len(s.waiters) > 0 {
		s.signal() // come back: somebody waits for that
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

// Len returns the number of queued messages.
func (s *Subscription[T]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}
