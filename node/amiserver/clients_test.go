package amiserver

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// What real clients lean on, by the numbers of ami/clients.md, where no other test of this package shows it. Elsewhere: 1, 2 and the
// order of 3 in TestLoginWrites, 3 (who gets FullyBooted) in TestFullyBooted, 16 in TestSameActionID, 17 (an ActionID) in
// TestBadInput; 8 is the translator's.

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]+$`)

// Answers of the server itself: one each, in the order of the actions (11), that begin with Response (4), then ActionID as it was
// sent (12), then Message, then the rest (5), under names that clients can read (7), with no empty line too many (13), and no word
// that announces a list (10).
//
//ami:same 2.5 2.7 4.1 4.2
//ami:client 4 5 7 10 11 12 13
func TestAnswersSuitClients(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.run = func(context.Context, Caller, *ami.Message, func([]byte) error) error { return notExecuted{} }
	ids := []string{"#1", "a/b", "with blanks ", "ünïcode", "\ttab", strings.Repeat("9", 200), strings.Repeat("x", 1000), "colon: x", ""}
	actions := []string{
		"Action: Ping", "Action: Events\r\nEventMask: off", "Action: Events", "Action: ListCommands", "Action: Login", "Action: Bogus",
		"Action: Challenge", "Action: Challenge\r\nAuthType: MD5", "Action: Command\r\nCommand: x", "Foo: bar", "Action: Ping\r\nX: " + strings.Repeat("x", 2000),
		"Action: Ping" + strings.Repeat("\r\na: b", 200), "Action: EventCursor", "Action: Events\r\nEventMask: on\r\nResumeFrom: x",
	}
	s := f.quiet(t, "admin")
	go func() {
		for _, action := range actions {
			for i, id := range ids {
				fmt.Fprintf(s, "ActionID: %s\r\n%s\r\nN: %d\r\n\r\n", id, action, i)
			}
		}
	}()
	for _, action := range actions {
		for _, id := range ids {
			lines := strings.Split(s.next(), "|")
			if !strings.HasPrefix(lines[0], "Response: ") {
				t.Fatalf("%.40q with id %.40q is answered by %q", action, id, lines)
			}
			rest := lines[1:]
			if id = strings.TrimLeft(id, "\t "); id != "" {
				if len(rest) == 0 || rest[0] != "ActionID: "+id {
					t.Fatalf("%.40q with id %.40q is answered by %q", action, id, lines)
				}
				rest = rest[1:]
			}
			for i, line := range rest {
				name, value, _ := strings.Cut(line, ": ")
				if !headerName.MatchString(name) || strings.EqualFold(name, "ActionID") || name == "Message" && (i > 0 || strings.Contains(value, "follow")) {
					t.Fatalf("%.40q with id %.40q is answered by %q", action, id, lines)
				}
			}
		}
	}
}

// With "Events: off" nothing is sent but answers, whatever happens (3).
//
//ami:client 3
func TestEventsOffIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		c := f.pipe(t)
		c.line()
		c.say("Action: Login", "Username: admin", "Secret: secret", "Events: off")
		c.expect("Response: Success|Message: Authentication accepted")
		f.node.publish(userEvent("x"), []byte("Event: Classless\r\nPrivilege: <none>\r\n\r\n"))
		other := f.pipe(t) // whose SuccessfulAuth is not for it either
		other.line()
		other.say("Action: Login", "Username: admin", "Secret: secret", "Events: off")
		other.next()
		synctest.Wait()
		c.SetReadDeadline(time.Now().Add(time.Hour))
		if b, err := c.r.ReadByte(); err == nil {
			t.Errorf("something is sent, beginning with %q", b)
		}
	})
}

// The SuccessfulAuth of a login reaches the session that logged in (3), also if it asked for class security only.
//
//ami:same 5.8 5.10
//ami:client 3
func TestOwnSuccessfulAuth(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	for _, events := range []string{"", "on", "security"} {
		s := f.login(t, "admin", "Events: "+events)
		got := s.next()
		if got == booted {
			got = s.next()
		}
		local := s.LocalAddr().String()
		at := strings.LastIndexByte(local, ':')
		if !strings.HasPrefix(got, "Event: SuccessfulAuth|Privilege: security,all|") ||
			!strings.Contains(got, "|RemoteAddress: IPV4/TCP/"+local[:at]+"/"+local[at+1:]+"|") {
			t.Errorf("with Events %q: %s", events, got)
		}
		s.Close()
		until(t, "its end", func() bool { return f.Stats().Sessions == 0 })
	}
}

// What the backend answers is passed on byte for byte, nothing added: the output of Command in both forms (6), a list (9), the stray
// line ends of an Asterisk (17).
//
//ami:same 4.9
//ami:client 6 9 13 17
func TestBackendAnswersAreNotTouched(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	answers := []string{
		"Response: Success\r\nMessage: Command output follows\r\nOutput: a: b\r\nOutput: \r\nOutput:   c\r\n\r\n",
		"Response: Follows\r\nPrivilege: Command\r\nraw\n\ntext\n--END COMMAND--\r\n\r\n",
		"Response: Success\r\nActionID: 1\r\nEventList: start\r\nMessage: Channel status will follow\r\n\r\n" +
			"Event: Status\r\nPrivilege: Call\r\nActionID: 1\r\nChannel: a\rb\r\n\r\n" +
			"Event: StatusComplete\r\nActionID: 1\r\nEventList: Complete\r\nListItems: 1\r\nItems: 1\r\n\r\n",
		"Response: Error\r\nMessage: Could not get channel snapshot\n\r\n\r\n",
	}
	next := 0
	f.node.run = func(_ context.Context, _ Caller, _ *ami.Message, send func([]byte) error) error {
		text := answers[next]
		next++
		for len(text) > 0 { // pieces need not be messages
			n := min(len(text), 7)
			if err := send([]byte(text[:n])); err != nil {
				return err
			}
			text = text[n:]
		}
		return nil
	}
	s := f.quiet(t, "admin")
	for range answers {
		s.say("Action: Command", "Command: x")
	}
	want := strings.Join(answers, "")
	got := make([]byte, len(want))
	for n := 0; n < len(got); {
		m, err := s.r.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Names and keys in lower case, in any order, with headers nobody knows, and "Event: on" at the login (14).
//
//ami:same 2.13 3.6 5.1
//ami:client 14
func TestSpellings(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	s := f.dial(t)
	s.line()
	s.say("event: on", "secret: secret", "x-unknown: 1", "no colon", "USERNAME: Admin", "action: login", "actionid: 7")
	s.expect("Response: Success|ActionID: 7|Message: Authentication accepted")
	s.expect(booted)
	if got := s.next(); !strings.HasPrefix(got, "Event: SuccessfulAuth|") {
		t.Errorf("then %s", got)
	}
	s.say("eventmask: OFF", "ACTION: events")
	s.expect("Response: Success|Events: Off")
}

// The backend gets a UserEvent as the client wrote it, line by line, ActionID included (15).
//
//ami:na 2.12 the Asterisk takes Variable headers apart; they reach it as they were sent
//ami:client 15
func TestActionReachesTheBackendWhole(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.run = func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		m := ami.New("Response", "Success")
		for i := range action.Len() {
			m.Add("Got", string(action.Line(i)))
		}
		return send(m.Bytes())
	}
	s := f.quiet(t, "admin")
	s.say("B: 2", "ActionID: x", "Action: UserEvent", "A: 1", "UserEvent: Mine", "no colon", "A:  again ", "SystemName: data", "Variable: a=1,b=\"2,3\"", "Variable:c=4")
	s.expect("Response: Success|Got: B: 2|Got: ActionID: x|Got: Action: UserEvent|Got: A: 1|Got: UserEvent: Mine|Got: no colon|Got: A:  again |" +
		"Got: SystemName: data|Got: Variable: a=1,b=\"2,3\"|Got: Variable:c=4")
}

// A bare CR that an Asterisk put into an event goes through (17).
//
//ami:same 7.5
//ami:client 17
func TestBareCRInEvent(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	s := f.login(t, "admin", "Events: user")
	f.node.publish([]byte("Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: a\rb\r\n\r\n"))
	s.expect("Event: UserEvent|Privilege: user,all|UserEvent: a\rb")
}
