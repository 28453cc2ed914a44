package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// ActionIDs of what we ask on the event connection.
const (
	idSettings = "amibus-settings"
	idCommands = "amibus-commands"
	idPing     = "amibus-ping"
)

// session is one event connection, from dialling to its end. Everything but the writer runs in one goroutine.
type session struct {
	u       *Upstream
	trouble *trouble
	info    Info
	started time.Time // when the link came up; zero before
	seen    bool      // any message since the login
	booted  bool      // a FullyBooted since the login
	marker  marker
}

// run returns the fault that ended the connection.
func (s *session) run(ctx context.Context) error {
	c, err := s.u.connect(ctx, true)
	if err != nil {
		return s.u.countFault(err)
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	s.u.denied.Store(false) // rights are those of the login
	s.info.Banner = c.banner
	identified := s.identify(ctx, c)
	c.heard = &s.u.heard
	c.idle = 2*s.u.cfg.PingEvery + s.u.cfg.DialTimeout

	var writer sync.WaitGroup
	var unsent error
	writer.Go(func() { unsent = s.write(c) })
	err = s.read(ctx, c)
	c.close()
	writer.Wait()
	if errors.Is(err, net.ErrClosed) && unsent != nil {
		err = unsent
	}
	if s.up() {
		s.u.up.Store(false)
		s.u.pool.stop()
		s.tell(false)
	}
	if err := identified(); err != nil {
		return s.u.countFault(err)
	}
	return s.u.countFault(&fault{kind: lost, text: fmt.Sprintf("the link to the Asterisk at %s broke: %s", s.u.cfg.Address, reason(err))})
}

// identify has the marker find out which Asterisk this is while c is read. The function it returns ends that, and returns why c was
// closed, if it was for that.
func (s *session) identify(ctx context.Context, c *connection) (end func() error) {
	u := s.u
	if u.cfg.LoggedIn == nil {
		return func() error { return nil }
	}
	u.cfg.LoggedIn(u.lastHeard())
	s.marker.u = u
	ctx, cancel := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() {
		err := s.marker.learn(ctx)
		if err != nil {
			c.close()
		}
		failed <- err
	}()
	return func() error {
		cancel()
		err := <-failed
		u.cfg.LoggedOut()
		return err
	}
}

func (s *session) up() bool { return !s.started.IsZero() }

// lasted is how long the link was up.
func (s *session) lasted() time.Duration {
	if !s.up() {
		return 0
	}
	return time.Since(s.started)
}

func (s *session) tell(up bool) {
	if s.u.cfg.Link != nil {
		s.u.cfg.Link(up, s.info)
	}
}

// write sends the start-up queries, then Pings. It is not the reader's business: a peer that does not read must not stop us reading.
func (s *session) write(c *connection) error {
	start := append(ami.New("Action", "CoreSettings", "ActionID", idSettings).Bytes(),
		ami.New("Action", "ListCommands", "ActionID", idCommands).Bytes()...)
	ping := ami.New("Action", "Ping", "ActionID", idPing).Bytes()
	tick := time.NewTicker(s.u.cfg.PingEvery)
	defer tick.Stop()
	for next := start; ; next = ping {
		if _, err := c.write(next, s.u.cfg.PingEvery); err != nil {
			c.close()
			return err
		}
		select {
		case <-tick.C:
		case <-c.closing:
			return nil
		}
	}
}

func (s *session) read(ctx context.Context, c *connection) error {
	for {
		m, err := c.dec.Decode()
		if err != nil {
			return err
		}
		switch m.Kind() {
		case ami.KindEvent:
			s.event(m)
		case ami.KindResponse:
			if err := s.answer(ctx, m); err != nil {
				return err
			}
		default:
			if m.Len() > 0 {
				s.u.count.strays.Add(1)
			}
		}
	}
}

func (s *session) event(m *ami.Message) {
	first := !s.seen
	s.seen = true
	switch string(m.Get("Event")) {
	case "VarSet":
		if s.marker.caused(m) {
			s.u.count.consumed.Add(1)
			return
		}
	case "FullyBooted":
		own := !s.booted && !s.up() && greetsUs(m, first)
		s.booted = true
		if own {
			s.u.count.consumed.Add(1)
			return
		}
	}
	if s.u.own.caused(m) {
		s.u.count.consumed.Add(1)
		return
	}
	s.u.count.events.Add(1)
	s.u.cfg.Event(m)
}

// greetsUs tells the FullyBooted that follows a Login from the one broadcast at the end of a start. The first comes right behind the
// answer, without Timestamp and SystemName, and with Uptime before Status (ami/behaviour.md 5.10); the second has Status first.
// Before 13 both have nothing but Status.
func greetsUs(m *ami.Message, first bool) bool {
	if m.Has("Timestamp") || m.Has("SystemName") {
		return false
	}
	uptime, status := m.Find("Uptime"), m.Find("Status")
	if uptime < 0 {
		return first
	}
	return uptime < status
}

// answer takes the answers of our own queries. The Asterisk gives them in the order of the questions.
func (s *session) answer(ctx context.Context, m *ami.Message) error {
	denied := string(m.Get("Message")) == "Permission denied"
	switch id := string(m.Get("ActionID")); {
	case id == idSettings:
		s.info.SystemName = string(m.Get("SystemName"))
		s.info.AsteriskVersion = string(m.Get("AsteriskVersion"))
		if denied {
			s.u.noteDenied("CoreSettings")
		}
	case id == idCommands && !s.up():
		if denied {
			s.u.noteDenied("ListCommands")
		}
		s.info.Commands = parseCommands(m)
		s.rise(ctx)
	case id == idPing && !s.up():
		return fmt.Errorf("it does not answer ListCommands")
	case id == idPing:
	default:
		s.u.count.strays.Add(1)
	}
	return nil
}

// rise declares the link up.
func (s *session) rise(ctx context.Context) {
	u := s.u
	s.started = time.Now()
	info := s.info
	u.info.Store(&info)
	u.count.links.Add(1)
	u.cfg.Log.Info("linked to the Asterisk", "address", u.cfg.Address, "version", info.AsteriskVersion, "ami", info.Banner,
		"systemname", info.SystemName, "actions", len(info.Commands), "failed_tries", s.trouble.recovered())
	u.silent.Store(!s.booted)
	if !s.booted {
		u.cfg.Log.Warn("no FullyBooted after the login: the Asterisk is still starting, or our user lacks rights; set read = all in its manager.conf",
			"user", u.cfg.Username, "address", u.cfg.Address)
	}
	u.pool.start(ctx)
	u.up.Store(true)
	s.tell(true)
}

// parseCommands reads the answer of ListCommands: "NAME: SYNOPSIS  (Priv: CLASSES)" (ami/behaviour.md 4.11).
func parseCommands(m *ami.Message) []Command {
	var list []Command
	for i := range m.Len() {
		name, value, _ := m.Field(i)
		synopsis, class, found := cutLast(string(value), "(Priv: ")
		class, closed := strings.CutSuffix(class, ")")
		if !found || !closed {
			continue // Response, ActionID
		}
		list = append(list, Command{Name: string(name), Synopsis: strings.TrimRight(synopsis, " "), Class: parseClass(class)})
	}
	return list
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// parseClass reads a class list. Names of a newer Asterisk are left out; if nothing else is there, the right to use the action is
// that of class system rather than anybody's.
func parseClass(v string) ami.Class {
	if c, ok := ami.ParsePrivilege([]byte(v)); ok {
		return c
	}
	var c ami.Class
	for name := range strings.SplitSeq(v, ",") {
		if bit, ok := ami.ClassNamed(name); ok && name != "all" {
			c |= bit
		}
	}
	if c == 0 {
		return ami.ClassSystem
	}
	return c
}
