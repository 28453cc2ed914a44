package upstream_test

import (
	"net"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
)

func TestLinkUp(t *testing.T) {
	t.Parallel()
	r := start(t, newAsterisk(t, nil).addr()).waitUp(t)
	want := upstream.Info{Banner: "11.0.0", SystemName: "alpha", AsteriskVersion: "22.10.1", Commands: []upstream.Command{
		{Name: "Hangup", Synopsis: "Hangup channel.", Class: ami.ClassSystem | ami.ClassCall},
		{Name: "Ping", Synopsis: "Keepalive command."},
		{Name: "New", Synopsis: "Of a class (to come).", Class: ami.ClassSystem},
	}}
	if got := r.Info(); !reflect.DeepEqual(got, want) {
		t.Errorf("info %+v, want %+v", got, want)
	}
}

// TestEventsInOrderOwnOnesConsumed: events come in the order of the wire, without those that our own logins caused.
//
//ami:na 9.2 it happens in the Asterisk; events are passed on in the order in which it wrote them
//ami:na 9.6 that queue is in the Asterisk
func TestEventsInOrderOwnOnesConsumed(t *testing.T) {
	t.Parallel()
	a := newAsterisk(t, map[string]func(*peer, *ami.Message){"corestatus": func(p *peer, m *ami.Message) { p.answer(m, "Success") }})
	r := start(t, a.addr()).waitUp(t)
	const n = 1000
	for i := range n {
		a.raise("Event", "UserEvent", "Privilege", "user,all", "N", strconv.Itoa(i))
	}
	if _, err := r.do(t.Context(), "Action", "CoreStatus"); err != nil { // an action connection logs in: SuccessfulAuth of ours
		t.Fatal(err)
	}
	a.raise("Event", "SuccessfulAuth", "Privilege", "security,all", "RemoteAddress", "IPV4/TCP/192.0.2.7/4711") // somebody else's
	a.raise("Event", "FullyBooted", "Privilege", "system,all", "Status", "Fully Booted", "Uptime", "1", "LastReload", "1")
	a.raise("Event", "End")
	eventually(t, "the last event comes", func() bool { s := r.seen(); return len(s) > 0 && s[len(s)-1] == "End" })
	got := r.seen()
	for i := range n {
		if got[i] != "UserEvent"+strconv.Itoa(i) {
			t.Fatalf("event %d is %s", i, got[i])
		}
	}
	if tail := strings.Join(got[n:], " "); tail != "SuccessfulAuth FullyBooted End" {
		t.Errorf("after the user events: %s", tail)
	}
	if s := r.Stats(); s.Consumed != 3 { // FullyBooted, SuccessfulAuth of two sockets
		t.Errorf("%d events consumed, want 3", s.Consumed)
	}
}

func TestFullyBootedBroadcast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, event string
		consumed    uint64
	}{
		{"of 22 with name", "Event: FullyBooted\nPrivilege: system,all\nSystemName: bravo\nStatus: Fully Booted\nUptime: 0\nLastReload: 0", 0},
		{"of 22 without name", "Event: FullyBooted\nPrivilege: system,all\nStatus: Fully Booted\nUptime: 0\nLastReload: 0", 0},
		{"own of 22", "Event: FullyBooted\nPrivilege: system,all\nUptime: 0\nLastReload: 0\nStatus: Fully Booted", 1},
		{"own of 12", "Event: FullyBooted\nPrivilege: system,all\nStatus: Fully Booted", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			peers := make(chan net.Conn, 1)
			addr := listen(t, func(conn net.Conn) {
				greet(conn)
				peers <- conn
				say(conn, c.event)
				say(conn, c.event) // a second one is never ours
				say(conn, "Response: Success\nActionID: amibus-commands")
				hold(conn)
			})
			r := start(t, addr).waitUp(t)
			if got := r.Stats().Consumed; got != c.consumed {
				t.Errorf("%d consumed, want %d", got, c.consumed)
			}
			if got := len(r.seen()); got != 2-int(c.consumed) {
				t.Errorf("%d handed on, want %d", got, 2-int(c.consumed))
			}
		})
	}
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	a := newAsterisk(t, nil)
	r := start(t, a.addr()).waitUp(t)
	for i := range 3 {
		a.raise("Event", "Before", "N", strconv.Itoa(i))
		eventually(t, "the event comes", func() bool { return len(r.seen()) == i+1 })
		a.drop()
		eventually(t, "the link comes up again", func() bool { return r.Stats().Links == uint64(i+2) && r.Up() })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, up := range r.links {
		if up != (i%2 == 0) {
			t.Fatalf("link told %v", r.links)
		}
	}
}

func TestBadSecret(t *testing.T) {
	t.Parallel()
	a := newAsterisk(t, nil)
	var right atomic.Bool
	r := start(t, a.addr(), func(c *upstream.Config) {
		c.Secret = func() (string, error) {
			if right.Load() {
				return "secret", nil
			}
			return "wrong-one", nil
		}
	})
	eventually(t, "five refusals", func() bool { return r.Stats().Refused >= 5 })
	if n := strings.Count(r.log.String(), "wrong username or secret for user amibus at "+a.addr()); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, r.log.String())
	}
	right.Store(true)
	r.waitUp(t)
	if log := r.log.String(); !strings.Contains(log, "failed_tries=") || strings.Contains(log, "wrong-one") {
		t.Errorf("log does not count the tries, or holds the secret:\n%s", log)
	}
}

