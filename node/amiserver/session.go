package amiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

const (
	loginWriteTimeout = 100 * time.Millisecond // before the user, and so his writetimeout, is known
	linger            = 500 * time.Millisecond // how long a client may take to read the last answer
	flushTimeout      = 10 * time.Second       // for one write of a chunk, unless writetimeout is longer
	lastWords         = 500 * time.Millisecond // for what is written after the session's context has ended
)

// Why a session ends, other than by a read or write error.
var (
	errGoodbye = errors.New("answered and closed") // the client has been told
	errSlow    = errors.New("its socket does not take what it is sent")
	errBroken  = errors.New("an answer broke off")
)

// session is one connection. All but read runs in one goroutine.
type session struct {
	srv     *Server
	log     *slog.Logger
	conn    net.Conn
	id      uint64
	actions chan request
	counter uint64

	remote, local netip.AddrPort
	challenge     string
	reports       int // security events raised before the login

	user    *config.User // nil until the login
	account string       // the user's name as the client spelt it
	since   time.Time    // of the login
	mask    ami.Class    // read & what the client asked for
	timeout time.Duration

	ctx     context.Context                   // ends with the session
	sub     *stasis.Subscription[merge.Event] // the live stream; nil before the login and while replay runs
	replay  *resumption                       // nil in the live stream
	base    cursor.Vector                     // where the replay stands behind pending
	ahead   cursor.Vector                     // what the client has had and this node had not when the replay ended
	pending []merge.Event                     // pending[at:] is taken from sub or replay and not written
	at      int
	pieces  net.Buffers // memory of unsent
	tails   []byte      // memory of what eventid adds to the pieces
	unsent  net.Buffers
}

// request is an action as far as it was understood, and what is wrong with it.
type request struct {
	action *ami.Message
	bad    error
}

func newSession(srv *Server, conn net.Conn, authTimeout time.Duration) *session {
	s := &session{
		srv: srv, conn: conn, id: srv.ids.Add(1), actions: make(chan request), timeout: loginWriteTimeout,
		remote: addrPort(conn.RemoteAddr()), local: addrPort(conn.LocalAddr()),
	}
	s.log = srv.conf.Log.With("remote", conn.RemoteAddr().String())
	conn.SetReadDeadline(time.Now().Add(authTimeout))
	return s
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// run serves the connection to its end: that of the client, of drain when the server stops, or, at the latest, of ctx.
func (s *session) run(ctx context.Context, drain <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	s.ctx = ctx
	closing := time.AfterFunc(time.Hour, func() { s.conn.Close() })
	closing.Stop()
	unhook := context.AfterFunc(ctx, func() { closing.Reset(lastWords) })
	gone := make(chan struct{}) // the session has ended: no more actions, please
	read := make(chan struct{}) // the reader has
	go func() {
		defer close(read)
		s.read(gone)
	}()

	reason := s.serve(ctx, drain)
	s.srv.leave(s.user)
	s.leaveStream()
	close(gone)
	if errors.Is(reason, errGoodbye) {
		s.hangUp()
		<-read
	}
	unhook()
	cancel()
	closing.Stop()
	s.conn.Close()
	<-read
	s.ended(reason)
}

// hangUp closes our side only. To close with unread input would reset the connection, and the client might lose the last answer.
func (s *session) hangUp() {
	s.conn.SetReadDeadline(time.Now().Add(linger))
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	} else {
		s.conn.Close()
	}
}

// read decodes actions until the stream ends, and throws away what comes after the session's end.
func (s *session) read(gone <-chan struct{}) {
	defer close(s.actions)
	for d := ami.NewDecoder(s.conn, ami.Server); ; {
		m, err := d.Decode()
		if err != nil && !errors.Is(err, ami.ErrLineTooLong) && !errors.Is(err, ami.ErrTooManyLines) {
			return
		}
		select {
		case s.actions <- request{m.Clone(), err}:
		case <-gone:
			io.CopyN(io.Discard, s.conn, 1<<20)
			return
		}
	}
}

// serve alternates between actions and chunks of events, and returns why it ended: nil when the client hung up.
func (s *session) serve(ctx context.Context, drain <-chan struct{}) error {
	if err := s.send([]byte("Asterisk Call Manager/" + s.srv.conf.Backend.Banner() + "\r\n")); err != nil {
		return err
	}
	for {
		select {
		case <-drain:
			return s.farewell()
		default:
		}
		more, err := s.deliver()
		if err != nil {
			return err
		}
		wake := s.wake()
		if more {
			wake = ready
		}
		select {
		case r, ok := <-s.actions:
			if !ok {
				return nil
			}
			if err := s.handle(ctx, r); err != nil {
				return err
			}
		case <-wake:
		case <-drain:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// farewell writes what has been taken from the queue, and what is in it now; events that come later are another node's to tell.
func (s *session) farewell() error {
	for range 2 {
		for more := true; more; {
			var err error
			if more, err = s.deliver(); err != nil {
				return err
			}
		}
	}
	return errGoodbye
}

// ready is always readable.
var ready = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// send writes b whole.
func (s *session) send(b []byte) error {
	s.pieces = append(s.pieces[:0], b)
	return s.flush()
}

// flush writes s.pieces. The socket has the user's write time-out to take something, again and again; Asterisk demands a whole event
// in that time (ami/behaviour.md 9.3), but also writes each by itself. It must take all in flushTimeout: who takes an answer byte by
// byte would hold up the action, and the connection to the Asterisk that it runs on.
func (s *session) flush() error {
	defer clear(s.pieces)
	last := time.Now().Add(max(s.timeout, flushTimeout))
	for s.unsent = s.pieces; len(s.unsent) > 0; {
		deadline := time.Now().Add(s.timeout)
		if deadline.After(last) {
			deadline = last
		}
		s.conn.SetWriteDeadline(deadline)
		n, err := s.unsent.WriteTo(s.conn)
		s.srv.count.bytes.Add(uint64(n))
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case n == 0:
			return fmt.Errorf("%w: nothing for %v (writetimeout)", errSlow, s.timeout)
		case !time.Now().Before(last):
			return fmt.Errorf("%w: too little in %v", errSlow, max(s.timeout, flushTimeout))
		}
	}
	return nil
}

// ended says once why a client was cut, and that a user has gone.
func (s *session) ended(reason error) {
	cut := ""
	switch {
	case errors.Is(reason, errSlow):
		s.srv.count.slow.Add(1)
		cut = reason.Error()
	case errors.Is(reason, stasis.ErrOverflow):
		s.srv.count.overflows.Add(1)
		cut = "it is too far behind, its event queue overflowed"
	case errors.Is(reason, errBroken):
		s.srv.count.broken.Add(1)
		cut = reason.Error()
	}
	if cut != "" {
		s.log.Warn("AMI client cut", "reason", cut, "queue_len", s.srv.conf.QueueLen)
	}
	if s.user != nil {
		s.log.Log(context.Background(), s.connectLevel(), "AMI user logged off")
	}
}

// connectLevel follows displayconnects (ami/behaviour.md 5.17).
func (s *session) connectLevel() slog.Level {
	if s.user.DisplayConnects {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
