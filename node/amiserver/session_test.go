package amiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
)

const booted = "Event: FullyBooted|Privilege: system,all|Uptime: 46|LastReload: 45|Status: Fully Booted"

// The banner is alone in its segment, so are the login's answer and FullyBooted (ami/clients.md 1, 2).
//
//ami:same 1.2 5.1 5.8 5.10
//ami:client 1 2 3
func TestLoginWrites(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go f.serveConn(ctx, nil, theirs)
	read := func() string { // what one Write of the server gave
		b := make([]byte, 4096)
		n, err := ours.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(b[:n]), "\r\n", "|")
	}
	if got := read(); got != "Asterisk Call Manager/11.0.0|" {
		t.Fatalf("banner %q", got)
	}
	go io.WriteString(ours, "Action: Login\r\nActionID: a#/ é b\r\nUsername: admin\r\nSecret: secret\r\n\r\n")
	if got := read(); got != "Response: Success|ActionID: a#/ é b|Message: Authentication accepted||" {
		t.Fatalf("answer %q", got)
	}
	if got := read(); got != booted+"||" {
		t.Fatalf("then %q", got)
	}
	if got := read(); !strings.HasPrefix(got, "Event: SuccessfulAuth|Privilege: security,all|SystemName: alpha|EventTV: ") {
		t.Fatalf("then %q", got)
	}
}

// FullyBooted comes exactly once, and only to those who may see and want class system.
//
//ami:same 5.10 5.11
//ami:client 3
func TestFullyBooted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		user, events string
		want         bool
	}{
		{"admin", "", true}, {"admin", "on", true}, {"admin", "call,system", true}, {"admin", "call", false}, {"admin", "off", false},
		{"admin", "bogus", false}, {"sysonly", "on", true}, {"calls", "", false}, {"nobody", "on", false},
	} {
		t.Run(c.user+"/"+c.events, func(t *testing.T) {
			t.Parallel()
			f := serve(t, nil)
			s := f.login(t, c.user, "Events: "+c.events)
			if c.want {
				s.expect(booted)
			}
			s.say("Action: Events", "EventMask: off")
			for got := ""; got != "Response: Success|Events: Off"; {
				if got = s.next(); strings.Contains(got, "FullyBooted") {
					t.Fatalf("unexpected %s", got)
				}
			}
		})
	}
}

// Every bit of the event's class must be in the mask (ami/behaviour.md 6.7), and the mask holds when the event is written.
//
//ami:same 6.4 6.5 6.7 6.8
func TestMask(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	s := f.quiet(t, "admin")
	mask := func(mask, state string) {
		s.say("Action: Events", "EventMask: "+mask)
		s.expect("Response: Success|Events: " + state)
	}
	f.node.publish(userEvent("off"))
	mask("user", "On")
	f.node.publish([]byte("Event: VoicemailPasswordChange\r\nPrivilege: system,user,all\r\n\r\n"), userEvent("seen"))
	s.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: seen")
	mask("65", "On") // system and user
	f.node.publish([]byte("Event: VoicemailPasswordChange\r\nPrivilege: system,user,all\r\n\r\n"))
	s.expect("Event: VoicemailPasswordChange|Privilege: system,user,all")
	mask("nonsense", "Off")
	f.node.publish(userEvent("off"), []byte("Event: Classless\r\nPrivilege: <none>\r\n\r\n"))
	mask("off", "Off")
	s.say("Action: Events", "ActionID: 7")
	s.expect("Response: Error|ActionID: 7|Message: Invalid event mask")

	limited := f.login(t, "limited", "Events: on")
	f.node.publish([]byte("Event: Cdr\r\nPrivilege: cdr,all\r\n\r\n"), userEvent("mine"))
	limited.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: mine")
}

// TestParseMask: numbers, words and lists of classes.
//
//ami:same 6.2
func TestParseMask(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ami.Class{
		"on": ami.ClassAll, "TRUE": ami.ClassAll, "y": ami.ClassAll, "off": 0, "No": 0, "0": 0, "1": ami.ClassSystem, "2147483647": ami.ClassAll,
		"99999999999999999999": ami.ClassAll, "call,user": ami.ClassCall | ami.ClassUser, "c,user": ami.ClassUser, "-1": 0, "Call": 0,
	} {
		if got, ok := parseMask(text); got != want || !ok {
			t.Errorf("%q: %#x, %v, want %#x", text, got, ok, want)
		}
	}
	if _, ok := parseMask(""); ok {
		t.Error("an empty mask is none")
	}
}

