package amiserver

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// pipe serves one connection inside a synctest bubble.
func (f *fixture) pipe(t *testing.T) *client {
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.serveConn(ctx, nil, theirs)
	}()
	t.Cleanup(func() {
		cancel()
		ours.Close()
		<-done
	})
	return &client{t, ours, bufio.NewReader(ours)}
}

func (f *fixture) pipeLogin(t *testing.T, user string) *client {
	c := f.pipe(t)
	c.line()
	c.say("Action: Login", "Username: "+user, "Secret: secret", "Events: user")
	c.expect("Response: Success|Message: Authentication accepted")
	return c
}

// Nobody may sit there without logging in, not even talking (ami/behaviour.md 5.14).
//
//ami:same 1.7 3.3 5.14
func TestAuthTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, start := newFixture(t, nil), time.Now()
		c := f.pipe(t)
		c.line()
		time.Sleep(20 * time.Second)
		c.say("Action: Ping")
		c.expect("Response: Error|Message: Permission denied")
		c.gone()
		if d := time.Since(start); d != 30*time.Second {
			t.Errorf("closed after %v", d)
		}
		in := f.pipeLogin(t, "admin")
		time.Sleep(time.Hour)
		in.say("Action: Events", "EventMask: off")
		in.expect("Response: Success|Events: Off")
	})
}

// A failed login waits; it holds up nobody else, and is the last on its connection.
//
//ami:same 1.6 5.7
func TestPenalty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, start := newFixture(t, nil), time.Now()
		bad := f.pipe(t)
		bad.line()
		bad.say("Action: Login", "Username: admin", "Secret: wrong", "ActionID: 1")
		f.pipeLogin(t, "admin")
		if d := time.Since(start); d != 0 {
			t.Errorf("another login took %v", d)
		}
		bad.expect("Response: Error|ActionID: 1|Message: Authentication failed")
		if d := time.Since(start); d != time.Second {
			t.Errorf("the answer took %v", d)
		}
		bad.gone()
	})
}

// However long it takes to find out that a login is wrong, the refusal comes at the same time: what was computed does not show.
func TestPenaltyHidesWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		work, start := time.Duration(0), time.Time{}
		f := newFixture(t, func(c *Config) {
			users := c.Users
			c.Users = func() *config.Manager {
				time.Sleep(work)
				return users()
			}
		})
		c := f.pipe(t)
		c.line()
		work, start = 300*time.Millisecond, time.Now()
		c.say("Action: Login", "Username: admin", "Secret: wrong")
		c.expect("Response: Error|Message: Authentication failed")
		if d := time.Since(start) - work; d != time.Second { // once before, to find out whether the name is in use
			t.Errorf("the answer took %v", d)
		}
	})
}

// allowmultiplelogin = no (ami/behaviour.md 3.4).
//
//ami:same 3.4
func TestLoginAlreadyInUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		first := f.pipeLogin(t, "once")
		for _, action := range []string{"Login", "Challenge"} {
			second, start := f.pipe(t), time.Now()
			second.line()
			second.say("Action: "+action, "Username: ONCE", "Secret: secret", "AuthType: MD5")
			second.expect("Response: Error|Message: Login Already In Use")
			second.gone()
			if d := time.Since(start); d != time.Second {
				t.Errorf("the answer took %v", d)
			}
		}
		first.Close()
		synctest.Wait()
		f.pipeLogin(t, "once")
	})
}

// Events wait for a running action, but not for ever; the answer is contiguous all the same.
//
//ami:differs 1.6 when an action takes more than a second events flow again, so that a synchronous Originate starves nobody
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, start := newFixture(t, nil), time.Now()
		f.node.run = func(_ context.Context, _ Caller, _ *ami.Message, send func([]byte) error) error {
			send([]byte("Response: Success\r\n"))
			time.Sleep(10 * time.Second)
			f.node.publish(userEvent("late"))
			return send([]byte("Message: Originate successfully queued\r\n\r\n"))
		}
		c := f.pipeLogin(t, "admin")
		c.say("Action: Originate")
		synctest.Wait()
		f.node.publish(userEvent("early"))
		c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: early")
		if d := time.Since(start); d != patience {
			t.Errorf("the event waited %v", d)
		}
		f.node.publish(userEvent("middle"))
		c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: middle")
		if d := time.Since(start); d != patience {
			t.Errorf("the next event waited till %v", d)
		}
		c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: late")
		c.expect("Response: Success|Message: Originate successfully queued")
	})
}

