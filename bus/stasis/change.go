package stasis

import "context"

// ChangeKind says what happened to a subscription.
type ChangeKind uint8

// What happens to subscriptions.
const (
	Subscribed ChangeKind = iota + 1
	Unsubscribed
)

// Change is the coming or going of a subscription.
type Change struct {
	Kind         ChangeKind
	Topic        string
	Subscription string // its ID
	Err          error  // of Unsubscribed: ErrOverflow when it was cut
}

// Announce publishes the changes of the topic's subscriptions on the topic from now on, as the messages that fn makes of them. A
// subscription gets its own Subscribed, and, unless it was closed or cut, its own Unsubscribed. See Locks above.
func (t *Topic[T]) Announce(fn func(Change) T) {
	t.announce.Store(&fn)
}

// change returns the announcement, nothing where none is wanted.
func (t *Topic[T]) change(s *Subscription[T], kind ChangeKind, err error) []T {
	fn := t.announce.Load()
	if fn == nil {
		return nil
	}
	return []T{(*fn)(Change{Kind: kind, Topic: t.name, Subscription: s.ID(), Err: err})}
}

// Unsubscribe ends the subscription behind what is queued: the consumer still gets all that, then the announcement, then ErrClosed.
func (s *Subscription[T]) Unsubscribe() { announceCut(s.unsubscribe()) }

func (s *Subscription[T]) unsubscribe() (cut []*Subscription[T]) {
	t := s.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	final := t.change(s, Unsubscribed, nil)
	if !s.leave(final) {
		return nil
	}
	t.drop(s)
	return t.deliver(final)
}

// leave queues what comes last, though the queue be full. It is false when the subscription has ended already.
func (s *Subscription[T]) leave(final []T) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.leaving {
		return false
	}
	s.leaving = true
	s.queue = append(s.queue, final...)
	s.queued += uint64(len(final))
	s.peak = max(s.peak, len(s.queue))
	s.signal()
	return true
}

// Close ends the subscription and drops what is queued.
func (s *Subscription[T]) Close() {
	s.mu.Lock()
	if s.err != nil {
		s.told()
		s.mu.Unlock()
		return
	}
	left := s.leaving // and was announced
	s.end(ErrClosed)
	s.told()
	s.mu.Unlock()
	if !left {
		s.topic.drop(s)
		s.topic.gone(s, nil)
	}
}

// announceCut tells the topics whose subscriptions overflowed. It is called without locks: it publishes.
func announceCut[T any](cut []*Subscription[T]) {
	for _, s := range cut {
		s.topic.gone(s, ErrOverflow)
	}
}

// gone announces the end of a subscription that is no longer there. One announcement may cut the next: there are only so many.
func (t *Topic[T]) gone(s *Subscription[T], err error) { t.Publish(t.change(s, Unsubscribed, err)...) }

// Join unsubscribes and waits until the consumer has handled everything and has been told ErrClosed (or that it was cut). Not for the
// consumer itself.
func (s *Subscription[T]) Join(ctx context.Context) error {
	s.Unsubscribe()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