func TestGarbagePeers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		serve func(net.Conn)
		text  string
		count func(upstream.Stats) uint64
	}{
		"http":       {func(c net.Conn) { c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, "is not an Asterisk manager", garbage},
		"no newline": {func(c net.Conn) { c.Write(make([]byte, 3<<20)); hold(c) }, "is not an Asterisk manager", garbage},
		"endless message": {func(c net.Conn) {
			c.Write([]byte("Asterisk Call Manager/11.0.0\r\n"))
			c.Write([]byte(strings.Repeat("Header: value\r\n", 100_000)))
			hold(c)
		}, "is not an Asterisk manager", garbage},
		"closes":       {func(c net.Conn) {}, "sends no banner", unreachable},
		"says nothing": {hold, "sends no banner", unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait := 5 * time.Second
			if name == "says nothing" {
				wait = 50 * time.Millisecond
			}
			addr := listen(t, c.serve)
			r := start(t, addr, func(c *upstream.Config) { c.DialTimeout = wait })
			eventually(t, "three tries", func() bool { return c.count(r.Stats()) >= 3 })
			if n := strings.Count(r.log.String(), c.text); n != 1 {
				t.Errorf("logged %d times, want once:\n%s", n, r.log.String())
			}
			if _, err := r.do(t.Context(), "Action", "CoreStatus"); !isNotExecuted(err) {
				t.Errorf("an action gives %v", err)
			}
		})
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	denied := func(p *peer, m *ami.Message) { p.answer(m, "Error", "Message", "Permission denied") }
	a := newAsterisk(t, map[string]func(*peer, *ami.Message){"hangup": denied, "redirect": denied})
	a.silent = true
	r := start(t, a.addr()).waitUp(t)
	for range 3 {
		for _, name := range []string{"Hangup", "Redirect"} {
			if _, err := r.do(t.Context(), "Action", name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if lacking := r.Rights(); len(lacking) != 2 {
		t.Errorf("Rights() = %q, want both", lacking)
	}
	for _, text := range []string{"set read = all", "set write = all"} {
		if n := strings.Count(r.log.String(), text); n != 1 {
			t.Errorf("%q logged %d times, want once:\n%s", text, n, r.log.String())
		}
	}
}

func TestSilentLinkIsReplaced(t *testing.T) {
	t.Parallel()
	var silent atomic.Bool
	silent.Store(true)
	addr := listen(t, func(conn net.Conn) {
		greet(conn)
		say(conn, "Response: Success\nActionID: amibus-commands")
		dec := ami.NewDecoder(conn, ami.Server)
		for {
			m, err := dec.Decode()
			if err != nil {
				return
			}
			if string(m.Get("Action")) == "Ping" && !silent.Load() {
				say(conn, "Response: Success\nActionID: "+string(m.Get("ActionID"))+"\nPing: Pong")
			}
		}
	})
	r := start(t, addr, func(c *upstream.Config) { c.PingEvery, c.DialTimeout = 20*time.Millisecond, 100*time.Millisecond })
	eventually(t, "a silent link is given up", func() bool { return r.Stats().Lost >= 2 })
	silent.Store(false)
	r.waitUp(t)
	lost := r.Stats().Lost
	wait := time.NewTimer(400 * time.Millisecond) // well beyond two Pings and the slack
	<-wait.C
	if got := r.Stats().Lost; got > lost+1 {
		t.Errorf("a link that answers Pings was given up: %d lost, then %d", lost, got)
	}
}

// isNotExecuted asks an error as a caller in another package does.
func isNotExecuted(err error) bool {
	for ; err != nil; err = unwrap(err) {
		if n, ok := err.(interface{ NotExecuted() bool }); ok {
			return n.NotExecuted()
		}
	}
	return false
}

func unwrap(err error) error {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return e.Unwrap()
	case interface{ Unwrap() []error }:
		return e.Unwrap()[0]
	}
	return nil
}

func garbage(s upstream.Stats) uint64     { return s.Garbage }
func unreachable(s upstream.Stats) uint64 { return s.Unreachable }

// listen serves each connection with fn until the end of the test.
func listen(t testing.TB, fn func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() { defer conn.Close(); fn(conn) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return ln.Addr().String()
}

// greet lets a client log in, whatever it says.
func greet(conn net.Conn) {
	conn.Write([]byte("Asterisk Call Manager/11.0.0\r\n"))
	dec := ami.NewDecoder(conn, ami.Server)
	dec.Decode()
	say(conn, "Response: Success\nChallenge: 1")
	dec.Decode()
	say(conn, "Response: Success\nMessage: Authentication accepted")
}

func say(conn net.Conn, lines string) {
	conn.Write([]byte(strings.ReplaceAll(lines, "\n", "\r\n") + "\r\n\r\n"))
}

// hold keeps a connection open until the other side closes it.
func hold(conn net.Conn) {
	buf := make([]byte, 1024)
	for {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}
