package amiserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/proto/ami"
)

// Defaults of Config.
const (
	DefaultQueueLen    = 65536
	DefaultMaxSessions = 10000
)

// Caller is the session an action comes from. (Session, Counter) is unique while the process lives. Reach tells which nodes the user may act
// on, nil: all; AmbiguousOwn that what several nodes have means this node's.
type Caller struct {
	User, Address    string
	Session, Counter uint64
	Reach            func(merge.Node) bool
	AmbiguousOwn     bool
}

// Backend is what a session needs of the node. Methods may be called from many goroutines.
type Backend interface {
	// Do runs an action that is not about the session itself. send is called with consecutive pieces of the complete answer, in
	// AMI text with the asker's own ActionID; it blocks while the client is slow. An error becomes "Response: Error" with its
	// text as Message, and what was sent so far is dropped if none of it has been written yet; else the session ends, since an
	// answer cannot be taken back. An error with a method Outcome() string adds that header. action is valid until Do returns;
	// ctx ends with the session.
	Do(ctx context.Context, c Caller, action *ami.Message, send func(piece []byte) error) error
	// Raise puts an event of amibus' own into the node's stream; the node adds SystemName.
	Raise(event *ami.Message)
	// Reload reads the node's configuration anew. What an error is about has not changed; its text is one line.
	Reload() error
	// Started tells when the node started and last reloaded.
	Started() (start, reload time.Time)
	// HasSource tells whether the node has an Asterisk or an engine of its own.
	HasSource() bool
	// Banner is the version in the banner, such as 11.0.0.
	Banner() string
	// Commands are the actions that the node's source has, in its order. None: those of Asterisk 22 are assumed.
	Commands() []ami.Action
	// SystemName is what the events of a node have in SystemName, "" if that is not known.
	SystemName(node merge.Node) string
	// Owners are the nodes that have a channel (else a bridge) of that name or id, sorted; ended: it is no more. They are not to be changed.
	Owners(channel bool, key []byte) (owners []merge.Node, ended bool)
	// Nodes are the nodes of the cluster, sorted.
	Nodes() []NodeInfo
}

// NodeInfo is what ClusterNodes tells of a node.
type NodeInfo struct {
	merge.Position
	SystemName string // "" if not known
	Address    string // of its AMI listener, "" if not known
}

// Config of a Server. Log, Users, Events, Arrived, Source and Backend must be set.
type Config struct {
	Log         *slog.Logger
	Users       func() *config.Manager     // asked anew for each connection and login
	Events      *stasis.Topic[merge.Event] // merged
	Arrived     *stasis.Topic[merge.Event] // the same in the order of arrival
	Source      cursor.Source              // the stream that both topics are of
	State       *state.Store               // as of what is in Events; nil: no snapshots
	Backend     Backend
	Node        merge.Node       // this node
	Version     string           // of amibus
	QueueLen    int              // events a session may lag behind; 0 = DefaultQueueLen
	MaxSessions int              // 0 = DefaultMaxSessions
	Drain       time.Duration    // how long answers under way may take after the end of Serve's context; 0 cuts them off
	Now         func() time.Time // nil = time.Now
}

// Server is the manager interface of one node.
type Server struct {
	conf    Config
	penalty time.Duration // how long a failed login waits for its answer
	ids     atomic.Uint64
	count   counters

	mu       sync.Mutex
	sessions int            // connections that were let in and are not closed
	waiting  int            // sessions that are not logged in
	names    map[string]int // logged-in sessions by lower-case user name
	loggedIn int            // sum of names

	webSessions, webGuests int         // of sessions and of waiting: those over HTTP
	web                    atomic.Bool // ServeHTTP runs

	snapshots chan struct{} // holds as many as are in memory

	lastRefused, lastHandshake, lastTooLarge time.Time // last logged

	reports      int // since reportsSince, of those who are not logged in
	reportsSince time.Time
}

