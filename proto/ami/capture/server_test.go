package capture_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	rec := open(t, "login-plain", "alpha")
	synctest.Test(t, func(t *testing.T) {
		s, ln, stop := serve(t, capture.Config{Capture: rec, Speed: 1})
		defer stop()

		c := ln.dial(t)
		c.ask("Action: Ping|ActionID: 1", "Response: Error|ActionID: 1|Message: Permission denied")
		c.ask("Action: Nonsense", "Response: Error|Message: Permission denied")
		c.ask("ActionID: 2", "Response: Error|ActionID: 2|Message: Missing action in request")
		c.ask("Action: Ping|ActionID: 3|X: "+strings.Repeat("x", 2000), "Response: Error|ActionID: 3|Message: Failed to parse message: line too long")
		c.ask("Action: Challenge|AuthType: SHA1", "Response: Error|Message: Must specify AuthType")
		c.ask("Action: Login|ActionID: 4|Username: admin|Secret: secret|Events: off", "Response: Success|ActionID: 4|Message: Authentication accepted")
		c.ask("Action: Login|Username: x|Secret: y", "Response: Success|Message: Already authenticated")
		c.ask("action: PING|ActionID: 5", "Response: Success|ActionID: 5|Ping: Pong|Timestamp: 946684800.000000")
		c.ask("Action: Logoff|ActionID: 6", "Response: Goodbye|ActionID: 6|Message: Thanks for all the fish.", "closed")

		for _, wrong := range []string{
			"Username: admin|Secret: Secret", "Username: admin", "Username: root|Secret: secret", "Secret: secret",
			"Username: admin|AuthType: md5|Key: " + key("", "secret"), // no challenge before
		} {
			c := ln.dial(t)
			start := time.Now()
			c.ask("Action: Login|"+wrong, "Response: Error|Message: Authentication failed", "closed")
			if d := time.Since(start); d != time.Second {
				t.Errorf("%s: refused after %v", wrong, d)
			}
		}
		ln.dial(t).ask("Action: Logoff", "Response: Goodbye|Message: Thanks for all the fish.", "closed")
		if st := s.Stats(); st.Logins != 1 || st.Sessions != 0 || st.Unknown != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func key(challenge, secret string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(challenge+secret)))
}

func TestLoginMD5(t *testing.T) {
	t.Parallel()
	rec := open(t, "call-answered", "charlie")
	synctest.Test(t, func(t *testing.T) {
		_, ln, stop := serve(t, capture.Config{Capture: rec, Username: "bob", Secret: "hush"})
		defer stop()
		challenge := func(c *client) string {
			c.send("Action: Challenge|AuthType: md5")
			n, ok := strings.CutPrefix(c.next(), "Response: Success|Challenge: ")
			if !ok || len(n) == 0 || len(n) > 9 {
				t.Errorf("challenge %q", n)
			}
			return n
		}
		c := ln.dial(t)
		n := challenge(c)
		if again := challenge(c); again != n {
			t.Errorf("challenge %s, then %s", n, again)
		}
		c.ask("Action: Login|AuthType: MD5|Username: BOB|Key: "+key(n, "hush"), accepted, fullBooted)
		c = ln.dial(t)
		c.ask("Action: Login|AuthType: MD5|Username: bob|Key: X"+key(challenge(c), "hush")[1:],
			"Response: Error|Message: Authentication failed", "closed")
	})
}