// A client that takes nothing is cut after its writetimeout, also in the middle of an action, whose context ends.
//
//ami:same 1.7 9.4
//ami:differs 9.3 within writetimeout the socket must take something, and within 10 s (or writetimeout, if longer) all of a piece
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, start := newFixture(t, nil), time.Now()
		var took time.Duration
		f.node.run = func(ctx context.Context, _ Caller, _ *ami.Message, _ func([]byte) error) error {
			<-ctx.Done()
			took = time.Since(start)
			return ctx.Err()
		}
		c := f.pipeLogin(t, "stall")
		c.say("Action: Ping")
		c.next()
		synctest.Wait()
		f.node.publish(userEvent("unread"))
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		if f.Stats().Slow != 0 {
			t.Error("cut too early")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if s := f.Stats(); s.Slow != 1 || s.Sessions != 0 {
			t.Errorf("not cut: %+v", s)
		}

		start = time.Now()
		c = f.pipeLogin(t, "admin")
		c.say("Action: CoreStatus")
		synctest.Wait()
		f.node.publish(userEvent("unread"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if f.Stats().Slow != 2 || took != patience+10*time.Second {
			t.Errorf("cut %d, the action ended after %v", f.Stats().Slow, took)
		}
	})
}

// Not logged in, nobody can flood the cluster with security events.
//
//ami:differs 3.1 3.3 of who is not logged in, 20 refused requests a connection and 200 a second in all raise a security event: each goes to the whole cluster
func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		c := f.pipe(t)
		c.line()
		go io.WriteString(c.Conn, strings.Repeat("\r\n", 1000))
		for range 1000 {
			c.expect("Response: Error|Message: Missing action in request")
		}
		if n := len(f.node.raised); n != maxReports {
			t.Errorf("%d events raised", n)
		}
	})
}

// Nor by coming back again and again; what is not reported is counted.
func TestReportsOfAllAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		flood := func() {
			for range 30 {
				c := f.pipe(t)
				c.line()
				go io.WriteString(c.Conn, strings.Repeat("Action: Ping\r\n\r\n", maxReports))
				for range maxReports {
					c.expect("Response: Error|Message: Permission denied")
				}
				c.Close()
				synctest.Wait()
			}
		}
		flood()
		time.Sleep(time.Second)
		flood()
		if n := len(f.node.raised); n != 2*maxReportsPerSecond {
			t.Errorf("%d events raised", n)
		}
		if n := f.Stats().Unreported; n != 2*30*maxReports-2*maxReportsPerSecond {
			t.Errorf("%d counted as not reported", n)
		}
	})
}

// A client that takes its answer by drops holds up the action for a bounded time only: what runs it serves others, too.
func TestDripReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, start := newFixture(t, nil), time.Now()
		held := make(chan time.Duration, 1)
		f.node.run = func(_ context.Context, _ Caller, _ *ami.Message, send func([]byte) error) error {
			defer func() { held <- time.Since(start) }()
			for range 8 {
				if err := send(make([]byte, streamAt)); err != nil {
					return err
				}
			}
			return nil
		}
		c := f.pipeLogin(t, "admin") // whose writetimeout is 10 s
		c.say("Action: Command")
		for drop := make([]byte, 1); len(held) == 0 && time.Since(start) < time.Hour; time.Sleep(9 * time.Second) {
			if _, err := c.Conn.Read(drop); err != nil {
				break
			}
		}
		c.Conn.Close()
		if d := <-held; d > time.Minute {
			t.Errorf("the action was held up for %v", d)
		}
		synctest.Wait()
		if s := f.Stats(); s.Sessions != 0 || s.Slow != 1 {
			t.Errorf("the client is not cut as slow: %+v", s)
		}
	})
}
