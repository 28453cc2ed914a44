package capture

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// Config says what a Server serves, and how. Only Capture is needed.
type Config struct {
	Capture *Capture

	Speed float64 // 1: as recorded, N: N times as fast, 0: as fast as the clients read
	Loop  bool    // start again at the end

	Username string // "admin" if empty
	Secret   string // "secret" if empty

	// WriteTimeout cuts a session that does not take a write in that time. 0 means 10 s, and at full speed never.
	WriteTimeout time.Duration

	Log *slog.Logger // nil: no log
}

const (
	defaultBanner       = "Asterisk Call Manager/11.0.0"
	defaultWriteTimeout = 10 * time.Second
	authLimit           = 50               // connections that are not logged in (ami/behaviour.md 1.3)
	authTimeout         = 30 * time.Second // ami/behaviour.md 5.14
	loginPenalty        = time.Second      // behaviour.md 5.7
)

// Server serves a Capture as if it were the Asterisk that it was recorded from.
type Server struct {
	cfg     Config
	banner  string
	greet   []byte        // the FullyBooted of the recorded login, nil if there was none
	stream  []event       // the recorded events, without greet
	length  time.Duration // from the login to the end of the recording
	records *records
	system  string // SystemName and Timestamp of the events that the Server raises
	stamped bool
	born    time.Time

	serving atomic.Bool
	first   chan struct{} // closed at the first login
	begin   sync.Once
	hearing chan struct{} // a token whenever a session begins to receive events
	done    chan struct{}

	order sync.Mutex // held while events are delivered: all sessions see one order
	calls calls      // that have been played

	waiting atomic.Int64 // connections that are not logged in

	mu       sync.Mutex
	sessions map[*session]struct{}
	vars     map[string]string // global variables that clients set

	stats counters
}

// event is one event ready to be sent.
type event struct {
	raw     []byte
	classes ami.Class
	due     time.Duration // after the login, as recorded
}

type counters struct{ logins, events, raised, actions, unknown, cut atomic.Uint64 }

// Stats are the counters of a Server.
type Stats struct {
	Sessions int    // connections now
	Logins   uint64 // successful logins
	Events   uint64 // recorded events played, heard or not
	Raised   uint64 // events raised by actions
	Actions  uint64 // actions received
	Unknown  uint64 // actions answered as unknown command
	Cut      uint64 // sessions cut because they did not read in time
}

// NewServer returns a Server that waits for its first login.
func NewServer(cfg Config) *Server {
	if cfg.Username == "" {
		cfg.Username = "admin"
	}
	if cfg.Secret == "" {
		cfg.Secret = "secret"
	}
	if cfg.WriteTimeout == 0 && cfg.Speed > 0 {
		cfg.WriteTimeout = defaultWriteTimeout
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, banner: cfg.Capture.Banner(), records: newRecords(cfg.Capture), born: time.Now(),
		first: make(chan struct{}), hearing: make(chan struct{}, 1), done: make(chan struct{}),
		sessions: make(map[*session]struct{}), vars: make(map[string]string),
	}
	if s.banner == "" {
		s.banner = defaultBanner
	}
	s.system, s.stamped = cfg.Capture.head()
	s.load(cfg.Capture)
	return s
}

// load takes the events out of the recording. What came before the login, if anything, is due at once.
func (s *Server) load(c *Capture) {
	var login time.Duration
	if c.Login >= 0 {
		login = c.Messages[c.Login].At
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.Kind != Event {
			continue
		}
		if c.Login >= 0 && i == c.Login+1 && isGreeting(m.Text) {
			s.greet = m.Text.Bytes()
			continue
		}
		classes, _ := Classes(m.Text)
		s.stream = append(s.stream, event{m.Text.Bytes(), classes, max(0, m.At-login)})
	}
	s.length = c.Length - login
}

// isGreeting tells the FullyBooted of a login from that of a start: it has neither Timestamp nor SystemName, and another
// order (behaviour.md 5.10).
func isGreeting(m *ami.Message) bool {
	name, _, _ := fieldAt(m, 2)
	return string(m.Get("Event")) == "FullyBooted" && name == "Uptime"
}

// Serve serves connections from ln until ctx is done or ln fails, and returns when all of them are gone. It closes ln. It may
// be called once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if !s.serving.CompareAndSwap(false, true) {
		return errors.New("capture: a Server serves only once")
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { s.play(ctx) })
	for {
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			ln.Close()
			return err
		}
		wg.Go(func() { s.session(ctx, conn) })
	}
}

// Done is closed when the last recorded event has been written. It stays open if the Server loops.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	n := len(s.sessions)
	s.mu.Unlock()
	return Stats{
		Sessions: n,
		Logins:   s.stats.logins.Load(),
		Events:   s.stats.events.Load(),
		Raised:   s.stats.raised.Load(),
		Actions:  s.stats.actions.Load(),
		Unknown:  s.stats.unknown.Load(),
		Cut:      s.stats.cut.Load(),
	}
}

// atFullSpeed tells whether the readers are the clock.
func (s *Server) atFullSpeed() bool { return s.cfg.Speed <= 0 || math.IsInf(s.cfg.Speed, 1) }