func TestAuthTimeout(t *testing.T) {
	t.Parallel()
	rec := open(t, "login-timeout", "alpha")
	synctest.Test(t, func(t *testing.T) {
		_, ln, stop := serve(t, capture.Config{Capture: rec, Speed: 1})
		defer stop()
		start := time.Now()
		ln.dial(t).want("closed")
		if d := time.Since(start); d != 30*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}

// Without a login nobody stays, not even by leaving answers unread at full speed, where readers may take their time.
func TestAuthTimeoutUnread(t *testing.T) {
	t.Parallel()
	rec := open(t, "login-timeout", "alpha")
	synctest.Test(t, func(t *testing.T) {
		s, ln, stop := serve(t, capture.Config{Capture: rec})
		defer stop()
		ln.dial(t).send("Action: Ping")
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if n := s.Stats().Sessions; n != 0 {
			t.Errorf("%d sessions after the time-out", n)
		}
	})
}

// Of connections that are not logged in there are at most 50, Asterisk's own limit; a login, or an end, makes room for another.
func TestAuthLimit(t *testing.T) {
	t.Parallel()
	rec := open(t, "login-plain", "alpha")
	synctest.Test(t, func(t *testing.T) {
		s, ln, stop := serve(t, capture.Config{Capture: rec, Speed: 1})
		defer stop()
		refused := func() {
			t.Helper()
			ours, theirs := net.Pipe()
			ln.conns <- theirs
			if n, err := ours.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("one too many is let in")
			}
		}
		var clients []*client
		for range 50 {
			clients = append(clients, ln.dial(t))
		}
		refused()
		clients[0].login("off")
		ln.dial(t)
		refused()
		clients[0].ask("Action: Logoff", "Response: Goodbye|Message: Thanks for all the fish.", "closed")
		clients[1].conn.Close()
		synctest.Wait()
		ln.dial(t)
		refused()
		synctest.Wait()
		if n := s.Stats().Sessions; n != 50 {
			t.Errorf("%d sessions", n)
		}
	})
}

// Events come at their recorded times, counted from the first login; who logs in later has missed what was before.
func TestTiming(t *testing.T) {
	t.Parallel()
	rec := open(t, "call-answered", "alpha")
	for _, speed := range []float64{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			s, ln, stop := serve(t, capture.Config{Capture: rec, Speed: speed})
			defer stop()
			time.Sleep(time.Hour)
			c := ln.dial(t)
			c.login("on")
			start, login := time.Now(), rec.Messages[rec.Login].At
			split := time.Duration(2 / speed * float64(time.Second))
			late := make(chan int)
			go func() {
				time.Sleep(split)
				c := ln.dial(t)
				c.login("on")
				n := 0
				for c.next() != "closed" {
					n++
				}
				late <- n
			}()
			missed := 0
			for i, m := range rec.Messages {
				if m.Kind != capture.Event {
					continue
				}
				due := time.Duration(float64(m.At-login) / speed)
				if string(m.Text.Get("Event")) == "FullyBooted" {
					due = 0
				} else if due <= split {
					missed++
				}
				c.want(form(m.Text))
				if got := time.Since(start); got-due > time.Microsecond || due-got > time.Microsecond {
					t.Fatalf("message %d at %v, want %v", i, got, due)
				}
			}
			<-s.Done()
			c.ask("Action: Ping", "Response: Success|Ping: Pong|*")
			stop()
			if n, want := <-late, len(rec.Events())-missed; n != want || missed == 0 {
				t.Errorf("the late session got %d events, want %d", n, want)
			}
		})
	}
}

// At full speed every session gets every event whose classes are in its mask, byte for byte and in one order, whatever it asks
// meanwhile; who comes later gets the rest.
func TestFullSpeed(t *testing.T) {
	t.Parallel()
	rec := open(t, "call-failed", "alpha")
	s, ln, stop := serve(t, capture.Config{Capture: rec})
	defer stop()
	ln.dial(t).login("off") // never waited for: it reads no more
	full := ln.dial(t)
	full.login("") // starts the stream; nothing reads it yet
	var wg sync.WaitGroup
	for range 3 {
		c := ln.dial(t)
		c.login("call,dialplan")
		wg.Go(func() {
			for range 20 {
				c.send("Action: Ping|ActionID: p")
			}
		})
		wg.Go(func() {
			want, _ := recorded(rec, ami.ClassCall|ami.ClassDialplan)
			if got, pongs := c.until(want[bytes.LastIndex(want, []byte("\r\n\r\nEvent: "))+4:]); !bytes.HasSuffix(want, got) || pongs != 20 {
				t.Errorf("%d bytes that are no end of the recording, %d pongs", len(got), pongs)
			}
		})
	}
	want, n := recorded(rec, ami.ClassAll)
	same(t, "all", full.collect(n), want)
	wg.Wait()
	<-s.Done()
	if st := s.Stats(); int(st.Events) != n-1 || st.Cut != 0 || st.Logins != 5 {
		t.Errorf("%+v", st)
	}
}

