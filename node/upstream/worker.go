package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// worker is an action connection with at most one request in flight. Its reader hands each message to the one who waits for the
// answer, and notices at once when an idle connection ends.
type worker struct {
	*connection
	u    *Upstream
	era  int // of the pool, at the dial
	msgs chan *ami.Message
	next chan struct{} // the message has been used, read on
	gone chan struct{} // the reader has ended
	why  error         // what ended it, once gone is closed

	mu   sync.Mutex
	busy bool
	last string // ActionID of the request before
}

func newWorker(u *Upstream, c *connection, era int) *worker {
	return &worker{connection: c, u: u, era: era, msgs: make(chan *ami.Message), next: make(chan struct{}), gone: make(chan struct{})}
}

// read runs until the connection ends.
func (w *worker) read() {
	defer close(w.gone)
	defer w.close()
	for {
		m, err := w.dec.Decode()
		if err != nil {
			w.why = err
			return
		}
		if m.Len() == 0 {
			continue // some answers end in two empty lines (ami/behaviour.md 4.10)
		}
		if busy, last := w.state(); !busy {
			if m.Kind() == ami.KindResponse && (last == "" || string(m.Get("ActionID")) != last) {
				w.u.count.desync.Add(1)
				return
			}
			w.u.count.strays.Add(1)
			continue
		}
		select {
		case w.msgs <- m:
		case <-w.closing:
			return
		}
		select {
		case <-w.next:
		case <-w.closing:
			return
		}
	}
}

func (w *worker) state() (busy bool, last string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.busy, w.last
}

func (w *worker) setBusy(busy bool, last string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy, w.last = busy, last
}

// alive tells whether the reader still runs.
func (w *worker) alive() bool {
	select {
	case <-w.gone:
		return false
	case <-w.closing:
		return false
	default:
		return true
	}
}

// do sends the request and hands its answer to reply. Whatever goes wrong, the connection is closed.
func (w *worker) do(ctx context.Context, r *request, reply func(*ami.Message) error) error {
	_, r.before = w.state()
	w.setBusy(true, r.before)
	w.u.count.actions.Add(1)
	deadline, _ := ctx.Deadline()
	stop := context.AfterFunc(ctx, w.close)
	n, err := w.write(r.bytes, time.Until(deadline))
	stop()
	if err != nil {
		w.close()
		if n < len(r.bytes) { // an action without its end is dropped (ami/behaviour.md 1.8)
			return fmt.Errorf("%w: %s", ErrDown, reason(err))
		}
		return w.unknown(reason(err))
	}
	var asker error // the first error of reply; the rest of the answer is read nevertheless, to keep the connection in step
	for {
		select {
		case m := <-w.msgs:
			out, done, err := r.take(m)
			switch {
			case err != nil:
				w.close()
				w.u.count.desync.Add(1)
				return w.unknown(err.Error())
			case out == nil && !done:
				w.u.count.strays.Add(1)
			case out == nil:
			case asker == nil:
				asker = reply(out)
			}
			if done {
				w.setBusy(false, r.last())
				w.readOn()
				w.u.pool.release(w)
				return asker
			}
			w.readOn()
		case <-w.gone:
			return w.unknown(w.ending())
		case <-ctx.Done():
			w.close()
			return w.unknown(context.Cause(ctx).Error())
		}
	}
}

// ending says why the reader has ended.
func (w *worker) ending() string {
	if w.why == nil || errors.Is(w.why, net.ErrClosed) {
		return "the connection ended"
	}
	return reason(w.why)
}

// readOn lets the reader go on, if it is still there.
func (w *worker) readOn() {
	select {
	case w.next <- struct{}{}:
	case <-w.gone:
	}
}

func (w *worker) unknown(why string) error {
	w.u.count.unknown.Add(1)
	return fmt.Errorf("%w: %s", ErrUnknownOutcome, why)
}
