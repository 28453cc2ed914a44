package stasis

// Stats of a topic.
type Stats struct {
	Published   uint64 // messages
	Unheard     uint64 // of them: when there was neither a subscription nor a handler
	Overflows   uint64 // subscriptions closed because they were too slow
	Subscribers int    // of its own
	Audience    int    // subscriptions that get its messages, by forwards too
	Forwards    int    // to other topics
}

// Stats returns a snapshot.
func (t *Topic[T]) Stats() Stats {
	st := Stats{Published: t.published.Load(), Unheard: t.unheard.Load(), Overflows: t.overflows.Load(), Subscribers: len(*t.subs.Load())}
	for _, to := range *t.reach.Load() {
		st.Audience += len(*to.subs.Load())
	}
	shape.Lock()
	st.Forwards = len(t.forwards)
	shape.Unlock()
	return st
}

// SubscriptionStats are the figures of one subscription.
type SubscriptionStats struct {
	ID       string
	Queued   uint64 // messages that entered the queue
	Handled  uint64 // of them: those that the consumer has come back from
	Filtered uint64 // messages that were not accepted
	Len      int    // queued now
	Peak     int    // the longest that the queue has been
	QueueLen int    // its limit
	Err      error  // ErrOverflow, ErrClosed
}

// Stats returns a snapshot.
func (s *Subscription[T]) Stats() SubscriptionStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return SubscriptionStats{ID: s.ID(), Queued: s.queued, Handled: s.handled, Filtered: s.filtered, Len: len(s.queue), Peak: s.peak,
		QueueLen: s.limit, Err: s.err}
}

// Subscriptions returns the figures of the topic's own subscriptions.
func (t *Topic[T]) Subscriptions() []SubscriptionStats {
	subs := *t.subs.Load()
	all := make([]SubscriptionStats, len(subs))
	for i, s := range subs {
		all[i] = s.Stats()
	}
	return all
}