func TestTCP(t *testing.T) {
	t.Parallel()
	rec := open(t, "local-optimization", "charlie")
	s := capture.NewServer(capture.Config{Capture: rec})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	c.login("on")
	want, n := recorded(rec, ami.ClassAll)
	same(t, "tcp", c.collect(n), want)
	cancel()
	c.want("closed")
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := s.Serve(t.Context(), ln); err == nil {
		t.Error("a Server served twice")
	}
}

// At full speed the stream waits for a session that receives events; one with events off is none.
func TestFullSpeedWaits(t *testing.T) {
	t.Parallel()
	rec := open(t, "call-answered", "alpha")
	synctest.Test(t, func(t *testing.T) {
		s, ln, stop := serve(t, capture.Config{Capture: rec})
		defer stop()
		c := ln.dial(t)
		c.login("off")
		synctest.Wait()
		if st := s.Stats(); st.Events != 0 {
			t.Errorf("%d events played to nobody", st.Events)
		}
		c.ask("Action: Events|EventMask: on", "Response: Success|Events: On")
		all := rec.Events()[1:] // the login was without class system, so FullyBooted is not for it
		for _, m := range all {
			c.want(form(m))
		}
		<-s.Done()
	})
}

func TestMask(t *testing.T) {
	t.Parallel()
	rec := open(t, "call-answered", "alpha")
	for events, mask := range map[string]ami.Class{
		"": ami.ClassAll, "on": ami.ClassAll, "Yes": ami.ClassAll, "2147483647": ami.ClassAll, "call": ami.ClassCall, "3": ami.ClassSystem | ami.ClassCall,
		"dialplan,call": ami.ClassCall | ami.ClassDialplan, "system,call,bogus": ami.ClassSystem | ami.ClassCall,
	} {
		_, ln, stop := serve(t, capture.Config{Capture: rec})
		c := ln.dial(t)
		c.login(events)
		want, n := recorded(rec, mask)
		same(t, events, c.collect(n), want)
		stop()
	}
}

func TestEventsAction(t *testing.T) {
	t.Parallel()
	_, ln, stop := serve(t, capture.Config{Capture: open(t, "login-plain", "charlie"), Speed: 1e-3})
	defer stop()
	c := ln.dial(t)
	c.login("none")
	for mask, want := range map[string]string{
		"on": "Response: Success|Events: On", "user": "Response: Success|Events: On", "Off": "Response: Success|Events: Off",
		"0": "Response: Success|Events: Off", "bogus": "Response: Success|Events: Off", "": "Response: Error|Message: Invalid event mask",
	} {
		c.ask("Action: Events|EventMask: "+mask, want)
	}
}

