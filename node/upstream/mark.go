package upstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// markVariable is the global variable that names the process of an Asterisk: it lives as long as that.
const markVariable = "AMIBUS_MARK"

// markAgain is how long a mark of ours must stand: two nodes that find none at the same time both set one, and the later one stays.
const markAgain = 250 * time.Millisecond

// validMark: what else is found there is overwritten, for the mark is gossiped.
var validMark = regexp.MustCompile(`^[0-9a-f]{8,32}$`)

// Identity is what tells one Asterisk from another.
type Identity struct {
	Mark       string // of the process: another one after a restart; empty if the Asterisk refuses the variable
	Found      bool   // the mark was there already: the process is older than this link
	SystemName string
	// Census lists the channels and bridges, at any time until LoggedOut.
	Census func(context.Context) (Census, error)
}

// marker finds out the mark while the events are being read, which show when another node sets it.
type marker struct {
	u *Upstream

	mu    sync.Mutex
	set   string // by the last VarSet
	mark  string
	known bool // mark has been told
	young bool // a mark was set during this link

	nonce  string        // of the fence under way
	passed chan struct{} // closed when its event has come; nil without one
}

// learn asks for systemname and mark, on a connection of its own, and tells them. It returns why the link cannot go on.
func (k *marker) learn(ctx context.Context) error {
	id, err := k.ask(ctx)
	switch f, known := errors.AsType[*fault](err); {
	case ctx.Err() != nil:
		return nil
	case known && f.kind == refused:
		k.u.noteUnmarked(f.Error()) // events are worth more than the mark
	case known:
		return f
	case err != nil:
		return &fault{kind: lost, text: fmt.Sprintf("the link to the Asterisk at %s broke at its begin: %s", k.u.cfg.Address, reason(err))}
	}
	id.Census = func(asker context.Context) (Census, error) {
		asker, cancel := context.WithCancel(asker)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return k.census(asker)
	}
	k.u.cfg.Identified(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known = true
	k.change()
	return nil
}

// change tells, with mu held, of a mark that an event has shown.
func (k *marker) change() {
	if k.known && k.mark != "" && k.set != "" && k.set != k.mark {
		k.mark = k.set
		k.u.cfg.Remarked(k.mark)
	}
}

func (k *marker) ask(ctx context.Context) (id Identity, err error) {
	u := k.u
	c, err := u.connect(ctx, false)
	if err != nil {
		return id, err
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	if err := c.conn.SetDeadline(time.Now().Add(u.cfg.DialTimeout)); err != nil {
		return id, err
	}
	settings, err := u.ask(c, ami.New("Action", "CoreSettings"))
	if err != nil {
		return id, err
	}
	id.SystemName = string(settings.Get("SystemName"))
	for ours := false; ; {
		mark, ok, err := u.getMark(c)
		switch {
		case err != nil || !ok:
			return id, err
		case validMark.MatchString(mark) && k.settle(mark):
			id.Mark, id.Found = mark, !ours && !k.witnessed()
			return id, nil
		case validMark.MatchString(mark): // another node has set it meanwhile
		case ours:
			u.noteUnmarked(fmt.Sprintf("it holds %.40q again after it was set", mark))
			return id, nil
		default:
			if ok, err := u.setMark(c); err != nil || !ok {
				return id, err
			}
			ours = true
			select {
			case <-time.After(markAgain):
			case <-c.closing:
			}
		}
	}
}

// settle takes a mark that was read, unless an event says that there is another one: an event comes after the fact, so the next answer
// will be as new.
func (k *marker) settle(mark string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	same := k.set == "" || k.set == mark
	k.mark, k.set = mark, ""
	return same
}

// witnessed tells whether a mark was set since the login.
func (k *marker) witnessed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.young
}

// caused takes the event that mark or fence has been set, by us or by another node; it is nobody else's business.
func (k *marker) caused(m *ami.Message) bool {
	if string(m.Get("Channel")) != "none" {
		return false
	}
	switch string(m.Get("Variable")) {
	case markVariable:
	case fenceVariable:
		k.passes(string(m.Get("Value")))
		return true
	default:
		return false
	}
	mark := string(m.Get("Value"))
	k.mu.Lock()
	defer k.mu.Unlock()
	if validMark.MatchString(mark) {
		k.set, k.young = mark, true
		k.change()
	}
	return true
}

func (u *Upstream) getMark(c *connection) (mark string, ok bool, err error) {
	m, err := u.ask(c, ami.New("Action", "Getvar", "Variable", markVariable))
	if err != nil {
		return "", false, err
	}
	return string(m.Get("Value")), u.granted(m), nil
}

func (u *Upstream) setMark(c *connection) (ok bool, err error) {
	nonce := make([]byte, 8)
	rand.Read(nonce) // never fails
	m, err := u.ask(c, ami.New("Action", "Setvar", "Variable", markVariable, "Value", hex.EncodeToString(nonce)))
	return err == nil && u.granted(m), err
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

// lastHeard is the time of the last byte of any event connection, zero if there was none.
func (u *Upstream) lastHeard() time.Time {
	if ns := u.heard.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}
