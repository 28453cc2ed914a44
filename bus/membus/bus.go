package membus

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus"
)

// queueLen is how many messages a subscription may queue before it loses the next.
const queueLen = 512 << 10

// Bus is a bus.Bus in memory. Use Net.Bus.
type Bus struct {
	net     *Net
	name    string
	dropped atomic.Uint64
	closing func()

	mu       sync.Mutex // taken after that of the net, before those of subscriptions and services
	closed   bool
	subs     []*subscription
	services []*service
	calls    map[*call]struct{} // of our own Requests
	asking   sync.WaitGroup     // Requests under way
}

var _ bus.Bus = (*Bus)(nil)

func newBus(n *Net, name string) *Bus {
	b := &Bus{net: n, name: name, calls: make(map[*call]struct{})}
	b.closing = sync.OnceFunc(b.close)
	return b
}

// Publish implements bus.Bus.
func (b *Bus) Publish(subject string, data []byte) error {
	if len(subject) > bus.MaxSubject {
		return fmt.Errorf("membus: subject of %d bytes refused, at most %d", len(subject), bus.MaxSubject)
	}
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return bus.ErrClosed
	}
	b.net.publish(b, subject, data)
	return nil
}

// Wanted implements bus.Bus.
func (b *Bus) Wanted(subject string) bool { return b.net.wanted(subject) }

// Dropped returns the number of messages lost because a subscription's queue was full.
func (b *Bus) Dropped() uint64 { return b.dropped.Load() }

func (b *Bus) wanted(subject string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.subs, func(s *subscription) bool { return match(s.pattern, subject) }) ||
		slices.ContainsFunc(b.services, func(s *service) bool { return s.subject == subject })
}

// deliver queues the message for every subscription that wants it, each with bytes of its own.
func (b *Bus) deliver(subject string, data []byte, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.subs {
		if match(s.pattern, subject) && !s.offer(message{bus.Msg{Subject: subject, Data: bytes.Clone(data)}, at}) {
			b.dropped.Add(1)
		}
	}
}

// subscription has a queue and a goroutine.
type subscription struct {
	pattern string
	fn      func(bus.Msg)
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{} // closed when the goroutine is gone
	wake    chan struct{} // capacity 1

	mu    sync.Mutex
	queue []message
}

// message is not to be seen before its time.
type message struct {
	bus.Msg
	at time.Time
}

// Subscribe implements bus.Bus.
func (b *Bus) Subscribe(pattern string, fn func(bus.Msg)) (stop func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, bus.ErrClosed
	}
	s := &subscription{pattern: pattern, fn: fn, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	b.subs = append(b.subs, s)
	go s.run()
	return func() {
		b.mu.Lock()
		b.subs = slices.DeleteFunc(b.subs, func(x *subscription) bool { return x == s })
		b.mu.Unlock()
		s.stop()
	}, nil
}

func (s *subscription) offer(m message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= queueLen {
		return false
	}
	s.queue = append(s.queue, m)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return true
}

func (s *subscription) run() {
	defer close(s.done)
	for {
		s.mu.Lock()
		queue := s.queue
		s.queue = nil
		s.mu.Unlock()
		for _, m := range queue {
			if !sleepUntil(s.ctx, m.at) {
				return
			}
			s.fn(m.Msg)
		}
		select {
		case <-s.wake:
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *subscription) stop() {
	s.cancel()
	<-s.done
}

// sleepUntil returns false if ctx has ended.
func sleepUntil(ctx context.Context, at time.Time) bool {
	if left := time.Until(at); left > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// Close implements bus.Bus.
func (b *Bus) Close() error {
	b.closing()
	return nil
}

func (b *Bus) close() {
	b.net.remove(b)
	b.mu.Lock()
	b.closed = true
	services, subs := b.services, b.subs
	b.subs, b.services = nil, nil
	for c := range b.calls {
		c.cancel(bus.ErrClosed)
	}
	b.mu.Unlock()
	for _, s := range services {
		s.stop()
	}
	b.asking.Wait()
	for _, s := range subs {
		s.stop()
	}
}
