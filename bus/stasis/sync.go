package stasis

import (
	"context"
	"slices"
)

// waiter waits until a subscription has handled that many messages, or has ended.
type waiter struct {
	until uint64
	done  chan struct{}
}

// PublishSync publishes on the subscription's topic, for all as usual, and waits until this subscription has handled what is queued in
// it by then. An error says that it will not: it was closed, or cut, or ctx ended. Not for the consumer itself.
func (s *Subscription[T]) PublishSync(ctx context.Context, msgs ...T) error {
	s.topic.Publish(msgs...)
	w, err := s.await()
	if err != nil {
		return err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		s.forget(w)
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handled < w.until {
		return s.err
	}
	return nil
}

func (s *Subscription[T]) await() (waiter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := waiter{until: s.queued, done: make(chan struct{})}
	switch {
	case s.handled >= s.queued:
		close(w.done)
	case s.err != nil:
		return w, s.err
	default:
		s.waiters = append(s.waiters, w)
		s.signal() // a consumer that sleeps has handled what it took
	}
	return w, nil
}

func (s *Subscription[T]) forget(w waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters = slices.DeleteFunc(s.waiters, func(x waiter) bool { return x.done == w.done })
}

// release lets go those whose messages have been handled, all of them at the end. Called under s.mu.
func (s *Subscription[T]) release() {
	if len(s.waiters) == 0 {
		return
	}
	s.waiters = slices.DeleteFunc(s.waiters, func(w waiter) bool {
		if s.err == nil && s.handled < w.until {
			return false
		}
		close(w.done)
		return true
	})
}

// told notes that the consumer knows the end. Called under s.mu.
func (s *Subscription[T]) told() {
	select {
	case <-s.done:
	default:
		close(s.done)
	}
}