// New returns a Server; Serve makes it answer.
func New(c Config) *Server {
	if c.QueueLen <= 0 {
		c.QueueLen = DefaultQueueLen
	}
	if c.MaxSessions <= 0 {
		c.MaxSessions = DefaultMaxSessions
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Server{conf: c, penalty: time.Second, names: map[string]int{}, snapshots: make(chan struct{}, maxSnapshots)}
}

// Serve accepts connections until ctx ends or the listener breaks, closes the listener, and returns when all its sessions are gone:
// each finishes the answer under way, gets the events that wait for it, and is closed; nobody takes longer than Drain and lastWords.
// It may run for several listeners at once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	answers, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var sessions sync.WaitGroup
	defer func() {
		cancel()
		defer time.AfterFunc(s.conf.Drain, cut).Stop()
		sessions.Wait()
	}()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	defer ln.Close()
	for pause := time.Duration(0); ; {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			sessions.Go(func() { s.serveConn(answers, ctx.Done(), conn) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default: // out of file descriptors, most likely: it passes
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.conf.Log.Warn("cannot accept AMI connections", "error", err, "retry_in", pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}
}

// serveConn is the life of one connection. Go sets TCP_NODELAY by itself. A connection that is refused is closed without a byte
// (ami/behaviour.md 1.3).
func (s *Server) serveConn(ctx context.Context, drain <-chan struct{}, conn net.Conn) {
	defer conn.Close()
	users := s.conf.Users()
	if why := s.admit(users.AuthLimit); why != "" {
		s.count.refused.Add(1)
		s.logRefused(conn, why)
		return
	}
	defer s.release()
	c := newConnection(s, conn, users.AuthTimeout)
	if secure, ok := conn.(*tls.Conn); ok {
		if err := c.handshake(ctx, secure, users.AuthTimeout); err != nil {
			s.leave(nil)
			return
		}
	}
	c.run(ctx, drain)
}

func (s *Server) admit(authLimit int) (refused string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.sessions >= s.conf.MaxSessions:
		return "all sessions are in use"
	case s.waiting-s.webGuests >= authLimit:
		return "too many connections are not logged in (authlimit)"
	}
	s.sessions++
	s.waiting++
	return ""
}

// logRefused writes one line a second: those who are refused may be many.
func (s *Server) logRefused(conn net.Conn, why string) {
	s.logOften(&s.lastRefused, "AMI connection refused", "remote", conn.RemoteAddr().String(), "reason", why, "refused_so_far", s.count.refused.Load())
}

// logOften logs a warning unless the last one was less than a second ago.
func (s *Server) logOften(last *time.Time, text string, args ...any) {
	s.mu.Lock()
	quiet := time.Since(*last) < time.Second
	if !quiet {
		*last = time.Now()
	}
	s.mu.Unlock()
	if !quiet {
		s.conf.Log.Warn(text, args...)
	}
}

func (s *Server) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions--
}

// taken tells whether the user may have one session only and has it (ami/behaviour.md 3.4).
func (s *Server) taken(name string) bool {
	u, ok := s.conf.Users().User(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok && !u.AllowMultipleLogin && s.names[strings.ToLower(name)] > 0
}

// enter counts a session in as the user's, unless he may have one only and got another one in the meantime.
func (s *Server) enter(u *config.User) bool {
	name := strings.ToLower(u.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !u.AllowMultipleLogin && s.names[name] > 0 {
		return false
	}
	s.names[name]++
	s.loggedIn++
	s.waiting--
	return true
}

// leave gives back what a session held: the user's name, or a place among those who are not logged in if u is nil. The connection
// itself may still linger.
func (s *Server) leave(u *config.User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u == nil {
		s.waiting--
		return
	}
	s.loggedIn--
	name := strings.ToLower(u.Name)
	if s.names[name]--; s.names[name] == 0 {
		delete(s.names, name)
	}
}

type counters struct {
	handshakes, logins, failures, refused, slow, overflows, broken, unreported, actions, events, bytes, resumes, replayed, resumeGaps,
	evicted, tooLarge, forgotten, snapshots atomic.Uint64
}

// Stats is what a Server has done and has.
type Stats struct {
	Sessions, LoggedIn int
	Web                int    // of Sessions: those over HTTP
	Logins, Failures   uint64 // logins that succeeded, and that did not
	Handshakes         uint64 // TLS handshakes that failed, and TLS clients on a plain port
	Refused            uint64 // connections, and sessions over HTTP, beyond a limit
	Evicted            uint64 // sessions over HTTP ended before their login because there were too many
	Forgotten          uint64 // nonces over HTTP forgotten for want of room
	TooLarge           uint64 // answers that do not fit into a page over HTTP
	Slow               uint64 // clients cut: nothing taken for the write time-out, or too little
	Overflows          uint64 // clients cut: more than QueueLen events behind
	Broken             uint64 // clients cut: an answer broke off in the middle
	Unreported         uint64 // refused requests of clients not logged in, without a security event because there were too many
	Actions            uint64
	Events, Bytes      uint64 // written; Bytes includes answers
	Resumes, Replayed  uint64 // replays begun for clients, and their events
	ResumeGaps         uint64 // gaps in replays
	Snapshots          uint64 // of the state, asked for at a login
}

// Stats returns a snapshot.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.count
	return Stats{
		Sessions: s.sessions, LoggedIn: s.loggedIn, Web: s.webSessions, Evicted: c.evicted.Load(), TooLarge: c.tooLarge.Load(), Forgotten: c.forgotten.Load(),
		Logins: c.logins.Load(), Failures: c.failures.Load(), Refused: c.refused.Load(), Handshakes: c.handshakes.Load(),
		Slow: c.slow.Load(), Overflows: c.overflows.Load(), Broken: c.broken.Load(),
		Unreported: c.unreported.Load(), Actions: c.actions.Load(), Events: c.events.Load(), Bytes: c.bytes.Load(),
		Resumes: c.resumes.Load(), Replayed: c.replayed.Load(), ResumeGaps: c.resumeGaps.Load(), Snapshots: c.snapshots.Load(),
	}
}
