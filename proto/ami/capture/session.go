package capture

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// session is one client. Its actions run one after the other on its own goroutine (ami/behaviour.md 1.6).
type session struct {
	srv       *Server
	conn      net.Conn
	challenge string // empty until asked for
	user      bool   // logged in
	over      bool   // to be closed behind the answer

	mu   sync.Mutex // one writer at a time: an answer and what belongs to it stay together
	mask ami.Class  // what it receives, by mu
	buf  []byte     // by mu
}

// session serves one connection to its end.
func (s *Server) session(ctx context.Context, conn net.Conn) {
	c := &session{srv: s, conn: conn}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	defer c.leave()
	if s.waiting.Add(1) > authLimit {
		s.cfg.Log.Warn("connection closed: too many are not logged in", "client", conn.RemoteAddr().String())
		return // without a byte (behaviour.md 1.3)
	}
	s.mu.Lock()
	s.sessions[c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.sessions, c)
		s.mu.Unlock()
	}()
	// A connection that never logs in is closed without a word (behaviour.md 5.14), also if it does not read.
	conn.SetDeadline(time.Now().Add(authTimeout))
	c.write([]byte(s.banner + "\r\n"))
	for dec := ami.NewDecoder(conn, ami.Server); !c.over; {
		m, err := dec.Decode()
		switch {
		case err == nil:
			c.run(ctx, m)
		case errors.Is(err, ami.ErrLineTooLong), errors.Is(err, ami.ErrTooManyLines):
			c.fail(m, err.Error()) // the connection stays open (2.5, 2.7)
		default:
			return
		}
	}
}

// enter makes c a session of the user, which no longer counts against authLimit.
func (c *session) enter() {
	c.user = true
	c.srv.waiting.Add(-1)
}

// leave gives its place under authLimit back, if c still has one.
func (c *session) leave() {
	if !c.user {
		c.srv.waiting.Add(-1)
	}
}

// run answers one action; the order of the checks is Asterisk's (behaviour.md 3).
func (c *session) run(ctx context.Context, m *ami.Message) {
	c.srv.stats.actions.Add(1)
	name := m.Action()
	key := strings.ToLower(name)
	a, live := liveActions[key]
	switch {
	case name == "":
		c.fail(m, "Missing action in request")
	case !c.user && !a.beforeLogin:
		c.fail(m, "Permission denied")
	case live && a.run(ctx, c, m):
	case c.recorded(m):
	case builtActions[key] != nil:
		builtActions[key](c, m)
	default:
		c.srv.stats.unknown.Add(1)
		text := "Invalid/unknown command: " + name + ". Use Action: ListCommands to show available commands."
		c.fail(m, text[:min(len(text), 511)]) // cut as Asterisk cuts it (3.5)
	}
}

// recorded answers with what was recorded for the same action, if anything.
func (c *session) recorded(m *ami.Message) bool {
	r := c.srv.records.next(m)
	if r == nil {
		return false
	}
	c.write(r.appendTo(nil, m.Get("ActionID")))
	return true
}

// deliver writes those events that the mask lets through: all classes of an event must be in it (behaviour.md 6.7). It returns
// false if the session receives no events at all, or is gone.
func (c *session) deliver(events []event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mask == 0 {
		return false
	}
	c.buf = c.buf[:0]
	for i := range events {
		if events[i].classes&^c.mask == 0 {
			c.buf = append(c.buf, events[i].raw...)
		}
	}
	return len(c.buf) == 0 || c.writeLocked(c.buf)
}

// write writes b as one piece.
func (c *session) write(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeLocked(b)
}

// writeAndReceive writes b and sets the mask in one step: nothing comes between them.
func (c *session) writeAndReceive(b []byte, mask ami.Class) {
	c.mu.Lock()
	if c.writeLocked(b) {
		c.mask = mask
	}
	c.mu.Unlock()
	if mask != 0 {
		select {
		case c.srv.hearing <- struct{}{}:
		default:
		}
	}
}

// writeLocked closes the connection if b cannot be written in time; what a slow reader got may end in mid-event, as with
// Asterisk (behaviour.md 9.3).
func (c *session) writeLocked(b []byte) bool {
	if d := c.srv.cfg.WriteTimeout; d > 0 {
		c.conn.SetWriteDeadline(time.Now().Add(d))
	}
	_, err := c.conn.Write(b)
	if err == nil {
		return true
	}
	c.mask = 0
	c.conn.Close()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.srv.stats.cut.Add(1)
		c.srv.cfg.Log.Warn("session cut: it did not read in time", "client", c.conn.RemoteAddr().String(), "timeout", c.srv.cfg.WriteTimeout)
	}
	return false
}
