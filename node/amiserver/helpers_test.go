package amiserver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

var (
	alpha = merge.Node{Site: "default", Name: "alpha"}
	bravo = merge.Node{Site: "default", Name: "bravo"}
)

const testUsers = `[general]
authlimit = 5000
[admin]
secret = secret
read = all
write = all
writetimeout = 10000
[readonly]
secret = secret
read = all
[limited]
secret = secret
read = call,user
write = originate,user
[nobody]
secret = secret
[sysonly]
secret = secret
read = system
write = system
[calls]
secret = secret
read = call
write = call,command,agent,reporting
[acl]
secret = secret
deny = 0.0.0.0/0
[here]
secret = secret
write = all
deny = 0.0.0.0/0
permit = 127.0.0.1
[filtered]
secret = secret
read = user
eventfilter = !UserEvent: hidden
nodes = alpha
[once]
secret = secret
allowmultiplelogin = no
[cluster]
secret = secret
read = all
lifecycle = all
[ids]
secret = secret
read = all
write = all
eventid = yes
writetimeout = 10000
[arrival]
secret = secret
read = all
eventid = yes
order = arrival
writetimeout = 10000
[stall]
secret = secret
read = all
[locked]
read = all
`

// fakeNode is a Backend; run, if set, is what Do does.
type fakeNode struct {
	owners   map[string][]merge.Node
	events   *stasis.Topic[merge.Event]
	run      func(ctx context.Context, c Caller, action *ami.Message, send func([]byte) error) error
	commands []ami.Action
	systems  map[merge.Node]string
	nodes    []NodeInfo
	stamped  bool // the node's Asterisk has timestampevents

	sourceless bool

	mu        sync.Mutex
	raised    []string
	reloads   int
	reloadErr error
}

func (f *fakeNode) Do(ctx context.Context, c Caller, action *ami.Message, send func([]byte) error) error {
	if f.run == nil {
		return errors.New("no such thing")
	}
	return f.run(ctx, c, action, send)
}

func (f *fakeNode) Raise(e *ami.Message) {
	f.mu.Lock()
	f.raised = append(f.raised, string(e.Get("Event")))
	f.mu.Unlock()
	out := &ami.Message{}
	for i := range e.Len() {
		out.AddLine(e.Line(i))
		if i == 1 && f.stamped {
			out.Add("Timestamp", "0.0")
		}
		if i == 1 {
			out.Add("SystemName", "alpha")
		}
	}
	f.publish(out.Bytes())
}

func (f *fakeNode) publish(texts ...[]byte) {
	events := make([]merge.Event, 0, len(texts))
	for _, text := range texts {
		events = append(events, event(alpha, text))
	}
	f.events.Publish(events...)
}

func (f *fakeNode) Started() (start, reload time.Time) {
	now := time.Now()
	return now.Add(-46500 * time.Millisecond), now.Add(-45500 * time.Millisecond)
}

func (f *fakeNode) Reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reloads++
	return f.reloadErr
}

func (f *fakeNode) reloaded() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reloads
}

func (f *fakeNode) HasSource() bool                { return !f.sourceless }
func (f *fakeNode) Banner() string                 { return "11.0.0" }
func (f *fakeNode) Commands() []ami.Action         { return f.commands }
func (f *fakeNode) SystemName(n merge.Node) string { return f.systems[n] }
func (f *fakeNode) Owners(channel bool, key []byte) ([]merge.Node, bool) {
	return f.owners[string(key)], !channel
}

func (f *fakeNode) Nodes() []NodeInfo { return slices.Clone(f.nodes) }

func event(node merge.Node, text []byte) merge.Event {
	m, err := ami.ParseMessage(text)
	if err != nil {
		panic(err)
	}
	class, _ := ami.ParsePrivilege(m.Get("Privilege"))
	e, err := wire.ParseEntry(wire.AppendEntry(nil, uint64(class), m.Get("Event"), nil, nil, text))
	if err != nil {
		panic(err)
	}
	return merge.Event{Node: &node, Entry: e}
}

