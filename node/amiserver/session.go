package amiserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/filter"
)

// Why a session ends, other than by a read or write error.
var (
	errGoodbye = errors.New("answered and closed") // the client has been told
	errSlow    = errors.New("its socket does not take what it is sent")
	errBroken  = errors.New("an answer broke off")
)

// sink takes what a session has to say.
type sink interface {
	// write writes the pieces whole; they are the session's, and valid during the call only.
	write(pieces net.Buffers) error
	// waits is told that WaitEvent begins, with its time-out in seconds or -1, and returns the one that holds here.
	waits(seconds int64) int64
	// pause waits for something to do in the middle of WaitEvent; again is false when the client itself has put an end to it.
	pause(ctx context.Context, wake <-chan struct{}, until <-chan time.Time) (again bool, err error)
	// full tells that the events that are left shall wait for the next WaitEvent.
	full() bool
}

// session is what a client has here, whatever carries it: who it is, what it may do, where it stands in the event stream. It belongs to
// one goroutine at a time.
type session struct {
	srv      *Server
	log      *slog.Logger
	out      sink
	pushes   bool // events are written as they come; over HTTP WaitEvent fetches them (ami/behaviour.md 10.6)
	id       uint64
	counter  uint64
	queueLen int // events it may lag behind

	remote, local netip.AddrPort
	challenge     string
	reports       int // security events raised before the login

	user    *config.User // nil until the login
	account string       // the user's name as the client spelt it
	since   time.Time    // of the login
	onLogin func()       // may be nil
	mask    ami.Class    // read & what the client asked for
	filter  *filter.Set  // the user's, and those the client has added
	bounded bool         // within must be asked

	stop    <-chan struct{}                   // the server stops; nil: ctx tells
	ctx     context.Context                   // ends with the session
	sub     *stasis.Subscription[merge.Event] // the live stream; nil before the login and while replay runs
	replay  *resumption                       // nil in the live stream
	snap    *snapshot                         // asked for and not written yet: comes before anything else of the stream
	base    cursor.Vector                     // where the replay stands behind pending
	ahead   cursor.Vector                     // what the client has had and this node had not when the replay ended
	pending []merge.Event                     // pending[at:] is taken from sub or replay and not written
	at      int
	pieces  net.Buffers // memory of what is being written
	tails   []byte      // memory of what eventid adds to the pieces
}

// request is an action as far as it was understood, and what is wrong with it.
type request struct {
	action *ami.Message
	bad    error
}

// open makes a session of a client at remote that has come to local. It begins when ctx and out are set.
func (s *Server) open(remote, local net.Addr) session {
	return session{
		srv: s, id: s.ids.Add(1), queueLen: s.conf.QueueLen, remote: addrPort(remote), local: addrPort(local),
		log: s.conf.Log.With("remote", remote.String()), filter: filter.None(),
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// send writes b whole.
func (s *session) send(b []byte) error {
	s.pieces = append(s.pieces[:0], b)
	return s.flush()
}

// flush writes s.pieces.
func (s *session) flush() error {
	defer clear(s.pieces)
	return s.out.write(s.pieces)
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
	case errors.Is(reason, errForeign):
		s.srv.count.handshakes.Add(1)
		s.srv.logOften(&s.srv.lastHandshake, "AMI client sent away: it speaks TLS, and this port does not", "remote", s.remote.String())
	}
	if cut != "" {
		s.log.Warn("AMI client cut", "reason", cut, "queue_len", s.queueLen)
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