// An event that an action raises looks as that Asterisk would write it, and reaches every session that may see it.
func TestUserEvent(t *testing.T) {
	t.Parallel()
	for instance, head := range map[string]string{
		"alpha": "Timestamp: 946684800.000000|SystemName: alpha|", "bravo": "SystemName: bravo|", "charlie": "",
	} {
		rec := open(t, "unicode-callerid", instance)
		synctest.Test(t, func(t *testing.T) {
			s, ln, stop := serve(t, capture.Config{Capture: rec, Speed: 1e-9})
			defer stop()
			a, b, off, deaf := ln.dial(t), ln.dial(t), ln.dial(t), ln.dial(t)
			for c, mask := range map[*client]string{a: "user", b: "call,user,dialplan", off: "off", deaf: "call,dialplan"} {
				c.login(mask)
			}
			event := "Event: UserEvent|Privilege: user,all|" + head + "UserEvent: Büro|Key: a|key: b|no colon|ActionID: 7|Event: x"
			got := make(chan string)
			go func() { got <- b.next() }()
			a.ask("Action: UserEvent|UserEvent: Büro|Key: a|key: b|no colon|ActionID: 7|Event: x",
				"Response: Success|ActionID: 7|Message: Event Sent", event)
			if e := <-got; e != event {
				t.Errorf("the other session got %q", e)
			}
			off.ask("Action: Ping", "Response: Success|Ping: Pong|*")

			go func() { got <- b.next() }()
			go func() { got <- deaf.next() }()
			a.ask("Action: Setvar|Variable: G|Value: it's \"x\"", "Response: Success|Message: Variable Set")
			varset := "Event: VarSet|Privilege: dialplan,all|" + head + `Channel: none|Uniqueid: none|Variable: G|Value: it\'s \"x\"`
			for range 2 {
				if e := <-got; e != varset {
					t.Errorf("got %q, want %q", e, varset)
				}
			}
			off.ask("Action: Getvar|ActionID: 1|Variable: G", "Response: Success|ActionID: 1|Variable: G|Value: it's \"x\"")
			off.ask("Action: Getvar|Variable: H", "Response: Success|Variable: H|Value: ")
			off.ask("Action: Getvar", "Response: Error|Message: No variable specified")
			off.ask("Action: Setvar|Value: 1", "Response: Error|Message: No variable specified")
			if st := s.Stats(); st.Raised != 2 || st.Unknown != 0 || st.Events != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	s, ln, stop := serve(t, capture.Config{Capture: open(t, "list-actions-busy", "alpha"), Speed: 1e-9})
	defer stop()
	c := ln.dial(t)
	c.login("off")
	c.ask("Action: bridgelist|ActionID: mine",
		"Response: Success|ActionID: mine|EventList: start|Message: Bridge listing will follow",
		"Event: BridgeListItem|ActionID: mine|*")
	for next := ""; !strings.HasPrefix(next, "Event: BridgeListComplete|"); {
		next = c.next()
		if !strings.Contains(next, "|ActionID: mine|") {
			t.Errorf("wrong ActionID: %q", next)
		}
	}
	c.send("Action: CoreShowChannels") // without ActionID: none anywhere
	for next := ""; !strings.HasPrefix(next, "Event: CoreShowChannelsComplete|"); {
		if next = c.next(); strings.Contains(next, "ActionID") {
			t.Errorf("an ActionID: %q", next)
		}
	}
	c.ask("Action: IAXnetstats|ActionID: raw", "IAX2/bravo-9299 *") // raw text as it was
	c.ask("Action: CoreSettings|ActionID: x", "Response: Success|ActionID: x|AMIversion: 11.0.0|AsteriskVersion: 22.10.1|SystemName: alpha|*")
	c.ask("Action: Getvar|Variable: CHANNEL(x)", "Response: Error|Message: Invalid/unknown command: Getvar. Use Action: ListCommands to show available commands.")
	c.ask("Action: Status|Extra: 1|ActionID: y",
		"Response: Error|ActionID: y|Message: Invalid/unknown command: Status. Use Action: ListCommands to show available commands.")
	if st := s.Stats(); st.Unknown != 2 || st.Actions != 7 {
		t.Errorf("%+v", st)
	}
}

// Several recordings of an action are given out in turn; an asker's ActionID is added where none was recorded.
func TestRecordedInTurn(t *testing.T) {
	t.Parallel()
	_, ln, stop := serve(t, capture.Config{Capture: open(t, "getvar-setvar", "alpha"), Speed: 1e-9})
	defer stop()
	c := ln.dial(t)
	c.login("off")
	c.ask("Action: Getvar|Variable: NODE|ActionID: n", "Response: Success|ActionID: n|Variable: NODE|Value: alpha")
	c.ask("Action: Setvar|Value: 2|Variable: NODE", "Response: Success|Message: Variable Set")
	c.ask("Action: Getvar|Variable: NODE", "Response: Success|Variable: NODE|Value: 2")
	c.ask("variable: X|VALUE: 1|Channel: none|Action: setvar", "Response: Error|Message: No such channel")

	_, ln, stop2 := serve(t, capture.Config{Capture: open(t, "list-actions-no-actionid", "alpha"), Speed: 1e-9})
	defer stop2()
	c = ln.dial(t)
	c.login("off")
	c.send("Action: CoreShowChannels|ActionID: added")
	for next := ""; !strings.HasPrefix(next, "Event: CoreShowChannelsComplete|"); {
		next = c.next()
		if !strings.Contains(next, "|ActionID: added|") {
			t.Errorf("no ActionID: %q", next)
		}
	}

	_, ln, stop3 := serve(t, capture.Config{Capture: open(t, "db-actions", "alpha"), Speed: 1e-9})
	defer stop3()
	c = ln.dial(t)
	c.login("off")
	for range 2 { // deleted, then not there any more, and again
		c.ask("Action: DBDel|Family: fam|Key: k1|ActionID: d", "Response: Success|ActionID: d|Message: Key deleted successfully")
		c.ask("Action: DBDel|Key: k1|Family: fam", "Response: Error|Message: Database entry could not be deleted")
	}
	c.ask("Action: CoreStatus", "Response: Success|CoreStartupDate: *")
	c.ask("Action: CoreSettings", "Response: Success|AMIversion: 11.0.0|AsteriskVersion: 22.10.1|SystemName: alpha|CoreMaxCalls: 0|*")
}

func TestLoop(t *testing.T) {
	t.Parallel()
	rec := open(t, "call-answered", "charlie")
	want, n := recorded(rec, ami.ClassAll)
	greeting := rec.Events()[0].Bytes()
	for _, speed := range []float64{0, 100} {
		synctest.Test(t, func(t *testing.T) {
			s, ln, stop := serve(t, capture.Config{Capture: rec, Speed: speed, Loop: true})
			defer stop()
			c := ln.dial(t)
			c.login("on")
			same(t, "round 1", c.collect(n), want)
			for range 3 { // the FullyBooted belongs to the login
				same(t, "next round", c.collect(n-1), want[len(greeting):])
			}
			select {
			case <-s.Done():
				t.Error("done, though it loops")
			default:
			}
		})
	}
}

// A box that was still booting has no FullyBooted for a login, but one in its stream.
func TestBootCapture(t *testing.T) {
	t.Parallel()
	rec := open(t, "boot-login", "bravo")
	_, ln, stop := serve(t, capture.Config{Capture: rec})
	defer stop()
	c := ln.dial(t)
	c.login("on")
	want, n := recorded(rec, ami.ClassAll)
	same(t, "boot", c.collect(n), want)
	c = ln.dial(t)
	c.login("on")
	c.ask("Action: Ping", "Response: Success|Ping: Pong|*")
}

// A session that does not read is cut after the time-out; the others go on.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	rec := open(t, "call-answered", "alpha")
	synctest.Test(t, func(t *testing.T) {
		s, ln, stop := serve(t, capture.Config{Capture: rec, Speed: 1})
		defer stop()
		slow, c := ln.dial(t), ln.dial(t)
		slow.login("call,dialplan") // and reads no more
		c.login("call,dialplan")
		want, n := recorded(rec, ami.ClassCall|ami.ClassDialplan)
		same(t, "the other", c.collect(n), want)
		<-s.Done()
		synctest.Wait()
		if st := s.Stats(); st.Cut != 1 || st.Sessions != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// A full-speed reader that stalls is waited for, as long as it takes.
func TestFullSpeedNeverCuts(t *testing.T) {
	t.Parallel()
	rec := open(t, "call-answered", "alpha")
	synctest.Test(t, func(t *testing.T) {
		s, ln, stop := serve(t, capture.Config{Capture: rec})
		defer stop()
		c := ln.dial(t)
		c.login("on")
		time.Sleep(24 * time.Hour)
		want, n := recorded(rec, ami.ClassAll)
		same(t, "the late reader", c.collect(n), want)
		<-s.Done()
	})
}

type brokenListener struct{ net.Listener }

var errBroken = errors.New("broken")

func (brokenListener) Accept() (net.Conn, error) { return nil, errBroken }
func (brokenListener) Close() error              { return nil }

func TestListenerFails(t *testing.T) {
	t.Parallel()
	s := capture.NewServer(capture.Config{Capture: open(t, "login-plain", "alpha"), Speed: 1})
	if err := s.Serve(t.Context(), brokenListener{}); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
}

// BenchmarkFullSpeed measures events to one client over TCP.
func BenchmarkFullSpeed(b *testing.B) {
	rec := open(b, "busy-1", "alpha")
	s := capture.NewServer(capture.Config{Capture: rec, Loop: true})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	c := newClient(b, conn)
	c.login("on")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.dec.Decode(); err != nil {
			b.Fatal(err)
		}
	}
	cancel()
	<-served
}