// logs is a log that tests can read.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type fixture struct {
	*Server
	node   *fakeNode
	stream *fakeStream
	logs   *logs
	addr   string
}

// loadUsers reads a manager.conf.
func loadUsers(t testing.TB, text string) *config.Manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "manager.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	users, err := config.LoadManager(path, "")
	if err != nil {
		t.Fatal(err)
	}
	return users
}

// serveUsers is serve with a manager.conf of its own.
func serveUsers(t testing.TB, text string) *fixture {
	t.Helper()
	users := loadUsers(t, text)
	return serve(t, func(c *Config) { c.Users = func() *config.Manager { return users } })
}

// newFixture returns a server that does not listen. edit may change its configuration.
func newFixture(t testing.TB, edit func(*Config)) *fixture {
	t.Helper()
	users := loadUsers(t, testUsers)
	f := &fixture{node: &fakeNode{events: stasis.NewTopic[merge.Event]("merged")}, logs: &logs{}}
	f.stream = newFakeStream(f.node.events)
	c := Config{
		Log: slog.New(slog.NewTextHandler(f.logs, nil)), Users: func() *config.Manager { return users },
		Events: f.node.events, Arrived: f.stream.arrived, Source: f.stream, Backend: f.node, Node: alpha,
	}
	if edit != nil {
		edit(&c)
	}
	f.Server = New(c)
	return f
}

// serve starts listening; the test does not end before Serve has returned.
func serve(t testing.TB, edit func(*Config)) *fixture {
	t.Helper()
	f := newFixture(t, edit)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = ln.Addr().String()
	f.penalty = 10 * time.Millisecond // TestPenalty has the real one
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- f.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := f.Stats().Sessions; n != 0 {
			t.Errorf("%d sessions after Serve returned", n)
		}
		if n := f.node.events.Stats().Subscribers; n != 0 {
			f.node.publish([]byte("Event: X\r\nPrivilege: call,all\r\n\r\n"))
			if n := f.node.events.Stats().Subscribers; n != 0 {
				t.Errorf("%d subscriptions after Serve returned", n)
			}
		}
	})
	return f
}

// client is one scripted connection.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (f *fixture) dial(t testing.TB) *client {
	t.Helper()
	conn, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	return &client{t, conn, bufio.NewReader(conn)}
}

// say sends a message whose lines are given.
func (c *client) say(lines ...string) {
	c.t.Helper()
	if _, err := c.Write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n")); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) line() string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("read: %v (%q)", err, line)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// next reads one message, lines joined by "|".
func (c *client) next() string {
	c.t.Helper()
	var lines []string
	for {
		line := c.line()
		if line == "" {
			return strings.Join(lines, "|")
		}
		lines = append(lines, line)
	}
}

func (c *client) expect(want string) {
	c.t.Helper()
	if got := c.next(); got != want {
		c.t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// gone reads to the end of the stream, and wants nothing more on it.
func (c *client) gone() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Fatalf("want end of stream, got %q, %v", rest, err)
	}
}

// login logs in with the given further lines and reads up to the answer.
func (f *fixture) login(t testing.TB, user string, lines ...string) *client {
	t.Helper()
	c := f.dial(t)
	c.say(append([]string{"Action: Login", "Username: " + user, "Secret: secret"}, lines...)...)
	if got := c.line(); got != "Asterisk Call Manager/11.0.0" {
		t.Fatalf("banner %q", got)
	}
	c.expect("Response: Success|Message: Authentication accepted")
	return c
}

// quiet logs in with events off.
func (f *fixture) quiet(t testing.TB, user string) *client {
	t.Helper()
	return f.login(t, user, "Events: off")
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(time.Millisecond) // polls; nothing depends on how long it takes
	}
}

func userEvent(name string) []byte {
	return []byte("Event: UserEvent\r\nPrivilege: user,all\r\nSystemName: alpha\r\nUserEvent: " + name + "\r\n\r\n")
}
