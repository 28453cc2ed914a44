package upstream

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// pool hands out action connections, one request at a time each. It is open while the link is up; a start or stop makes the
// connections of before worthless, but lets the requests on them end by themselves.
type pool struct {
	u       *Upstream
	wg      sync.WaitGroup // dials and readers; grows only while open
	mu      sync.Mutex
	open    bool
	ctx     context.Context // of Run, while open
	era     int             // counts stops
	idle    []*worker
	total   int // connections of this era, those being dialled included
	dialing int
	waiters []chan grant // first come, first served

	pause   backoff   // between dials that fail
	retryAt time.Time // no dial before
	trouble trouble
	lastErr error
}

// grant is what a waiter gets: a connection, or the reason why there is none.
type grant struct {
	w   *worker
	err error
}

func (p *pool) init(u *Upstream) {
	p.u = u
	p.pause = backoff{min: u.cfg.BackoffMin, max: u.cfg.BackoffMax, rand: u.cfg.Rand}
	p.trouble.log = u.cfg.Log
}

func (p *pool) start(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.ctx, p.retryAt = true, ctx, time.Time{}
}

// stop refuses those who wait and closes what is idle.
func (p *pool) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = false
	p.era++
	for _, w := range p.idle {
		w.close()
	}
	p.idle, p.total, p.dialing = nil, 0, 0
	p.refuse(ErrDown)
}

// wait returns when every connection is closed; Run's ctx has ended and the pool is stopped.
func (p *pool) wait() { p.wg.Wait() }

func (p *pool) state() (open, idle, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total, len(p.idle), len(p.waiters)
}

// refuse tells all waiters that there is no connection.
func (p *pool) refuse(err error) {
	for _, w := range p.waiters {
		w <- grant{err: err}
	}
	p.waiters = nil
}

// acquire returns a connection for one request. Its errors are of the kind "not executed".
func (p *pool) acquire(ctx context.Context) (*worker, error) {
	w, err := p.turn(ctx)
	if err == nil && ctx.Err() != nil { // a connection and the end of ctx came at once: nobody waits for the action any more
		p.release(w)
		err = p.givenUp(ctx)
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (p *pool) givenUp(ctx context.Context) error {
	p.u.count.busy.Add(1)
	return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
}

// turn returns an idle connection, or waits for one.
func (p *pool) turn(ctx context.Context) (*worker, error) {
	p.mu.Lock()
	switch n := len(p.idle); {
	case !p.open:
		p.mu.Unlock()
		return nil, ErrDown
	case n > 0:
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return w, nil
	case p.total == 0 && time.Now().Before(p.retryAt):
		err := p.lastErr
		p.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrDown, err)
	case len(p.waiters) >= p.u.cfg.Queue:
		p.mu.Unlock()
		p.u.count.busy.Add(1)
		return nil, ErrBusy
	}
	turn := make(chan grant, 1)
	p.waiters = append(p.waiters, turn)
	p.grow()
	p.mu.Unlock()

	select {
	case g := <-turn:
		return g.w, g.err
	case <-ctx.Done():
		p.withdraw(turn)
		return nil, p.givenUp(ctx)
	}
}

// withdraw takes a waiter out of the queue, and hands on what it may have got meanwhile.
func (p *pool) withdraw(turn chan grant) {
	p.mu.Lock()
	if i := slices.Index(p.waiters, turn); i >= 0 {
		p.waiters = slices.Delete(p.waiters, i, i+1)
	}
	p.mu.Unlock()
	select {
	case g := <-turn:
		if g.w != nil {
			p.release(g.w)
		}
	default:
	}
}

// release takes a connection back after a request that ended well.
func (p *pool) release(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.era != p.era {
		w.close()
		return
	}
	if w.alive() { // else its reader drops it
		p.give(w)
	}
}

// keepIdle is how many connections without work are kept open.
const keepIdle = 4

// give hands a connection to the first waiter, or keeps it, or closes it if enough others wait for work.
func (p *pool) give(w *worker) {
	if len(p.waiters) == 0 {
		if len(p.idle) == keepIdle {
			w.close() // its reader drops it
			return
		}
		p.idle = append(p.idle, w)
		return
	}
	p.waiters[0] <- grant{w: w}
	p.waiters = p.waiters[1:]
}

// drop forgets a connection that has ended.
func (p *pool) drop(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.era != p.era {
		return
	}
	p.total--
	if i := slices.Index(p.idle, w); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.grow()
}

// grow dials for those who wait, up to the size of the pool.
func (p *pool) grow() {
	if !p.open || time.Now().Before(p.retryAt) {
		if p.total == 0 {
			p.refuse(fmt.Errorf("%w: %w", ErrDown, p.lastErr))
		}
		return
	}
	for p.total < p.u.cfg.Pool && p.dialing < len(p.waiters) {
		p.total++
		p.dialing++
		ctx, era := p.ctx, p.era
		p.wg.Go(func() { p.dial(ctx, era) })
	}
}

// dial opens one connection and serves it until it ends.
func (p *pool) dial(ctx context.Context, era int) {
	c, err := p.u.connect(ctx, false)
	if err != nil {
		p.failed(era, p.u.countFault(err))
		return
	}
	w := newWorker(p.u, c, era)
	p.mu.Lock()
	if era != p.era {
		p.mu.Unlock()
		c.close()
		return
	}
	p.dialing--
	p.pause.reset()
	p.trouble.recovered()
	p.give(w)
	p.mu.Unlock()

	defer context.AfterFunc(ctx, w.close)()
	w.read()
	p.drop(w)
}

// failed makes a pause before the next dial. Who waits goes on waiting only while there are other connections.
func (p *pool) failed(era int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if era != p.era {
		return
	}
	p.total--
	p.dialing--
	p.lastErr = err
	p.retryAt = time.Now().Add(p.pause.take())
	if p.ctx.Err() == nil {
		p.trouble.report(err)
	}
	if p.total == 0 {
		p.refuse(fmt.Errorf("%w: %w", ErrDown, err))
	}
}
