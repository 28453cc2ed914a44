package amiserver

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

// TestCapturedEvents: of all events that a witness saw, each recorded session sees those that Asterisk let it see, in the same order:
// by the rights of its user, by the mask of its login and those it asks for later, and by its filters. Security events are left out: they
// tell of the recorded logins. Elsewhere they are compared (TestSecurityEvents).
//
//ami:same 5.11 6.4 6.5 6.7 6.8 8.1 8.3 16.6
//ami:client 3
func TestCapturedEvents(t *testing.T) {
	t.Parallel()
	for scenario, witness := range map[string]string{
		"login-events-header": "alpha-events-on", "events-on-off": "alpha-driver", "many-sessions": "alpha-2", "permissions": "alpha-readonly",
		"filter-action": "alpha-driver",
	} {
		dir := filepath.Join(captures, scenario)
		seen, err := capture.OpenDir(dir, witness)
		if err != nil {
			t.Fatal(err)
		}
		instances, err := capture.Instances(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, instance := range instances {
			t.Run(scenario+"/"+instance, func(t *testing.T) {
				t.Parallel()
				c, err := capture.OpenDir(dir, instance)
				if err != nil {
					t.Fatal(err)
				}
				relive(t, c, seen)
			})
		}
	}
}

// relive runs the actions of a recorded session while the events of the witness happen, all in the order of their times.
func relive(t *testing.T, c, witness *capture.Capture) {
	type moment struct {
		at     time.Duration
		action bool
		text   []byte
	}
	var all []moment
	for _, m := range witness.Messages {
		if m.Kind == capture.Event && !aboutLogins(m.Text) {
			all = append(all, moment{witness.Start + m.At, false, m.Text.Bytes()})
		}
	}
	var want []string
	for _, m := range c.Messages {
		switch {
		case m.Kind == capture.Event && !aboutLogins(m.Text):
			want = append(want, string(m.Text.Bytes()))
		case m.Kind == capture.Answer && m.Action != nil:
			all = append(all, moment{c.Start + m.At, true, m.Action.Bytes()})
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return int(a.at - b.at) })

	// The recorded user may see more than ours of this name.
	f := serveUsers(t, strings.Replace(testUsers, "[calls]\nsecret = secret\nread = call\n", "[calls]\nsecret = secret\nread = call,cdr,dialplan\n", 1))
	f.node.run = recorded(t, nil, c.Scenario, c.Instance)
	s := &listener{client: f.dial(t)}
	s.line()
	behind := false // there are events that may not have been written
	for _, m := range all {
		if !m.action {
			f.node.publish(m.text)
			behind = true
			continue
		}
		if behind && f.Stats().LoggedIn > 0 {
			s.do(t, "Action: Ping\r\n\r\nAction: Ping\r\n\r\n", 2) // the second answer comes behind the events
		}
		behind = false
		s.do(t, string(m.text), 1)
	}
	diff(t, "event", s.events, want)
}

// aboutLogins: not what happened to calls, but to sessions.
func aboutLogins(m *ami.Message) bool {
	class, _ := ami.ParsePrivilege(m.Get("Privilege"))
	return class&ami.ClassSecurity != 0 || string(m.Get("Event")) == "FullyBooted"
}

// listener keeps the events that come.
type listener struct {
	*client
	events []string
}

func (l *listener) do(t *testing.T, actions string, answers int) {
	t.Helper()
	if _, err := io.WriteString(l, actions); err != nil {
		t.Fatal(err)
	}
	for answers > 0 {
		text := strings.ReplaceAll(l.next(), "|", "\r\n") + "\r\n\r\n"
		m, err := ami.ParseMessage([]byte(text))
		switch {
		case err != nil:
			t.Fatalf("%v in %q", err, text)
		case m.Kind() == ami.KindResponse:
			answers--
		case m.Has("Privilege") && !aboutLogins(m):
			l.events = append(l.events, text)
		}
	}
}

// TestCapturedStall: a client that stops reading gets a beginning of what the others get, and is cut, wherever in a message that is.
//
//ami:same 9.4
func TestCapturedStall(t *testing.T) {
	t.Parallel()
	healthy, err := capture.OpenDir(filepath.Join(captures, "stalled-client"), "alpha-healthy")
	if err != nil {
		t.Fatal(err)
	}
	var stream [][]byte
	for _, e := range healthy.Events() {
		if !aboutLogins(e) {
			stream = append(stream, e.Bytes())
		}
	}
	f := serve(t, nil)
	s := f.dial(t)
	if _, err := s.Write(gunzip(t, "stalled-client", "alpha-stalled.sent")); err != nil {
		t.Fatal(err)
	}
	until(t, "the login", func() bool { return f.Stats().LoggedIn == 1 })
	want := 0
	for deadline := time.Now().Add(20 * time.Second); f.Stats().Slow == 0; {
		if time.Now().After(deadline) {
			t.Fatal("it is not cut")
		}
		f.node.publish(stream...) // again and again: kernels differ in what they take
		want++
		time.Sleep(20 * time.Millisecond) // its queue must not overflow first
	}
	s.SetReadDeadline(time.Now().Add(20 * time.Second))
	got, err := io.ReadAll(s.r)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !isReset(err) {
		t.Fatal(err)
	}
	_, events, ok := strings.Cut(string(got), "SessionTV: ")
	_, events, ok2 := strings.Cut(events, "\r\n\r\n")
	var one strings.Builder
	for _, e := range stream {
		one.Write(e)
	}
	if all := strings.Repeat(one.String(), want); !ok || !ok2 || !strings.HasPrefix(all, events) || len(events) == len(all) {
		t.Errorf("it got %d bytes that are not the beginning of the %d of the stream", len(events), len(all))
	}
}

func isReset(err error) bool { return strings.Contains(err.Error(), "reset") }

// TestCapturedSilence: who never logs in gets the banner and, after authtimeout, the end, without a word.
//
//ami:same 1.7 5.14
func TestCapturedSilence(t *testing.T) {
	t.Parallel()
	want := gunzip(t, "login-timeout", "alpha.ami")
	if sent := gunzip(t, "login-timeout", "alpha.sent"); len(sent) > 0 {
		t.Fatalf("it sends %q", sent)
	}
	synctest.Test(t, func(t *testing.T) {
		f, start := newFixture(t, nil), time.Now()
		c := f.pipe(t)
		if got, err := io.ReadAll(c.r); err != nil || string(got) != string(want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if d := time.Since(start); d != 30*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}
