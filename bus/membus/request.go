package membus

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/amibus/amibus/bus"
)

// window is how many chunks may be under way.
const window = 16

var errAskerGone = errors.New("membus: the asker does not want the answer any more")

// call is a request under way, as both ends see it.
type call struct {
	way         pair
	there, back time.Duration
	ctx         context.Context // the asker's; its cause says why it ended before its time
	cancel      context.CancelCauseFunc
	chunks      chan chunk // capacity window
	end         chan chunk // capacity 1; after the last chunk
}

// chunk is not to be seen before its time.
type chunk struct {
	data []byte
	err  error
	at   time.Time
}

// Request implements bus.Bus.
func (b *Bus) Request(ctx context.Context, subject string, req []byte, each func(chunk []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{chunks: make(chan chunk, window), end: make(chan chunk, 1)}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	defer c.cancel(nil)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return bus.ErrClosed
	}
	b.asking.Add(1)
	defer b.asking.Done()
	b.calls[c] = struct{}{}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.calls, c)
	}()
	if err := b.net.ask(b, subject, req, c); err != nil {
		return err
	}
	err := c.collect(each)
	if ctx.Err() != nil && errors.Is(err, context.Cause(c.ctx)) {
		return ctx.Err()
	}
	return err
}

// collect hands out the chunks until the end.
func (c *call) collect(each func([]byte) error) error {
	for {
		select {
		case k := <-c.chunks:
			if !sleepUntil(c.ctx, k.at) {
				return context.Cause(c.ctx)
			}
			if err := each(k.data); err != nil {
				return err
			}
		case k := <-c.end:
			if len(c.chunks) > 0 { // they come before it
				c.end <- k
				continue
			}
			if !sleepUntil(c.ctx, k.at) {
				return context.Cause(c.ctx)
			}
			return k.err
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
}

// breakOff ends our calls between two buses that were cut apart.
func (b *Bus) breakOff(x, y string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.calls {
		if c.way == (pair{x, y}) || c.way == (pair{y, x}) {
			c.cancel(bus.ErrLost)
		}
	}
}

// service is a handler and its calls under way.
type service struct {
	subject string
	handler bus.Handler
	ctx     context.Context
	cancel  context.CancelFunc

	mu       sync.Mutex
	stopping bool
	running  int
	handlers sync.WaitGroup
}

// Serve implements bus.Bus.
func (b *Bus) Serve(subject string, h bus.Handler) (stop func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, bus.ErrClosed
	}
	s := &service{subject: subject, handler: h}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	b.services = append(b.services, s)
	return func() {
		b.mu.Lock()
		b.services = slices.DeleteFunc(slices.Clone(b.services), func(x *service) bool { return x == s })
		b.mu.Unlock()
		s.stop()
	}, nil
}

func (b *Bus) service(subject string) *service {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.services {
		if s.subject == subject {
			return s
		}
	}
	return nil
}

// stop takes no more calls, and waits for those under way.
func (s *service) stop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	s.cancel()
	s.handlers.Wait()
}

func (s *service) start(req []byte, c *call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return bus.ErrNoResponder
	case s.running >= bus.MaxHandlers:
		return bus.Busy
	}
	req = bytes.Clone(req)
	s.running++
	s.handlers.Go(func() {
		err := s.run(req, c)
		c.end <- chunk{err: err, at: time.Now().Add(c.back)}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
	})
	return nil
}

// run calls the handler and returns what the asker gets.
func (s *service) run(req []byte, c *call) error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	if deadline, ok := c.ctx.Deadline(); ok {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, deadline)
		defer stop()
	}
	defer context.AfterFunc(c.ctx, func() { cancel(errAskerGone) })()
	if !sleepUntil(ctx, time.Now().Add(c.there)) {
		return bus.ErrLost
	}
	err := s.handler.Call(ctx, req, func(data []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case c.chunks <- chunk{data: bytes.Clone(data), at: time.Now().Add(c.back)}:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	switch {
	case err == nil:
		return nil
	case s.ctx.Err() != nil:
		return bus.ErrLost
	case errors.Is(ctx.Err(), context.DeadlineExceeded): // the asker's clock is about to say so
		return context.DeadlineExceeded
	default:
		return bus.RemoteError(err.Error())
	}
}
