package amiserver

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// brokenListener fails a few times, then for good.
type brokenListener struct {
	failures int
	closed   atomic.Bool
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if l.failures--; l.failures < 0 {
		return nil, net.ErrClosed
	}
	return nil, errors.New("too many open files")
}
func (l *brokenListener) Close() error   { l.closed.Store(true); return nil }
func (l *brokenListener) Addr() net.Addr { return &net.TCPAddr{} }

// Accept errors are waited out, longer each time.
func TestAcceptErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, start, ln := newFixture(t, nil), time.Now(), &brokenListener{failures: 4}
		if err := f.Serve(t.Context(), ln); !errors.Is(err, net.ErrClosed) || !ln.closed.Load() {
			t.Errorf("Serve: %v", err)
		}
		if d := time.Since(start); d != (5+10+20+40)*time.Millisecond {
			t.Errorf("waited %v", d)
		}
		f.node.run = nil
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := f.Serve(ctx, &brokenListener{failures: 1e6}); err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := strings.Count(f.logs.String(), "cannot accept"); n > 4+9+60 {
			t.Errorf("%d log lines in a minute", n)
		}
	})
}

// A connection over authlimit is closed without a byte; a login makes room for the next.
//
//ami:same 1.3
func TestAuthLimit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "manager.conf")
	if err := os.WriteFile(path, []byte("[general]\nauthlimit=1\n[admin]\nsecret=secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	users, err := config.LoadManager(path, "")
	if err != nil {
		t.Fatal(err)
	}
	f := serve(t, func(c *Config) { c.Users = func() *config.Manager { return users } })
	first := f.dial(t)
	first.line()
	f.dial(t).gone()
	first.say("Action: Login", "Username: admin", "Secret: secret")
	first.next()
	f.quiet(t, "admin")
	if s := f.Stats(); s.Refused != 1 || s.Sessions != 2 || s.LoggedIn != 2 || s.Logins != 2 {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(f.logs.String(), "authlimit") {
		t.Errorf("log: %s", f.logs)
	}
}

// pipeListener gives out the connections it is sent.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// Serve ends at once, whatever its sessions are doing: idle, waiting for a penalty, or in the middle of an action.
//
//ami:same 1.7 17.1
//ami:na 17.2 there is no such command; a session ends as here when its node stops
func TestShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, ln := newFixture(t, nil), &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		f.node.run = func(ctx context.Context, _ Caller, _ *ami.Message, _ func([]byte) error) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- f.Serve(ctx, ln) }()
		for _, script := range []string{
			"", "Action: Login\r\nUsername: admin\r\n\r\n",
			"Action: Login\r\nUsername: admin\r\nSecret: secret\r\n\r\nAction: CoreStatus\r\n\r\n",
		} {
			ours, theirs := net.Pipe()
			ln.conns <- theirs
			go io.Copy(io.Discard, ours)
			io.WriteString(ours, script)
		}
		synctest.Wait()
		if s := f.Stats(); s.Sessions != 3 || s.LoggedIn != 1 {
			t.Errorf("before: %+v", s)
		}
		start := time.Now()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("Serve took %v to end", d)
		}
		if s := f.Stats(); s.Sessions != 0 || s.LoggedIn != 0 {
			t.Errorf("after: %+v", s)
		}
	})
}
