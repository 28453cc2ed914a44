package amiserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

const (
	loginWriteTimeout = 100 * time.Millisecond // before the user, and so his writetimeout, is known
	linger            = 500 * time.Millisecond // how long a client may take to read the last answer
	flushTimeout      = 10 * time.Second       // for one write of a chunk, unless writetimeout is longer
	lastWords         = 500 * time.Millisecond // for what is written after the session's context has ended
	maxDiscard        = 1 << 20                // bytes of a client that is being sent away
)

// connection is a session over TCP. All but read runs in one goroutine.
type connection struct {
	session
	conn    net.Conn
	drain   <-chan struct{} // the server stops
	actions chan request
	holding bool          // the action under way has SuppressEvents
	fresh   bool          // nothing has been read yet
	ending  error         // why reading has ended; set before actions is closed
	next    *request      // came in the middle of WaitEvent, and is still to be run
	input   chan struct{} // capacity 1: something has come from the client
	unsent  net.Buffers
}

func newConnection(srv *Server, conn net.Conn, authTimeout time.Duration) *connection {
	c := &connection{
		session: srv.open(conn.RemoteAddr(), conn.LocalAddr()), conn: conn,
		actions: make(chan request), input: make(chan struct{}, 1), fresh: true,
	}
	c.out, c.pushes = c, true
	c.onLogin = func() { conn.SetReadDeadline(time.Time{}) }
	conn.SetReadDeadline(time.Now().Add(authTimeout))
	return c
}

// run serves the connection to its end: that of the client, of drain when the server stops, or, at the latest, of ctx.
func (c *connection) run(ctx context.Context, drain <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	c.ctx, c.drain = ctx, drain
	closing := time.AfterFunc(time.Hour, func() { c.conn.Close() })
	closing.Stop()
	unhook := context.AfterFunc(ctx, func() { closing.Reset(lastWords) })
	gone := make(chan struct{}) // the session has ended: no more actions, please
	read := make(chan struct{}) // the reader has
	go func() {
		defer close(read)
		c.read(gone)
	}()

	reason := c.serve(ctx)
	c.srv.leave(c.user)
	c.leaveStream()
	close(gone)
	switch {
	case errors.Is(reason, errGoodbye):
		hangUp(c.conn)
		<-read
	case errors.Is(reason, errForeign):
		hangUp(c.conn)
		io.CopyN(io.Discard, c.conn, maxDiscard)
	}
	unhook()
	cancel()
	closing.Stop()
	c.conn.Close()
	<-read
	c.ended(reason)
}

// Read implements io.Reader for the decoder; it tells that there was input. A TLS client is not kept waiting for an answer to its greeting.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.conn.Read(b)
	if c.fresh && n > 0 {
		if c.fresh = false; b[0] == tlsHandshake {
			return 0, errForeign
		}
	}
	if n > 0 {
		select {
		case c.input <- struct{}{}:
		default:
		}
	}
	return n, err
}

// read decodes actions until the stream ends, and throws away what comes after the session's end.
func (c *connection) read(gone <-chan struct{}) {
	defer close(c.actions)
	for d := ami.NewDecoder(c, ami.Server); ; {
		m, err := d.Decode()
		if errors.Is(err, errForeign) {
			c.ending = err
		}
		if err != nil && !errors.Is(err, ami.ErrLineTooLong) && !errors.Is(err, ami.ErrTooManyLines) {
			return
		}
		select {
		case c.actions <- request{m.Clone(), err}:
		case <-gone:
			io.CopyN(io.Discard, c.conn, maxDiscard)
			return
		}
	}
}

// serve alternates between actions and chunks of events, and returns why it ended: nil when the client hung up.
func (c *connection) serve(ctx context.Context) error {
	if err := c.send([]byte("Asterisk Call Manager/" + c.srv.conf.Backend.Banner() + "\r\n")); err != nil {
		return err
	}
	suppressed := false // by the last action: its SuppressEvents lets events wait for the next opportunity (ami/behaviour.md 3.10)
	for {
		select {
		case <-c.drain:
			return c.farewell()
		default:
		}
		more := false
		if !suppressed {
			var err error
			if more, err = c.deliver(); err != nil {
				return err
			}
		}
		r, ok, err := c.await(ctx, more)
		switch {
		case err != nil:
			return err
		case r != nil:
			suppressed = len(r.action.Get("SuppressEvents")) > 0
			c.holding = suppressed
			if err := c.handle(ctx, *r); err != nil {
				return err
			}
			c.holding = false
			if c.sub == nil {
				suppressed = false // a replay is not held up
			} else if _, err := c.sub.Peek(); err != nil {
				suppressed = false // its end must be seen
			}
		case !ok:
			return nil
		default:
			suppressed = false
		}
	}
}

// await returns the next action, or nil when there is something else to do; ok is false when the client has hung up.
func (c *connection) await(ctx context.Context, more bool) (r *request, ok bool, err error) {
	if r, c.next = c.next, nil; r != nil {
		return r, true, nil
	}
	wake := c.wake()
	if more {
		wake = ready
	}
	select {
	case r, ok := <-c.actions:
		if !ok {
			return nil, false, c.ending
		}
		select {
		case <-c.input: // it was this action's
		default:
		}
		return &r, true, nil
	case <-wake:
	case <-c.drain:
	case <-ctx.Done():
		return nil, true, ctx.Err()
	}
	return nil, true, nil
}

// waits implements sink.
func (c *connection) waits(seconds int64) int64 { return seconds }

// full implements sink.
func (c *connection) full() bool { return false }

// pause implements sink. Any input ends WaitEvent (ami/behaviour.md 10.2).
func (c *connection) pause(ctx context.Context, wake <-chan struct{}, until <-chan time.Time) (again bool, err error) {
	if c.next != nil {
		return false, nil
	}
	select {
	case r, ok := <-c.actions:
		if ok {
			c.next = &r
		}
		return false, nil
	case <-c.input:
	case <-until:
	case <-c.drain:
	case <-wake:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return false, nil
}

// farewell writes what has been taken from the queue, and what is in it now; events that come later are another node's to tell.
func (c *connection) farewell() error {
	if err := c.deliverAll(); err != nil {
		return err
	}
	return errGoodbye
}

// ready is always readable.
var ready = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// write implements sink. The socket has the user's write time-out to take something, again and again; Asterisk demands a whole event
// in that time (ami/behaviour.md 9.3), but also writes each by itself. It must take all in flushTimeout: who takes an answer byte by
// byte would hold up the action, and the connection to the Asterisk that it runs on.
func (c *connection) write(pieces net.Buffers) error {
	if c.holding { // an event that comes when the client may have the answer does wake
		select {
		case <-c.wake():
		default:
		}
	}
	timeout := loginWriteTimeout
	if c.user != nil {
		timeout = c.user.WriteTimeout
	}
	last := time.Now().Add(max(timeout, flushTimeout))
	if _, secure := c.conn.(*tls.Conn); secure {
		timeout = max(timeout, flushTimeout) // a write over TLS cannot go on behind a time-out
	}
	for c.unsent = pieces; len(c.unsent) > 0; {
		deadline := time.Now().Add(timeout)
		if deadline.After(last) {
			deadline = last
		}
		c.conn.SetWriteDeadline(deadline)
		n, err := c.unsent.WriteTo(c.conn)
		c.srv.count.bytes.Add(uint64(n))
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case n == 0:
			return fmt.Errorf("%w: nothing for %v (writetimeout)", errSlow, timeout)
		case !time.Now().Before(last):
			return fmt.Errorf("%w: too little in %v", errSlow, max(timeout, flushTimeout))
		}
	}
	return nil
}
