package capture_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

// pipes is a listener in memory, so that tests can run on a fake clock.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p *pipes) dial(t testing.TB) *client {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return newClient(t, ours)
}

// serve serves cfg in memory until the returned stop is called, which waits for the end.
func serve(t testing.TB, cfg capture.Config) (*capture.Server, *pipes, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s, ln, ended := capture.NewServer(cfg), newPipes(), make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	return s, ln, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// client is a manager client that has read the banner.
type client struct {
	t    testing.TB
	conn net.Conn
	dec  *ami.Decoder
}

func newClient(t testing.TB, conn net.Conn) *client {
	c := &client{t, conn, ami.NewDecoder(conn, ami.Client)}
	if line, err := c.dec.Line(); err != nil || string(line) != "Asterisk Call Manager/11.0.0" {
		t.Errorf("banner %q, %v", line, err)
	}
	return c
}

// send sends an action given as "Name: value|Name: value".
func (c *client) send(action string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, strings.ReplaceAll(action, "|", "\r\n")+"\r\n\r\n"); err != nil {
		c.t.Errorf("send %s: %v", action, err)
	}
}

// next returns the next message in the form of send, "closed" at the end of the connection.
func (c *client) next() string {
	c.t.Helper()
	m, err := c.dec.Decode()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
		return "closed"
	}
	if err != nil {
		c.t.Errorf("read: %v", err)
		return "closed"
	}
	return form(m)
}

func form(m *ami.Message) string {
	return strings.TrimSuffix(strings.ReplaceAll(string(m.Bytes()), "\r\n", "|"), "||")
}

// want reads the next messages and compares them. A "*" at the end stands for any rest.
func (c *client) want(messages ...string) {
	c.t.Helper()
	for _, want := range messages {
		got := c.next()
		if head, open := strings.CutSuffix(want, "*"); got != want && !(open && strings.HasPrefix(got, head)) {
			c.t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// ask sends an action and compares what comes next.
func (c *client) ask(action string, want ...string) {
	c.t.Helper()
	c.send(action)
	c.want(want...)
}

func (c *client) login(events string) {
	c.t.Helper()
	c.ask("Action: Login|Username: Admin|Secret: secret|Events: "+events, accepted)
}

const (
	accepted   = "Response: Success|Message: Authentication accepted"
	fullBooted = "Event: FullyBooted|Privilege: system,all|Uptime: *"
)

// collect reads n messages and returns their bytes.
func (c *client) collect(n int) []byte {
	c.t.Helper()
	var out []byte
	for range n {
		m, err := c.dec.Decode()
		if err != nil {
			c.t.Errorf("after %d bytes: %v", len(out), err)
			break
		}
		out = append(out, m.Bytes()...)
	}
	return out
}

// until reads up to the event last, and returns the bytes of the events and the number of answers to Ping between them.
func (c *client) until(last []byte) (got []byte, pongs int) {
	c.t.Helper()
	for seen := false; !seen || pongs < 20; {
		m, err := c.dec.Decode()
		if err != nil {
			c.t.Errorf("after %d bytes: %v", len(got), err)
			break
		}
		if m.Has("Ping") {
			pongs++
			continue
		}
		got = append(got, m.Bytes()...)
		seen = bytes.Equal(m.Bytes(), last)
	}
	return got, pongs
}

// recorded returns the bytes of the events whose classes are all in mask.
func recorded(c *capture.Capture, mask ami.Class) (b []byte, n int) {
	for _, m := range c.Events() {
		if classes, _ := capture.Classes(m); classes&^mask == 0 {
			b = append(b, m.Bytes()...)
			n++
		}
	}
	return b, n
}

func same(t *testing.T, who string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes that are not the %d recorded ones", who, len(got), len(want))
	}
}
