package upstream_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
)

// An action of as many lines as Asterisk takes has no room for an ActionID of ours, and is sent without.
func TestActionOfManyLines(t *testing.T) {
	t.Parallel()
	a := newAsterisk(t, script{"updateconfig": echo, "getvar": echo})
	r := start(t, a.addr(), func(c *upstream.Config) { c.Pool = 1 }).waitUp(t)
	action := []string{"Action", "UpdateConfig"}
	for i := range ami.MaxHeaders - 1 {
		action = append(action, fmt.Sprintf("Line-%06d", i), "x")
	}
	for range 3 {
		got, err := r.do(t.Context(), action...)
		if err != nil || strings.Count(got, "Got: ") != ami.MaxHeaders || strings.Contains(got, "ActionID") {
			t.Fatalf("%v %q", err, got)
		}
		if _, err := r.do(t.Context(), "Action", "Getvar", "ActionID", "1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.do(t.Context(), append(action, "One", "more")...); !isNotExecuted(err) {
		t.Errorf("one line more gives %v", err)
	}
}

// An answer that is too large says so.
func TestAnswerTooLarge(t *testing.T) {
	t.Parallel()
	a := newAsterisk(t, script{"command": func(p *peer, m *ami.Message) {
		p.answer(m, "Success", "Output", strings.Repeat("x", ami.MaxMessage))
	}})
	r := start(t, a.addr()).waitUp(t)
	_, err := r.do(t.Context(), "Action", "Command")
	if err == nil || isNotExecuted(err) || !strings.Contains(err.Error(), "1048576 bytes") {
		t.Errorf("got %v", err)
	}
}

// Calls that take long (Originate without Async) delay nobody, however many there are; what was opened for them is closed again.
func TestManySlowActionsDelayNobody(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	a := newAsterisk(t, script{"getvar": echo, "originate": func(p *peer, m *ami.Message) { <-release; p.answer(m, "Success") }})
	r := start(t, a.addr()).waitUp(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer let()
	for range 20 {
		wg.Go(func() {
			if _, err := r.do(t.Context(), "Action", "Originate"); err != nil {
				t.Errorf("originate: %v", err)
			}
		})
	}
	eventually(t, "all are under way", func() bool { return r.Stats().Actions == 20 })
	if _, err := r.do(t.Context(), "Action", "Getvar"); err != nil {
		t.Errorf("beside them: %v", err)
	}
	let()
	wg.Wait()
	eventually(t, "the rest is closed", func() bool { s := r.Stats(); return s.Open == 4 && s.Idle == 4 })
	if s := r.Stats(); s.Desync+s.Unknown+s.Busy > 0 {
		t.Errorf("%+v", s)
	}
}

// The secret itself never goes over the wire, whatever the peer says to a Challenge.
func TestSecretIsNeverSent(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var heard strings.Builder
	addr := listen(t, func(conn net.Conn) {
		conn.Write([]byte("Asterisk Call Manager/11.0.0\r\n"))
		dec := ami.NewDecoder(conn, ami.Server)
		for {
			m, err := dec.Decode()
			if err != nil {
				return
			}
			mu.Lock()
			heard.Write(m.Bytes())
			mu.Unlock()
			say(conn, "Response: Error\nMessage: Must specify AuthType")
		}
	})
	r := start(t, addr, func(c *upstream.Config) { c.Secret = func() (string, error) { return "hunter2", nil } })
	eventually(t, "three tries", func() bool { return r.Stats().Refused >= 3 })
	mu.Lock()
	defer mu.Unlock()
	if strings.Contains(heard.String(), "hunter2") {
		t.Errorf("the peer heard the secret: %q", heard.String())
	}
	if log := r.log.String(); strings.Count(log, "offers no MD5 challenge") != 1 || strings.Contains(log, "hunter2") {
		t.Errorf("log: %s", log)
	}
}

// A version that could not stand in the banner for our own clients (ami/clients.md 1) is not AMI.
//
//ami:client 1
func TestOddBanner(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "11.0.0 beta", "11\r0", strings.Repeat("1", 500), "\xff"} {
		t.Run(fmt.Sprintf("%.10q", version), func(t *testing.T) {
			t.Parallel()
			addr := listen(t, func(conn net.Conn) {
				conn.Write([]byte("Asterisk Call Manager/" + version + "\r\n"))
				hold(conn)
			})
			r := start(t, addr)
			eventually(t, "two tries", func() bool { return r.Stats().Garbage >= 2 })
			if _, err := r.do(context.Background(), "Action", "Getvar"); !isNotExecuted(err) {
				t.Errorf("an action gives %v", err)
			}
		})
	}
}