// Another node's FullyBooted and Shutdown are told as NodeState, but not to users with lifecycle = all.
//
//ami:differs 17.1 another node's Shutdown comes as NodeState, since clients take any Shutdown for the end of their own server
//ami:client 3
func TestLifecycle(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	plain, all := f.login(t, "sysonly"), f.login(t, "cluster", "Events: system")
	plain.expect(booted)
	all.expect(booted)
	shutdown := func(node string) []byte {
		return []byte("Event: Shutdown\r\nPrivilege: system,all\r\nSystemName: " + node + "\r\nShutdown: Cleanly\r\nRestart: False\r\n\r\n")
	}
	f.node.events.Publish(
		event(bravo, shutdown("pbx-b")),
		event(bravo, []byte("Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n")),
		event(bravo, []byte("Event: Reload\r\nPrivilege: system,all\r\nModule: x\r\n\r\n")),
		event(merge.Node{Site: "other", Name: "alpha"}, shutdown("alpha")),
		event(alpha, shutdown("alpha")),
	)
	for _, want := range []string{
		"Event: NodeState|Privilege: system,all|SystemName: pbx-b|Node: default/bravo|State: shutdown",
		"Event: NodeState|Privilege: system,all|SystemName: bravo|Node: default/bravo|State: booted",
		"Event: Reload|Privilege: system,all|Module: x",
		"Event: NodeState|Privilege: system,all|SystemName: alpha|Node: other/alpha|State: shutdown",
		"Event: Shutdown|Privilege: system,all|SystemName: alpha|Shutdown: Cleanly|Restart: False",
	} {
		plain.expect(want)
	}
	all.expect("Event: Shutdown|Privilege: system,all|SystemName: pbx-b|Shutdown: Cleanly|Restart: False")
	all.expect("Event: FullyBooted|Privilege: system,all|Status: Fully Booted")
}

// Ten sessions ask with the same ActionID; each gets its own answer and nothing else.
//
//ami:same 3.9 4.2 5.16
//ami:client 11 16
func TestSameActionID(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	var mu sync.Mutex
	callers := map[[2]uint64]bool{}
	f.node.run = func(_ context.Context, c Caller, action *ami.Message, send func([]byte) error) error {
		mu.Lock()
		callers[[2]uint64{c.Session, c.Counter}] = true
		mu.Unlock()
		return send(ami.New("Response", "Success", "ActionID", string(action.Get("ActionID")), "Value", string(action.Get("Variable"))).Bytes())
	}
	var all sync.WaitGroup
	for i := range 10 {
		s := f.quiet(t, "admin")
		all.Go(func() {
			for j := range 20 {
				s.say("Action: Getvar", "ActionID: 1", fmt.Sprintf("Variable: v%d-%d", i, j))
				s.expect(fmt.Sprintf("Response: Success|ActionID: 1|Value: v%d-%d", i, j))
			}
			s.say("Action: Logoff")
			s.expect("Response: Goodbye|Message: Thanks for all the fish.")
			s.gone()
		})
	}
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(callers) != 200 {
		t.Errorf("%d different callers, want 200", len(callers))
	}
}

type notExecuted struct{}

func (notExecuted) Error() string   { return "The source of alpha is down" }
func (notExecuted) Outcome() string { return "not executed" }

// What an action of the backend may come to.
//
//ami:same 4.8
//ami:client 9 11
func TestForward(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	long := strings.Repeat("x", 1000)
	f.node.run = func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		switch string(action.Get("Command")) {
		case "down":
			return fmt.Errorf("forward: %w", notExecuted{})
		case "dropped":
			send([]byte("Response: Success\r\n"))
			return errors.New("broke off\r\nInjected: yes")
		case "none":
			return nil
		case "list":
			f.node.publish(userEvent("caused")) // must not come before the answer, nor into it
			for range 500 {
				if err := send([]byte("Event: Item\r\nText: " + long + "\r\n\r\n")); err != nil {
					return err
				}
				f.node.publish(userEvent("other"))
			}
			return send([]byte("Event: Complete\r\n\r\n"))
		case "broken":
			for range 200 {
				send([]byte("Event: Item\r\nText: " + long + "\r\n\r\n"))
			}
			return errors.New("the owner is gone")
		}
		return errors.New("?")
	}
	s := f.login(t, "admin", "Events: user")
	s.say("Action: Command", "Command: down", "ActionID: 5")
	s.expect("Response: Error|ActionID: 5|Message: forward: The source of alpha is down|Outcome: not executed")
	s.say("Action: Command", "Command: dropped")
	s.expect("Response: Error|Message: broke off  Injected: yes")
	s.say("Action: Command", "Command: none")
	s.say("Action: Command", "Command: list")
	for range 500 {
		s.expect("Event: Item|Text: " + long)
	}
	s.expect("Event: Complete")
	s.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: caused")
	for range 500 {
		s.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: other")
	}
	s.say("Action: Command", "Command: broken")
	io.Copy(io.Discard, s)
	until(t, "the broken answer to be counted", func() bool { return f.Stats().Broken == 1 })
}

// Everybody who listens gets the same bytes in the same order.
func TestManySessions(t *testing.T) {
	t.Parallel()
	const sessions, events = 50, 1000
	f := serve(t, nil)
	var clients []*client
	for range sessions {
		clients = append(clients, f.login(t, "admin", "Events: user"))
	}
	var want strings.Builder
	for i := range events {
		text := userEvent(fmt.Sprint("n", i))
		want.Write(text)
		f.node.publish(text)
	}
	for i, c := range clients {
		got := make([]byte, want.Len())
		if _, err := io.ReadFull(c.r, got); err != nil {
			t.Fatal(err)
		}
		if string(got) != want.String() {
			t.Fatalf("session %d got something else", i)
		}
	}
	until(t, "all events to be counted", func() bool { return f.Stats().Events == sessions*events })
}

