package upstream

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

const bannerPrefix = "Asterisk Call Manager/"

// version is what may stand behind it: our own clients see it in our banner (ami/clients.md 1).
var version = regexp.MustCompile(`^[0-9A-Za-z.+~-]{1,64}$`)

// connection is one socket to the Asterisk. One goroutine reads it; writes may come from one other.
type connection struct {
	conn   net.Conn
	dec    *ami.Decoder
	banner string        // version of AMI
	idle   time.Duration // longest silence; 0 while one deadline is set for all of the login, and on action connections
	heard  *atomic.Int64 // if not nil, gets the time of the last byte

	closing chan struct{} // closed by close
	once    sync.Once
	forget  func()
}

// Read reads from the socket, at most idle after the last byte.
func (c *connection) Read(p []byte) (int, error) {
	if c.idle > 0 {
		if err := c.conn.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
			return 0, err
		}
	}
	n, err := c.conn.Read(p)
	if n > 0 && c.heard != nil {
		c.heard.Store(time.Now().UnixNano())
	}
	return n, err
}

func (c *connection) write(b []byte, within time.Duration) (int, error) {
	if err := c.conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return 0, err
	}
	return c.conn.Write(b)
}

// close may be called more than once, from anywhere; it ends a read that waits.
func (c *connection) close() {
	c.once.Do(func() {
		close(c.closing)
		c.conn.Close()
		c.forget()
	})
}

// connect opens a connection and logs in, with or without events. Errors are faults.
func (u *Upstream) connect(ctx context.Context, events bool) (*connection, error) {
	secret, err := u.cfg.Secret()
	if err != nil {
		return nil, &fault{kind: refused, text: fmt.Sprintf("cannot read the secret of user %s for %s: %v", u.cfg.Username, u.cfg.Address, err)}
	}
	// The kernel notices a dead peer of an action connection, where no Ping runs.
	d := net.Dialer{Timeout: u.cfg.DialTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: u.cfg.PingEvery,
		Interval: u.cfg.PingEvery, Count: 2}}
	conn, err := d.DialContext(ctx, "tcp", u.cfg.Address)
	if err != nil {
		return nil, &fault{kind: unreachable, text: fmt.Sprintf("cannot connect to the Asterisk at %s: %s", u.cfg.Address, reason(err))}
	}
	local := plainAddrPort(localAddr(conn))
	u.own.add(local) // before anything is sent that an event may tell of
	c := &connection{conn: conn, closing: make(chan struct{}), forget: func() { u.own.remove(local) }}
	c.dec = ami.NewDecoder(c, ami.Client)
	stop := context.AfterFunc(ctx, c.close)
	defer stop()
	err = conn.SetDeadline(time.Now().Add(u.cfg.DialTimeout))
	if err == nil {
		err = u.greet(c)
	}
	if err == nil {
		err = u.login(c, secret, events)
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		c.close()
		var f *fault
		if !errors.As(err, &f) {
			err = &fault{kind: unreachable, text: fmt.Sprintf("the login at %s broke off: %s", u.cfg.Address, reason(err))}
		}
		return nil, err
	}
	return c, nil
}

// greet reads the banner.
func (u *Upstream) greet(c *connection) error {
	line, err := c.dec.Line()
	switch {
	case errors.Is(err, ami.ErrLineTooLong):
		return u.notAMI("it sends no line")
	case err != nil:
		return &fault{kind: unreachable, text: fmt.Sprintf("%s accepts connections but sends no banner (%s); is it an Asterisk manager, and its authlimit high enough?",
			u.cfg.Address, reason(err))}
	case !bytes.HasPrefix(line, []byte(bannerPrefix)) || !version.Match(line[len(bannerPrefix):]):
		return u.notAMI(fmt.Sprintf("it says %.60q", line))
	}
	c.banner = string(line[len(bannerPrefix):])
	return nil
}

func (u *Upstream) notAMI(detail string) error {
	return &fault{kind: garbage, detail: detail,
		text: fmt.Sprintf("the server at %s is not an Asterisk manager; check source.asterisk.address", u.cfg.Address)}
}

// login proves the secret by MD5 challenge. The secret itself is never sent, not even to a peer that refuses challenges: every
// Asterisk knows them, and anybody may listen at a port.
func (u *Upstream) login(c *connection, secret string, events bool) error {
	m, err := u.ask(c, ami.New("Action", "Challenge", "AuthType", "MD5"))
	if err != nil {
		return err
	}
	login := ami.New("Action", "Login", "Username", u.cfg.Username)
	switch challenge := m.Get("Challenge"); {
	case len(challenge) > 0:
		key := md5.Sum(append(bytes.Clone(challenge), secret...))
		login.Add("AuthType", "MD5").Add("Key", hex.EncodeToString(key[:]))
	case temporary(string(m.Get("Message"))):
		return u.refusal(string(m.Get("Message")))
	default:
		return &fault{kind: refused, detail: fmt.Sprintf("%.100q", m.Get("Message")), text: fmt.Sprintf(
			"the server at %s offers no MD5 challenge, and the secret is not sent in plain; check source.asterisk.address", u.cfg.Address)}
	}
	if !events {
		login.Add("Events", "off")
	}
	if m, err = u.ask(c, login); err != nil {
		return err
	}
	if string(m.Get("Response")) != "Success" {
		return u.refusal(string(m.Get("Message")))
	}
	return nil
}

// temporary tells the refusals of a Challenge that say nothing about challenges (ami/behaviour.md 3.2, 3.4).
func temporary(message string) bool {
	return message == "Asterisk is shutting down" || message == "Login Already In Use"
}

func (u *Upstream) refusal(message string) error {
	var text string
	switch message {
	case "Authentication failed":
		text = fmt.Sprintf("login refused: wrong username or secret for user %s at %s; check source.asterisk and the user's secret, deny, permit and acl in manager.conf",
			u.cfg.Username, u.cfg.Address)
	case "Login Already In Use":
		text = fmt.Sprintf("login refused: user %s is logged in at %s already; set allowmultiplelogin = yes in manager.conf", u.cfg.Username, u.cfg.Address)
	default:
		text = fmt.Sprintf("login refused for user %s at %s: %.100q", u.cfg.Username, u.cfg.Address, message)
	}
	return &fault{kind: refused, text: text}
}

// ask sends an action and waits for its answer. Before the login nothing else can come (ami/behaviour.md 5.13).
func (u *Upstream) ask(c *connection, action *ami.Message) (*ami.Message, error) {
	if _, err := c.conn.Write(action.Bytes()); err != nil {
		return nil, err
	}
	for {
		m, err := c.dec.Decode()
		switch {
		case errors.Is(err, ami.ErrMessageTooLong):
			return nil, u.notAMI("it sends no end of a message")
		case err != nil:
			return nil, err
		case m.Kind() == ami.KindResponse:
			return m, nil
		}
		u.count.strays.Add(1)
	}
}

func localAddr(conn net.Conn) netip.AddrPort {
	if a, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// reason is an error without the addresses of the socket, which change from try to try.
func reason(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, io.EOF):
		return "closed by the server"
	case errors.As(err, &dns):
		return dns.Error()
	case errors.As(err, &op) && op.Timeout():
		return "time-out"
	case errors.As(err, &op):
		return strings.TrimPrefix(op.Err.Error(), "connect: ")
	}
	return err.Error()
}
