package upstream_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
)

// asterisk is a scripted Asterisk: it logs in, answers the start-up queries and Ping, and raises SuccessfulAuth as a real one does;
// on answers everything else.
type asterisk struct {
	t      testing.TB
	ln     net.Listener
	secret string
	silent bool // sends no FullyBooted after a login
	system string
	on     map[string]func(c *peer, a *ami.Message) // by lower-case action name

	mu     sync.Mutex
	peers  []*peer
	logins int
}

// peer is one connection as the asterisk sees it.
type peer struct {
	net.Conn
	a      *asterisk
	mu     sync.Mutex
	events bool
}

func newAsterisk(t testing.TB, on map[string]func(c *peer, a *ami.Message)) *asterisk {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &asterisk{t: t, ln: ln, secret: "secret", system: "alpha", on: on}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			p := &peer{Conn: conn, a: a}
			a.mu.Lock()
			a.peers = append(a.peers, p)
			a.mu.Unlock()
			wg.Go(p.serve)
		}
	})
	t.Cleanup(func() { ln.Close(); a.drop(); wg.Wait() })
	return a
}

func (a *asterisk) addr() string { return a.ln.Addr().String() }

// drop closes every connection.
func (a *asterisk) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.peers {
		p.Close()
	}
	a.peers = nil
}

// raise sends an event to every connection that wants events.
func (a *asterisk) raise(pairs ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.peers {
		p.mu.Lock()
		if p.events {
			p.Write(ami.New(pairs...).Bytes())
		}
		p.mu.Unlock()
	}
}

func (a *asterisk) loggedIn() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logins
}

// say sends a message as it is: lines joined by LF in the source become CRLF.
func (p *peer) say(lines string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Write([]byte(strings.ReplaceAll(lines, "\n", "\r\n") + "\r\n\r\n"))
}

// answer sends "Response: kind", the ActionID of the action if it has one, and more headers.
func (p *peer) answer(a *ami.Message, kind string, pairs ...string) {
	m := ami.New("Response", kind)
	if id := a.Get("ActionID"); len(id) > 0 {
		m.Add("ActionID", string(id))
	}
	for i := 0; i < len(pairs); i += 2 {
		m.Add(pairs[i], pairs[i+1])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Write(m.Bytes())
}

func (p *peer) serve() {
	defer p.Close()
	p.Write([]byte("Asterisk Call Manager/11.0.0\r\n"))
	dec := ami.NewDecoder(p, ami.Server)
	for {
		m, err := dec.Decode()
		if err != nil {
			return
		}
		m = m.Clone()
		switch name := strings.ToLower(string(m.Get("Action"))); name {
		case "challenge":
			p.answer(m, "Success", "Challenge", "123456789")
		case "login":
			if !p.login(m) {
				return
			}
		case "coresettings":
			p.answer(m, "Success", "AMIversion", "11.0.0", "AsteriskVersion", "22.10.1", "SystemName", p.a.system)
		case "listcommands":
			p.answer(m, "Success", "Hangup", "Hangup channel.  (Priv: system,call,all)", "Ping", "Keepalive command.  (Priv: <none>)",
				"New", "Of a class (to come).  (Priv: novel,all)")
		case "ping":
			p.answer(m, "Success", "Ping", "Pong", "Timestamp", "1795398168.273943")
		default:
			if f := p.a.on[name]; f != nil {
				f(p, m)
				continue
			}
			p.answer(m, "Error", "Message", "Invalid/unknown command: "+name)
		}
	}
}

func (p *peer) login(m *ami.Message) bool {
	a := p.a
	sum := md5.Sum([]byte("123456789" + a.secret))
	if string(m.Get("Username")) != "amibus" || string(m.Get("Key")) != hex.EncodeToString(sum[:]) {
		p.answer(m, "Error", "Message", "Authentication failed")
		return false
	}
	p.answer(m, "Success", "Message", "Authentication accepted")
	events := string(m.Get("Events")) != "off"
	p.mu.Lock()
	if events && !a.silent {
		p.Write([]byte("Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 46\r\nLastReload: 46\r\nStatus: Fully Booted\r\n\r\n"))
	}
	p.events = events
	p.mu.Unlock()
	a.mu.Lock()
	a.logins++
	a.mu.Unlock()
	addr := p.RemoteAddr().(*net.TCPAddr).AddrPort()
	a.raise("Event", "SuccessfulAuth", "Privilege", "security,all", "AccountID", "amibus",
		"RemoteAddress", fmt.Sprintf("IPV4/TCP/%s/%d", addr.Addr(), addr.Port()))
	return true
}

// list answers with n items as a real Asterisk does.
func list(n int) func(p *peer, a *ami.Message) {
	return func(p *peer, a *ami.Message) {
		id := string(a.Get("ActionID"))
		p.answer(a, "Success", "EventList", "start", "Message", "Channels will follow")
		for i := range n {
			p.say(fmt.Sprintf("Event: CoreShowChannel\nActionID: %s\nChannel: PJSIP/%d", id, i))
		}
		p.say(fmt.Sprintf("Event: CoreShowChannelsComplete\nActionID: %s\nEventList: Complete\nListItems: %d", id, n))
	}
}

// rig is an Upstream under test and what it said.
type rig struct {
	*upstream.Upstream
	mu     sync.Mutex
	events []string // names, or Name/RemoteAddress for security events
	links  []bool
	log    lockedBuffer
}

// start runs an Upstream with short times against addr until the end of the test.
func start(t testing.TB, addr string, tweak ...func(*upstream.Config)) *rig {
	t.Helper()
	r := &rig{}
	cfg := upstream.Config{
		Address: addr, Username: "amibus", Secret: func() (string, error) { return "secret", nil },
		Event: func(m *ami.Message) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, string(m.Get("Event"))+string(m.Get("N")))
		},
		Link: func(up bool, _ upstream.Info) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.links = append(r.links, up)
		},
		Log:         slog.New(slog.NewTextHandler(&r.log, nil)),
		DialTimeout: 2 * time.Second, PingEvery: time.Second, BackoffMin: 5 * time.Millisecond, BackoffMax: 40 * time.Millisecond,
		ActionTimeout: 5 * time.Second,
	}
	for _, f := range tweak {
		f(&cfg)
	}
	r.Upstream = upstream.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run returned %v", err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Run does not end")
		}
	})
	return r
}

func (r *rig) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// eventually waits for a condition, polling.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}

func (r *rig) waitUp(t testing.TB) *rig {
	t.Helper()
	eventually(t, "the link comes up", r.Up)
	return r
}

// do runs an action and returns the whole answer.
func (r *rig) do(ctx context.Context, pairs ...string) (string, error) {
	var out bytes.Buffer
	err := r.Do(ctx, ami.New(pairs...), func(m *ami.Message) error {
		out.Write(m.Bytes())
		return nil
	})
	return out.String(), err
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
