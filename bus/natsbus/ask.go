package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amibus/amibus/bus"
)

// Headers of a request and its answer; see the package comment.
const (
	headTimeout = "Amibus-Timeout" // time left for the request, as time.Duration prints it
	headChunk   = "Amibus-Chunk"
	headAlive   = "Amibus-Alive"
	headEnd     = "Amibus-End"
	headError   = "Amibus-Error"
	headCredit  = "Amibus-Credit"
	headCancel  = "Amibus-Cancel"
)

// Values of headError.
const (
	errRemote  = "remote"  // the handler failed, the body says how
	errLost    = "lost"    // the handler was stopped
	errRefused = "refused" // the handler was not called
	errLate    = "late"    // the handler ran out of time
)

const (
	window    = 16                     // chunks that may be under way
	grant     = window / 2             // chunks consumed before the asker says so
	lookEvery = 250 * time.Millisecond // how often the asker looks after the owner
	maxSilent = 5 * time.Second        // without a sign of life for so long, the owner is gone
)

// call is a request that was sent.
type call struct {
	in      chan *nats.Msg // chunks and the end
	control atomic.Pointer[string]
	heard   atomic.Int64 // Unix nanoseconds of the last sign of life
}

// reply takes what comes to the inbox of this Bus: answers to its calls, and control messages for its answers.
func (b *Bus) reply(m *nats.Msg) {
	b.mu.Lock()
	c, a := b.calls[m.Subject], b.answers[m.Subject]
	b.mu.Unlock()
	switch {
	case c != nil:
		c.take(m)
	case a != nil:
		a.take(m)
	case m.Reply != "":
		b.tell(m.Reply, headCancel, "1") // nobody waits for it any more
	}
}

func (c *call) take(m *nats.Msg) {
	c.heard.Store(time.Now().UnixNano())
	if m.Reply != "" && c.control.Load() == nil {
		c.control.Store(&m.Reply)
	}
	if m.Header.Get(headAlive) != "" {
		return
	}
	select {
	case c.in <- m:
	default: // more than the window: its number will be missed
	}
}

// Request implements bus.Bus.
func (b *Bus) Request(ctx context.Context, subject string, req []byte, each func(chunk []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{in: make(chan *nats.Msg, window+1)}
	c.heard.Store(time.Now().UnixNano())
	b.mu.Lock()
	if b.subs == nil {
		b.mu.Unlock()
		return bus.ErrClosed
	}
	b.asking.Add(1)
	defer b.asking.Done()
	inbox := b.newInbox()
	b.calls[inbox] = c
	b.mu.Unlock()

	m := &nats.Msg{Subject: subject, Reply: inbox, Data: req}
	if deadline, ok := ctx.Deadline(); ok {
		m.Header = nats.Header{headTimeout: {time.Until(deadline).String()}}
	}
	err := b.sent(b.conn.PublishMsg(m))
	if errors.Is(err, errDown) {
		err = fmt.Errorf("%w: %w", bus.ErrNoResponder, err)
	}
	ended := false
	if err == nil {
		ended, err = b.collect(ctx, c, subject, each)
	}
	b.mu.Lock()
	delete(b.calls, inbox)
	b.mu.Unlock()
	if control := c.control.Load(); !ended && control != nil {
		b.tell(*control, headCancel, "1")
	}
	return err
}

// newInbox returns a subject of our own that is not in use. b.mu is held.
func (b *Bus) newInbox() string {
	b.number++
	return b.inbox + strconv.FormatUint(b.number, 36)
}

// collect hands out the chunks of an answer. ended is true if nothing more can come.
func (b *Bus) collect(ctx context.Context, c *call, subject string, each func([]byte) error) (ended bool, err error) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for got := 0; ; {
		select {
		case m := <-c.in:
			if m.Header.Get(headChunk) == "" {
				return true, end(m, got)
			}
			if m.Header.Get(headChunk) != strconv.Itoa(got+1) {
				return false, fmt.Errorf("%w: chunk %d of %s did not arrive", bus.ErrLost, got+1, subject)
			}
			if err := each(m.Data); err != nil {
				return false, err
			}
			if got++; m.Header.Get(headEnd) != "" {
				return true, end(m, got)
			}
			if got%grant == 0 {
				b.tell(m.Reply, headCredit, strconv.Itoa(got))
			}
		case <-look.C:
			if silent := time.Since(time.Unix(0, c.heard.Load())); silent > b.maxSilent && len(c.in) == 0 {
				return false, fmt.Errorf("%w: nothing heard on %s for %v", bus.ErrLost, subject, silent.Round(time.Millisecond))
			}
			if !b.Wanted(subject) && len(c.in) == 0 {
				return false, fmt.Errorf("%w: nobody listens on %s any more", bus.ErrLost, subject)
			}
		case <-ctx.Done():
			return false, ctx.Err()
		case <-b.ctx.Done():
			return false, bus.ErrClosed
		}
	}
}

// end is the outcome of an answer of got chunks that ended with m.
func end(m *nats.Msg, got int) error {
	if m.Header.Get("Status") == "503" { // by the NATS server: no responders
		return bus.ErrNoResponder
	}
	switch m.Header.Get(headError) {
	case errRemote:
		return bus.RemoteError(m.Data)
	case errRefused:
		return bus.ErrNoResponder
	case errLate: // our own clock is about to say so
		return context.DeadlineExceeded
	case errLost:
		return fmt.Errorf("%w: the node that answered stopped", bus.ErrLost)
	}
	if count := m.Header.Get(headEnd); count != strconv.Itoa(got) {
		return fmt.Errorf("%w: %d of %q chunks arrived", bus.ErrLost, got, count)
	}
	return nil
}

// tell sends a message that is but a header. If it cannot be sent, the other end notices that nothing comes.
func (b *Bus) tell(subject, key, value string) {
	_ = b.conn.PublishMsg(&nats.Msg{Subject: subject, Header: nats.Header{key: {value}}})
}