// A client who does not read is cut; one who does gets everything.
//
//ami:same 9.4
func TestSlowClient(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	slow := f.login(t, "stall", "Events: user")
	slow.Conn.(*net.TCPConn).SetReadBuffer(4096)
	healthy := f.login(t, "admin", "Events: user")
	big := userEvent(strings.Repeat("x", 10_000))
	for i := range 3000 { // 30 MB: more than the kernel takes
		f.node.publish(big)
		if _, err := io.ReadFull(healthy.r, make([]byte, len(big))); err != nil {
			t.Fatalf("the healthy client, after %d events: %v", i, err)
		}
	}
	until(t, "the slow client to be cut", func() bool { return f.Stats().Slow == 1 })
	f.node.publish(userEvent("after"))
	healthy.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: after")
	until(t, "the log line", func() bool { return strings.Contains(f.logs.String(), "writetimeout") })
	if n := strings.Count(f.logs.String(), "AMI client cut"); n != 1 || !strings.Contains(f.logs.String(), "user=stall") {
		t.Errorf("want one line about stall:\n%s", f.logs)
	}
}

// A session that falls more than its queue behind is cut, with a reason of its own.
//
//ami:differs 9.1 the queue of a session is bounded: who falls further behind than it has room is cut, and log and metric say so
func TestOverflow(t *testing.T) {
	t.Parallel()
	f := serve(t, func(c *Config) { c.QueueLen = 100 })
	f.login(t, "stall", "Events: user")
	batch := slices.Repeat([][]byte{userEvent("x")}, 101)
	until(t, "the overflow", func() bool {
		for range 50 { // faster than anybody can write
			f.node.publish(batch...)
		}
		s := f.Stats()
		return s.Overflows == 1 && s.Sessions == 0
	})
	if !strings.Contains(f.logs.String(), "too far behind") {
		t.Errorf("log:\n%s", f.logs)
	}
}

// Connections over authlimit, and over MaxSessions, are closed without a byte; a session that ends makes room.
func TestLimits(t *testing.T) {
	t.Parallel()
	f := serve(t, func(c *Config) { c.MaxSessions = 2 })
	a := f.quiet(t, "admin")
	f.quiet(t, "admin")
	f.dial(t).gone()
	if n := f.Stats().Refused; n != 1 {
		t.Errorf("%d refused", n)
	}
	a.say("Action: Logoff")
	a.expect("Response: Goodbye|Message: Thanks for all the fish.")
	a.Close()
	until(t, "room", func() bool { return f.Stats().Sessions == 1 })
	f.quiet(t, "admin")
}

// A user without a secret never logs in, nor does anybody with the empty one.
//
//ami:same 5.4 5.5
func TestNoSecret(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	for _, user := range []string{"locked", "", "nobody-knows"} {
		s := f.dial(t)
		s.line()
		s.say("Action: Login", "Username: "+user, "Secret: ")
		s.expect("Response: Error|Message: Authentication failed")
		s.gone()
	}
	if n := f.Stats().Failures; n != 3 {
		t.Errorf("%d failures", n)
	}
}

// The log says why a login failed; the client gets the same answer in any case.
//
//ami:same 1.4 5.4 5.7
func TestLoginFailureIsExplained(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ user, more, reason string }{
		{"admin", "Secret: wrong-one", "wrong secret"}, {"who", "Secret: secret", "no such user"}, {"acl", "Secret: secret", "not from this address"},
		{"locked", "Secret: x", "has no secret"}, {"admin", "AuthType: MD5", "no Challenge or no Key"}, {"", "Secret: secret", "no Username"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			f := serve(t, nil)
			s := f.dial(t)
			s.line()
			s.say("Action: Login", "Username: "+c.user, c.more)
			s.expect("Response: Error|Message: Authentication failed")
			s.gone()
			if log := f.logs.String(); !strings.Contains(log, c.reason) || strings.Contains(log, "wrong-one") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// What does not belong to this server yet is unknown, rather than forwarded.
//
//ami:same 3.5
func TestNotServed(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.run = func(context.Context, Caller, *ami.Message, func([]byte) error) error {
		t.Error("forwarded")
		return nil
	}
	s := f.quiet(t, "admin")
	for _, name := range []string{"SIPpeers"} {
		s.say("Action: " + name)
		s.expect("Response: Error|Message: Invalid/unknown command: " + name + ". Use Action: ListCommands to show available commands.")
	}
	s.say("Action: ListCommands")
	list := s.next()
	if !strings.Contains(list, "|Ping: ") || strings.Contains(list, "|SIPpeers: ") {
		t.Errorf("ListCommands: %.300s", list)
	}
}
