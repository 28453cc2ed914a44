package amiserver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// TestWaitEvent: it ends by an event the session sees, by input, whole or not, and by time; then events, then WaitEventComplete.
//
//ami:same 10.2
func TestWaitEvent(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	const success = "Response: Success|ActionID: w|Message: Waiting for Event completed."
	const complete = "Event: WaitEventComplete|ActionID: w"
	c := f.login(t, "limited") // call and user
	c.say("Action: WaitEvent", "ActionID: w")
	c.say("Action: Ping", "ActionID: p")
	c.expect(success)
	c.expect(complete)
	if got := c.next(); got[:len("Response: Success|ActionID: p|Ping: Pong|")] != "Response: Success|ActionID: p|Ping: Pong|" {
		t.Fatal(got)
	}

	c.say("Action: WaitEvent", "ActionID: w", "Timeout: 0")
	c.expect(success)
	c.expect(complete)

	c.say("Action: WaitEvent", "ActionID: w", "Timeout: -1")
	until(t, "the session waits", func() bool { return f.Stats().Actions >= 5 })
	f.node.publish([]byte("Event: Cdr\r\nPrivilege: cdr,all\r\n\r\n"), userEvent("a"), userEvent("b"))
	c.expect(success)
	c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: a")
	c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: b")
	c.expect(complete)

	c.say("Action: WaitEvent", "ActionID: w")
	until(t, "the session waits", func() bool { return f.Stats().Actions >= 6 })
	if _, err := c.Write([]byte("Action: Ping\r\n")); err != nil {
		t.Fatal(err)
	}
	c.expect(success)
	c.expect(complete)
	c.say("ActionID: half")
	if got := c.next(); got[:len("Response: Success|ActionID: half|")] != "Response: Success|ActionID: half|" {
		t.Fatal(got)
	}
	began := time.Now()
	c.say("Action: WaitEvent", "ActionID: w", "Timeout: 0x1")
	c.expect(success)
	if waited := time.Since(began); waited < time.Second {
		t.Errorf("waited %v", waited)
	}
	c.expect(complete)
}

// TestWaitTimeout: the time-out is read like a C integer.
//
//ami:same 10.1
func TestWaitTimeout(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"": -1, "x": -1, "5": 5, " 7s": 7, "0x10": 16, "010": 8, "09": 0, "-1": -1, "-77": -1, "0x": 0, "+3": 3, "0": 0, "-": -1,
		"99999999999999999999": maxWait, "-99999999999999999999": -1, "0xg": 0,
	} {
		if got := waitTimeout(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// TestSuppressEvents: what was queued when an action with SuppressEvents came waits for the next opportunity: another action, or an event.
//
//ami:same 3.10
func TestSuppressEvents(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	c := f.login(t, "limited")
	f.node.run = func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		f.node.publish(userEvent(string(action.Get("ActionID")))) // while the action runs, so before its answer
		return send([]byte("Response: Success\r\n\r\n"))
	}
	c.say("Action: Originate", "ActionID: 1", "SuppressEvents: x")
	c.expect("Response: Success")
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if b, err := c.r.ReadByte(); err == nil {
		t.Fatalf("read %q", b)
	}
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	c.say("Action: Originate", "ActionID: 2", "SuppressEvents:")
	for _, want := range []string{"Response: Success", "1", "2"} {
		if len(want) == 1 {
			want = "Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: " + want
		}
		c.expect(want)
	}
	c.say("Action: Originate", "ActionID: 3", "SuppressEvents: x")
	c.expect("Response: Success")
	f.node.publish(userEvent("4"))
	c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: 3")
	c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: 4")
}

// TestSuppressEventsInReplay: SuppressEvents holds up no replay: what was fetched while the action ran comes, though nothing else happens.
func TestSuppressEventsInReplay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		fetch := make(chan struct{})
		f.stream.fetching = func() { <-fetch }
		f.stream.say(alpha, "one")
		f.stream.say(alpha, "two")
		f.node.run = func(_ context.Context, _ Caller, _ *ami.Message, send func([]byte) error) error {
			close(fetch)
			time.Sleep(time.Millisecond) // until nothing else can be done: the replay has something
			return send([]byte("Response: Success\r\n\r\n"))
		}
		c := f.pipe(t)
		c.line()
		c.say("Action: Login", "Username: ids", "Secret: secret", "Events: user", "ResumeFrom: default/alpha/7/0")
		c.expect("Response: Success|Message: Authentication accepted")
		c.say("Action: Originate", "SuppressEvents: x")
		c.expect("Response: Success")
		c.SetReadDeadline(time.Now().Add(time.Second))
		c.expectEvent(said("one", "default/alpha/7/1"))
		c.expectEvent(said("two", "default/alpha/7/2"))
	})
}

// TestSuppressEventsAtOverflow: a session whose queue overflows while an action with SuppressEvents runs has ended, and is told so at once.
func TestSuppressEventsAtOverflow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.QueueLen = 4 })
		f.node.run = func(_ context.Context, _ Caller, _ *ami.Message, send func([]byte) error) error {
			for range 10 {
				f.node.publish(userEvent("x"))
			}
			return send([]byte("Response: Success\r\n\r\n"))
		}
		c := f.pipeLogin(t, "admin")
		synctest.Wait()
		c.say("Action: Originate", "SuppressEvents: x")
		c.expect("Response: Success")
		synctest.Wait()
		if s := f.Stats(); s.Overflows != 1 || s.LoggedIn != 0 {
			t.Errorf("%+v", s)
		}
		c.gone()
	})
}
