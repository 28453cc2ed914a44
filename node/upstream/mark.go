package upstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// markVariable is the global variable that names the process of an Asterisk: it lives as long as that.
const markVariable = "AMIBUS_MARK"

// markAgain is how long a mark of ours must stand: two nodes that find none at the same time both set one, and the later one stays.
const markAgain = 250 * time.Millisecond

// validMark: what else is found there is overwritten, for the mark is gossiped.
var validMark = regexp.MustCompile(`^[0-9a-f]{8,32}$`)

// Login is what is known when an event connection has logged in, before its first event.
type Login struct {
	Mark       string // of the Asterisk's process: another one after a restart; empty if it refuses the variable
	SystemName string
	Heard      time.Time // the last byte of the event connection before; zero if this is the first one
}

// introduce asks for what must be known before the first event, on a connection of its own. While it waits nobody reads the event
// connection, and the Asterisk keeps the events.
func (s *session) introduce(ctx context.Context) error {
	u := s.u
	if u.cfg.LoggedIn == nil {
		return nil
	}
	login := Login{Heard: u.lastHeard()}
	err := u.learn(ctx, &login)
	switch f, known := errors.AsType[*fault](err); {
	case known && f.kind == refused:
		u.noteUnmarked(f.Error()) // events are worth more than the mark
	case known:
		return f
	case err != nil:
		return &fault{kind: lost, text: fmt.Sprintf("the link to the Asterisk at %s broke at its begin: %s", u.cfg.Address, reason(err))}
	}
	s.mark = login.Mark
	u.cfg.LoggedIn(login)
	return nil
}

// lastHeard is the time of the last byte of any event connection, zero if there was none.
func (u *Upstream) lastHeard() time.Time {
	if ns := u.heard.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// learn fills in systemname and mark; it makes a mark if there is none.
func (u *Upstream) learn(ctx context.Context, login *Login) error {
	c, err := u.connect(ctx, false)
	if err != nil {
		return err
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	if err := c.conn.SetDeadline(time.Now().Add(u.cfg.DialTimeout)); err != nil {
		return err
	}
	settings, err := u.ask(c, ami.New("Action", "CoreSettings"))
	if err != nil {
		return err
	}
	login.SystemName = string(settings.Get("SystemName"))
	mark, ok, err := u.getMark(c)
	if err != nil || !ok {
		return err
	}
	if !validMark.MatchString(mark) {
		nonce := make([]byte, 8)
		rand.Read(nonce) // never fails
		m, err := u.ask(c, ami.New("Action", "Setvar", "Variable", markVariable, "Value", hex.EncodeToString(nonce)))
		if err != nil || !u.granted(m) {
			return err
		}
		select {
		case <-time.After(markAgain):
		case <-c.closing:
		}
		if mark, ok, err = u.getMark(c); err != nil || !ok {
			return err
		}
	}
	if validMark.MatchString(mark) {
		login.Mark = mark
	} else {
		u.noteUnmarked(fmt.Sprintf("it holds %.40q again after it was set", mark))
	}
	return nil
}

func (u *Upstream) getMark(c *connection) (mark string, ok bool, err error) {
	m, err := u.ask(c, ami.New("Action", "Getvar", "Variable", markVariable))
	if err != nil {
		return "", false, err
	}
	return string(m.Get("Value")), u.granted(m), nil
}

// granted tells whether an action succeeded.
func (u *Upstream) granted(m *ami.Message) bool {
	if string(m.Get("Response")) == "Success" {
		return true
	}
	u.noteUnmarked(fmt.Sprintf("%.100q", m.Get("Message")))
	return false
}

// noteUnmarked logs once.
func (u *Upstream) noteUnmarked(why string) {
	if !u.unmarked.Swap(true) {
		u.cfg.Log.Warn("the Asterisk cannot be marked: if two nodes have it, each publishes its events", "variable", markVariable,
			"address", u.cfg.Address, "reason", why)
	}
}

// marked takes the event that the mark has been set, by us or by another node; it is nobody else's business.
func (s *session) marked(m *ami.Message) bool {
	if string(m.Get("Channel")) != "none" || string(m.Get("Variable")) != markVariable {
		return false
	}
	if mark := string(m.Get("Value")); mark != s.mark && s.mark != "" && validMark.MatchString(mark) && s.u.cfg.Marked != nil {
		s.mark = mark
		s.u.cfg.Marked(mark)
	}
	return true
}
