package forward

import (
	"context"
	"fmt"
	"sync"

	"github.com/amibus/amibus/proto/ami"
)

// unsent is the error of who went away or ran out of time before the request was sent.
type unsent struct{ cause error }

func (u unsent) Error() string     { return "not asked yet: " + u.cause.Error() }
func (u unsent) Unwrap() error     { return u.cause }
func (u unsent) NotExecuted() bool { return true }

// group is those who share one request, and the answer as far as it has come. A single asker gets it as it comes. Several get it when it
// is whole, unless it grows too large: then one of them gets it as it comes, and the others go on their own.
type group struct {
	s       *sharing
	key     string
	action  *ami.Message
	ctx     context.Context
	cancel  context.CancelFunc
	started chan struct{} // closed when the request is sent: nobody joins any more
	single  bool          // set before that
	members int           // s.mu guards it

	mu      sync.Mutex
	changed chan struct{}
	waiting bool // somebody waits for changed
	block   []byte
	msgs    [][]byte // that have come; of an answer that is streamed, those not taken yet
	size    int64    // bytes kept
	taken   int64    // of size: what the one who streams has in hand
	large   bool     // more than may be kept
	claimed bool     // somebody streams
	done    bool
	err     error // of the source
}

func newGroup(s *sharing, key string, bare *ami.Message) *group {
	g := &group{s: s, key: key, action: bare.Clone().Add("ActionID", sharedID), started: make(chan struct{}), changed: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background()) // it lives as long as anybody waits
	return g
}

// take keeps one message of the answer. It waits only if that has become too large.
func (g *group) take(m *ami.Message) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.ctx.Err(); err != nil {
		return err
	}
	b := m.Bytes()
	if cap(g.block)-len(g.block) < len(b) {
		g.block = make([]byte, 0, max(2<<10, min(2*cap(g.block), 64<<10), len(b)))
	}
	from := len(g.block)
	g.block = append(g.block, b...)
	g.msgs = append(g.msgs, g.block[from:])
	g.size += int64(len(b))
	g.s.kept.Add(int64(len(b)))
	g.wake()
	for g.ctx.Err() == nil && g.size > 0 && (g.size > g.s.answer || g.s.kept.Load() > maxKept) {
		if !g.large {
			g.large = true
			g.mu.Unlock()
			g.s.release(g) // a slow asker keeps nobody else waiting
			g.mu.Lock()
			g.wake()
			continue
		}
		g.wait(g.ctx)
	}
	return g.ctx.Err()
}

func (g *group) finish(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done, g.err, g.block = true, err, nil
	g.wake()
}

// drop breaks off what nobody waits for, and forgets it.
func (g *group) drop() {
	g.cancel()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.s.kept.Add(-g.size)
	g.msgs, g.size = nil, 0
}

// follow gives the answer to one of the group. alone: he must ask for himself.
func (g *group) follow(ctx context.Context, id []byte, reply func(*ami.Message) error) (alone bool, err error) {
	select {
	case <-g.started:
	case <-ctx.Done():
		return false, unsent{context.Cause(ctx)}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.done && !g.large && !g.single {
		if err := g.wait(ctx); err != nil {
			return false, err
		}
	}
	p := person{id: id, reply: reply}
	switch {
	case g.single, g.large && !g.claimed:
		g.claimed = true
		return false, g.stream(ctx, &p)
	case g.large:
		return true, nil
	}
	msgs := g.msgs
	g.mu.Unlock()
	err = p.pass(msgs)
	g.mu.Lock()
	if err != nil {
		return false, err
	}
	return false, g.err
}

// stream gives the answer as it comes. g.mu is held.
func (g *group) stream(ctx context.Context, p *person) error {
	for {
		for len(g.msgs) == 0 && !g.done {
			if err := g.wait(ctx); err != nil {
				return err
			}
		}
		if len(g.msgs) == 0 {
			return g.err
		}
		msgs := g.msgs
		g.msgs, g.taken = nil, g.size
		g.mu.Unlock()
		err := p.pass(msgs)
		g.mu.Lock()
		g.s.kept.Add(-g.taken)
		g.size -= g.taken
		g.wake()
		if err != nil {
			return err
		}
	}
}

// wait lets g.mu go until something has changed.
func (g *group) wait(ctx context.Context) error {
	g.waiting = true
	changed := g.changed
	g.mu.Unlock()
	defer g.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *group) wake() {
	if g.waiting {
		g.waiting = false
		close(g.changed)
		g.changed = make(chan struct{})
	}
}

// person is one who gets an answer.
type person struct {
	id      []byte
	reply   func(*ami.Message) error
	buf     []byte
	message ami.Message
}

func (p *person) pass(msgs [][]byte) error {
	for _, b := range msgs {
		p.buf = personal(p.buf[:0], b, p.id)
		if err := p.message.Parse(p.buf); err != nil {
			return fmt.Errorf("the answer cannot be read: %w", err)
		}
		if err := p.reply(&p.message); err != nil {
			return err
		}
	}
	return nil
}
