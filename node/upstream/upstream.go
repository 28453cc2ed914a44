package upstream

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// Config of an Upstream. Address, Username, Secret and Event are required; zero values elsewhere mean the defaults.
type Config struct {
	Address  string
	Username string
	Secret   func() (string, error) // read at each login
	Pool     int                    // most action connections, default 32; opened on demand, and only a few are kept
	// Event gets each event, in order, from the goroutine that reads the event connection. m is valid during the call, which must not
	// block.
	Event func(m *ami.Message)
	// LoggedIn is told of each login of the event connection, before its first event, from the goroutine that calls Event; heard is the time
	// of the last byte on the connection before, zero if there was none. LoggedOut is told when that connection has ended. Optional, but
	// then all four of these must be there; without them the Asterisk is not marked.
	LoggedIn  func(heard time.Time)
	LoggedOut func()
	// Identified is told once between the two which Asterisk this is, from a goroutine of its own, and may take its time. Remarked is told,
	// in the goroutine of Event, when another node has changed the mark afterwards.
	Identified func(Identity)
	Remarked   func(mark string)
	// Link is told when the link has come up and when it has gone, from the same goroutine. Optional.
	Link func(up bool, info Info)
	Log  *slog.Logger

	DialTimeout   time.Duration  // to connect, and again to log in; default 5 s
	PingEvery     time.Duration  // two unanswered Pings end the link; default 15 s
	BackoffMin    time.Duration  // first pause between tries, doubled each time; default 100 ms
	BackoffMax    time.Duration  // longest pause between tries; default 15 s
	ActionTimeout time.Duration  // for an action whose context has no deadline; default 30 s
	Queue         int            // most actions that wait for a connection, default 256
	Rand          func() float64 // jitter of the pauses, in [0, 1)
}

// Info is what an Asterisk says about itself.
type Info struct {
	Banner          string // version of AMI, such as "11.0.0"
	SystemName      string // empty if it has none
	AsteriskVersion string
	Commands        []Command // the actions our user may use
}

// Command is one action of ListCommands.
type Command struct {
	Name     string
	Synopsis string
	Class    ami.Class
}

// Stats are counters since New, and the state of the pool.
type Stats struct {
	Links       uint64 // times the link came up
	Unreachable uint64 // connections that failed before the banner
	Garbage     uint64 // peers that do not speak AMI
	Refused     uint64 // refused logins
	Lost        uint64 // connections that broke after the login
	Events      uint64 // events handed on
	Consumed    uint64 // events about ourselves, not handed on
	Strays      uint64 // messages where none belongs, ignored
	Actions     uint64 // actions sent
	Unknown     uint64 // actions whose outcome is unknown
	Busy        uint64 // actions refused or given up for want of a connection
	Desync      uint64 // connections closed because they answered something else than asked
	Open        int    // action connections, those being opened included
	Idle        int    // action connections without work
	Waiting     int    // actions that wait for a connection
}

type counters struct {
	links, events, consumed, strays, actions, unknown, busy, desync atomic.Uint64
	faults                                                          [faultKinds]atomic.Uint64
}

// Upstream is the connection to one Asterisk. All methods are safe for concurrent use.
type Upstream struct {
	cfg    Config
	own    ownAddresses
	pool   pool
	info   atomic.Pointer[Info]
	up     atomic.Bool
	failed atomic.Pointer[error] // why the last try or link ended
	denied atomic.Bool           // the Asterisk has denied an action to our user, since the login
	silent atomic.Bool           // no FullyBooted came after the login
	heard  atomic.Int64          // Unix ns of the last byte of an event connection; 0 before
	nextID atomic.Uint64
	count  counters

	unmarked atomic.Bool // it was logged that the Asterisk has no mark
}

// New returns an Upstream that does nothing before Run.
func New(cfg Config) *Upstream {
	cfg.Pool = cmp.Or(cfg.Pool, 32) // below Asterisk's authlimit, 50: they may all log in at once (ami/behaviour.md 1.3)
	cfg.DialTimeout = cmp.Or(cfg.DialTimeout, 5*time.Second)
	cfg.PingEvery = cmp.Or(cfg.PingEvery, 15*time.Second)
	cfg.BackoffMin = cmp.Or(cfg.BackoffMin, 100*time.Millisecond)
	cfg.BackoffMax = cmp.Or(cfg.BackoffMax, 15*time.Second)
	cfg.ActionTimeout = cmp.Or(cfg.ActionTimeout, 30*time.Second)
	cfg.Queue = cmp.Or(cfg.Queue, 256)
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	u := &Upstream{cfg: cfg}
	u.pool.init(u)
	return u
}

// Run keeps the link up until ctx ends, and returns nil when every connection is closed.
func (u *Upstream) Run(ctx context.Context) error {
	log := trouble{log: u.cfg.Log}
	pause := backoff{min: u.cfg.BackoffMin, max: u.cfg.BackoffMax, rand: u.cfg.Rand}
	for ctx.Err() == nil {
		s := session{u: u, trouble: &log}
		err := s.run(ctx)
		if ctx.Err() != nil {
			break
		}
		log.report(err)
		u.failed.Store(&err)
		if s.lasted() > u.cfg.BackoffMax {
			pause.reset() // a link that breaks at once is trouble, too
		}
		pause.wait(ctx)
	}
	u.pool.wait()
	return nil
}

// Up tells whether the link is up: logged in, and the start-up queries answered.
func (u *Upstream) Up() bool { return u.up.Load() }

// Trouble is why the link is down, in one line; "not tried yet" before the first try has ended.
func (u *Upstream) Trouble() string {
	if err := u.failed.Load(); err != nil {
		return (*err).Error()
	}
	return "not tried yet"
}

// Rights tells what our user seems to lack at the Asterisk, one line each; none is as it should be.
func (u *Upstream) Rights() (lacking []string) {
	if u.silent.Load() {
		lacking = append(lacking, "no FullyBooted came after the login: the Asterisk was still starting, or read is not all")
	}
	if u.denied.Load() {
		lacking = append(lacking, "an action was denied: write is not all")
	}
	return lacking
}

// Info returns what the Asterisk last said about itself; the zero Info before the link first came up.
func (u *Upstream) Info() Info {
	if i := u.info.Load(); i != nil {
		return *i
	}
	return Info{}
}

// Stats returns a snapshot.
func (u *Upstream) Stats() Stats {
	c := &u.count
	s := Stats{
		Links:       c.links.Load(),
		Unreachable: c.faults[unreachable].Load(),
		Garbage:     c.faults[garbage].Load(),
		Refused:     c.faults[refused].Load(),
		Lost:        c.faults[lost].Load(),
		Events:      c.events.Load(),
		Consumed:    c.consumed.Load(),
		Strays:      c.strays.Load(),
		Actions:     c.actions.Load(),
		Unknown:     c.unknown.Load(),
		Busy:        c.busy.Load(),
		Desync:      c.desync.Load(),
	}
	s.Open, s.Idle, s.Waiting = u.pool.state()
	return s
}

// countFault files err under its kind and returns it.
func (u *Upstream) countFault(err error) error {
	var f *fault
	if errors.As(err, &f) {
		u.count.faults[f.kind].Add(1)
	}
	return err
}

// noteDenied logs once per link that the user lacks rights.
func (u *Upstream) noteDenied(action string) {
	if !u.denied.Swap(true) {
		u.cfg.Log.Warn("the Asterisk denied an action to our user; set write = all in its manager.conf", "action", action,
			"user", u.cfg.Username, "address", u.cfg.Address)
	}
}
