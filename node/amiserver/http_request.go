package amiserver

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/amiserver/internal/web"
)

const (
	fullPage   = 4 << 20          // bytes from which on events wait for the next WaitEvent
	waitMargin = 10 * time.Second // WaitEvent ends that long before the session would (ami/behaviour.md 10.3)
)

// errAbandoned: a newer WaitEvent of the session has taken over (ami/behaviour.md 10.4).
var errAbandoned = errors.New("a newer WaitEvent has taken over")

// webRequest runs one action of a session and is its sink meanwhile. The requests of a session take turns; WaitEvent gives its turn up
// while there is nothing to do, as else nobody could use the session for a minute.
type webRequest struct {
	ws        *webSession
	all       *webSessions
	drain     <-chan struct{}
	abandoned chan struct{} // closed by a newer WaitEvent
	page      *web.Renderer
	running   bool // it is this request's turn

	remote, local net.Addr
}

// run runs the action that the variables are, and returns the page of its answer.
func (q *webRequest) run(ctx context.Context, vars []web.Var) (page []byte, no *refusal) {
	action, bad := web.Action(vars)
	err := q.take(ctx)
	if err == nil {
		q.ws.comeFrom(q.remote, q.local)
		q.ws.forget()
		err = q.ws.handle(ctx, request{action, bad})
	}
	over := q.ws.over(err)
	if errors.Is(err, stasis.ErrOverflow) {
		err = q.ws.fail(action, "The session is over: it has not fetched its events in time")
	}
	q.give()
	q.all.done(q.ws, q, over)
	switch {
	case errors.Is(err, errAbandoned), errors.Is(err, errGoodbye):
	case errors.Is(err, web.ErrTooLarge):
		q.ws.srv.count.tooLarge.Add(1)
		q.ws.srv.logOften(&q.ws.srv.lastTooLarge, "answer too large for HTTP", "remote", q.remote.String(), "limit", maxAnswer)
		return nil, hugeAnswer
	case errors.Is(err, errBroken):
		q.ws.srv.count.broken.Add(1)
		return nil, brokenOff
	case err != nil && over == nil:
		return nil, interrupted
	}
	page, err = q.page.Page()
	if err != nil {
		return nil, hugeAnswer
	}
	return page, nil
}

// take waits for the request's turn.
func (q *webRequest) take(ctx context.Context) error {
	select {
	case q.ws.turn <- struct{}{}:
		q.running, q.ws.out, q.ws.stop = true, q, q.drain
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// give lets the next one have its turn; who is in WaitEvent looks again.
func (q *webRequest) give() {
	if !q.running {
		return
	}
	q.running = false
	<-q.ws.turn
	select {
	case q.ws.nudge <- struct{}{}:
	default:
	}
}

// write implements sink.
func (q *webRequest) write(pieces net.Buffers) error {
	for _, piece := range pieces {
		if _, err := q.page.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// full implements sink.
func (q *webRequest) full() bool { return q.page.Len() >= fullPage }

// waits implements sink: the client should hear something before its session expires, and a session that had no events gets them
// from its first WaitEvent on (ami/behaviour.md 10.3).
func (q *webRequest) waits(seconds int64) int64 {
	if q.ws.mask == 0 {
		q.ws.mask = q.ws.user.Read
	}
	all := q.all
	all.mu.Lock()
	defer all.mu.Unlock()
	if older := q.ws.waiter; older != nil {
		close(older.abandoned)
	}
	q.ws.waiter = q
	longest := max(int64((time.Until(q.ws.expires)-waitMargin)/time.Second), 0)
	if seconds < 0 {
		return longest
	}
	return min(seconds, longest)
}

// pause implements sink.
func (q *webRequest) pause(ctx context.Context, wake <-chan struct{}, until <-chan time.Time) (again bool, err error) {
	q.running = false
	<-q.ws.turn // without a nudge, which would be for this one
	select {
	case <-wake:
		again = true
	case <-q.ws.nudge:
		again = true
	case <-until:
	case <-q.drain:
	case <-q.abandoned:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if err := q.take(ctx); err != nil {
		return false, err
	}
	q.all.mu.Lock()
	defer q.all.mu.Unlock()
	if q.ws.waiter != q {
		return false, errAbandoned
	}
	return again && q.ws.reason == nil, nil
}
