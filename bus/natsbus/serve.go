package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amibus/amibus/bus"
)

// Signs of life of a handler. The first comes early, so that an asker soon knows where to send a cancel.
const (
	firstAlive = 50 * time.Millisecond
	aliveEvery = time.Second
)

const holdChunk = 8 << 10 // a chunk of at most so many bytes waits for what comes behind it

// errAskerGone is what send returns, and the cause of a handler's context, when nobody wants the answer any more.
var errAskerGone = errors.New("natsbus: the asker does not want the answer any more")

// service is a handler and its requests under way.
type service struct {
	bus     *Bus
	subject string
	handler bus.Handler
	ctx     context.Context
	cancel  context.CancelFunc
	sub     *subscription

	mu       sync.Mutex
	stopping bool
	running  int
	handlers sync.WaitGroup
}

// Serve implements bus.Bus. Of several who serve one subject, one answers a request.
func (b *Bus) Serve(subject string, h bus.Handler) (stop func(), err error) {
	s := &service{bus: b, subject: subject, handler: h}
	s.ctx, s.cancel = context.WithCancel(b.ctx)
	if s.sub, err = b.subscribe(subject, "serve", s.request); err != nil {
		s.cancel()
		return nil, err
	}
	b.mu.Lock()
	closed := b.subs == nil
	b.services[s] = struct{}{}
	b.mu.Unlock()
	if closed { // meanwhile, so Close has missed it
		s.stop()
		return nil, bus.ErrClosed
	}
	return s.stop, nil
}

// stop withdraws the subscription last: while the subject is served, an asker knows that an end is still to come.
func (s *service) stop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	s.cancel()
	s.handlers.Wait()
	s.sub.stop()
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	delete(s.bus.services, s)
}

// request starts a handler, or says why not.
func (s *service) request(m *nats.Msg) {
	if m.Reply == "" {
		return
	}
	a := &answer{bus: s.bus, reply: m.Reply, wake: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping || s.ctx.Err() != nil:
		a.end(errRefused, "")
	case s.running >= bus.MaxHandlers:
		a.end(errRemote, string(bus.Busy))
	default:
		s.running++
		s.handlers.Go(func() {
			s.run(a, m)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.running--
		})
	}
}

func (s *service) run(a *answer, m *nats.Msg) {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	if left := m.Header.Get(headTimeout); left != "" {
		d, err := time.ParseDuration(left)
		if err != nil {
			a.end(errRemote, fmt.Sprintf("bad header %s: %v", headTimeout, err))
			return
		}
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, d)
		defer stop()
	}
	a.ctx, a.cancel = ctx, cancel
	s.bus.register(a)
	defer s.bus.forget(a)

	err := s.handler.Call(ctx, m.Data, a.send)
	var broken *bus.PanicError
	if errors.As(err, &broken) {
		s.bus.log.Error("request handler panicked", "subject", s.subject, "panic", broken.Value, "stack", string(broken.Stack))
	}
	switch {
	case err == nil:
		a.end("", "")
	case s.ctx.Err() != nil:
		a.end(errLost, "")
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		a.end(errLate, "")
	case context.Cause(ctx) != errAskerGone:
		a.end(errRemote, err.Error())
	}
}

// answer is a request being answered.
type answer struct {
	bus     *Bus
	reply   string // where the asker listens
	control string // where we do
	ctx     context.Context
	cancel  context.CancelCauseFunc
	alive   *time.Timer
	sent    int // chunks
	credit  atomic.Int64
	wake    chan struct{} // capacity 1: credit has grown

	mu   sync.Mutex // the sign of life releases held
	held []byte     // the last chunk, if it is small
}

func (b *Bus) register(a *answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a.control = b.newInbox()
	b.answers[a.control] = a
	a.alive = time.AfterFunc(firstAlive, func() {
		if a.ctx.Err() == nil {
			if released, _ := a.release(); !released {
				_ = b.conn.PublishMsg(&nats.Msg{Subject: a.reply, Reply: a.control, Header: nats.Header{headAlive: {"1"}}})
			}
			a.again()
		}
	})
}

// again sets off the next sign of life, unless the answer has ended.
func (a *answer) again() {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	if a.bus.answers[a.control] == a {
		a.alive.Reset(aliveEvery)
	}
}

func (b *Bus) forget(a *answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.answers, a.control)
	a.alive.Stop()
}

// take is called for every control message.
func (a *answer) take(m *nats.Msg) {
	if m.Header.Get(headCancel) != "" || m.Header.Get("Status") == "503" { // 503: nobody listens where the asker was
		a.cancel(errAskerGone)
		return
	}
	n, err := strconv.ParseInt(m.Header.Get(headCredit), 10, 64)
	if err != nil || n <= a.credit.Load() {
		return
	}
	a.credit.Store(n)
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// send sends a chunk once the asker has room for it. A small one waits for the next, for the end, so that most answers are one message, or
// for the next sign of life.
func (a *answer) send(chunk []byte) error {
	if _, err := a.release(); err != nil {
		return err
	}
	for a.ctx.Err() == nil && int64(a.sent)-a.credit.Load() >= window {
		select {
		case <-a.wake:
		case <-a.ctx.Done():
		}
	}
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent++
	if len(chunk) <= holdChunk {
		a.held = append(make([]byte, 0, len(chunk)), chunk...)
		return nil
	}
	return a.publish(chunk, nil)
}

// release sends the chunk that waits, if there is one.
func (a *answer) release() (released bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held == nil {
		return false, nil
	}
	err = a.publish(a.held, nil)
	a.held = nil
	return true, err
}

// publish needs mu.
func (a *answer) publish(chunk []byte, h nats.Header) error {
	if h == nil {
		h = nats.Header{}
	}
	h[headChunk] = []string{strconv.Itoa(a.sent)}
	if err := a.bus.conn.PublishMsg(&nats.Msg{Subject: a.reply, Reply: a.control, Data: chunk, Header: h}); err != nil {
		return fmt.Errorf("natsbus: answer: %w", err)
	}
	return nil
}

// end ends the answer. If that cannot be sent, the asker notices that nothing comes.
func (a *answer) end(kind, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := nats.Header{headEnd: {strconv.Itoa(a.sent)}}
	switch {
	case a.held != nil && kind == "":
		_ = a.publish(a.held, h)
		return
	case a.held != nil:
		_ = a.publish(a.held, nil)
	}
	if kind != "" {
		h.Set(headError, kind)
	}
	_ = a.bus.conn.PublishMsg(&nats.Msg{Subject: a.reply, Data: []byte(text), Header: h})
}
