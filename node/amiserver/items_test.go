package amiserver

import (
	"crypto/md5"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestLongUnknownCommand: the text is cut where Asterisk cuts it.
//
//ami:same 3.5
func TestLongUnknownCommand(t *testing.T) {
	t.Parallel()
	s := serve(t, nil).quiet(t, "admin")
	name := strings.Repeat("x", 900)
	s.say("Action: " + name)
	s.expect("Response: Error|Message: " + ("Invalid/unknown command: " + name)[:511])
}

// TestChallenge: the same number again and again, of at most nine digits; the key in lower case, and by a challenge only.
//
//ami:same 5.2 5.3 5.4
//ami:client 14
func TestChallenge(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	for _, c := range []struct {
		name   string
		key    func(challenge string) string
		accept bool
	}{
		{"right", func(n string) string { return fmt.Sprintf("%x", md5.Sum([]byte(n+"secret"))) }, true},
		{"upper case", func(n string) string { return fmt.Sprintf("%X", md5.Sum([]byte(n+"secret"))) }, false},
		{"of no challenge", func(string) string { return fmt.Sprintf("%x", md5.Sum([]byte("secret"))) }, false},
		{"empty", func(string) string { return "" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := f.dial(t)
			s.line()
			s.say("Action: challenge", "AuthType: Md5")
			first := s.next()
			if !regexp.MustCompile(`^Response: Success\|Challenge: \d{1,9}$`).MatchString(first) {
				t.Fatalf("got %s", first)
			}
			s.say("Action: Challenge", "AuthType: SHA1")
			s.expect("Response: Error|Message: Must specify AuthType")
			s.say("Action: Challenge", "AuthType: MD5")
			s.expect(first)
			_, challenge, _ := strings.Cut(first, "Challenge: ")
			s.say("Action: Login", "Username: Admin", "AuthType: mD5", "Secret: secret", "Key: "+c.key(challenge), "Events: off")
			if c.accept {
				s.expect("Response: Success|Message: Authentication accepted")
				return
			}
			s.expect("Response: Error|Message: Authentication failed")
			s.gone()
		})
	}
	s := f.dial(t)
	s.line()
	s.say("Action: Login", "Username: admin", "AuthType: SHA1", "Secret: secret", "Events: off")
	s.expect("Response: Success|Message: Authentication accepted") // any other AuthType means plain
}

// TestBeforeLogin: what is raised before a login is not for it.
//
//ami:differs 5.13 nothing is kept for who is not logged in: that would be memory for anybody who connects
func TestBeforeLogin(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	s := f.dial(t)
	s.line()
	f.node.publish(userEvent("before"))
	s.say("Action: Login", "Username: admin", "Secret: secret", "Events: user")
	s.expect("Response: Success|Message: Authentication accepted")
	f.node.publish(userEvent("after"))
	s.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: after")
}

// TestDisplayConnects: without it the log says nothing of logins, and the wire is the same.
//
//ami:same 5.17
func TestDisplayConnects(t *testing.T) {
	t.Parallel()
	f := serveUsers(t, "[loud]\nsecret=secret\n[quiet]\nsecret=secret\ndisplayconnects=no\n")
	for _, user := range []string{"loud", "quiet"} {
		s := f.quiet(t, user)
		s.say("Action: Logoff")
		s.expect("Response: Goodbye|Message: Thanks for all the fish.")
		s.gone()
	}
	until(t, "both to be gone", func() bool { return f.Stats().Sessions == 0 })
	if log := f.logs.String(); strings.Count(log, "user=loud") != 2 || strings.Contains(log, "user=quiet") {
		t.Errorf("log: %s", log)
	}
}

// TestSlowTLSClient: who does not read is cut over TLS, too.
//
//ami:same 9.5
func TestSlowTLSClient(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	addr, roots := serveTLS(t, f)
	slow, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	slow.NetConn().(*net.TCPConn).SetReadBuffer(4096)
	io.WriteString(slow, "Action: Login\r\nUsername: stall\r\nSecret: secret\r\nEvents: user\r\n\r\n")
	until(t, "the login", func() bool { return f.Stats().LoggedIn == 1 })
	big := userEvent(strings.Repeat("x", 100_000))
	for deadline := time.Now().Add(20 * time.Second); f.Stats().Slow == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the slow client is not cut")
		}
		f.node.publish(big)
		time.Sleep(time.Millisecond) // let it be written; nothing depends on how much
	}
	f.quiet(t, "admin") // others are served
}

// TestSecurityEvents: what failed logins and refused requests raise, as an observer of the recorded Asterisk saw it.
//
//ami:same 3.1 3.3 3.5 3.7 5.6 5.8
//ami:client 3
func TestSecurityEvents(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.stamped = true
	observer := f.login(t, "admin", "Events: security")
	for _, instance := range []string{"alpha-badsecret", "alpha-nouser", "alpha-acl", "alpha-nobody", "alpha-badkey"} {
		c := f.dial(t)
		if _, err := c.Write(gunzip(t, "security-events", instance+".sent")); err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, c.r)
	}
	observer.say("Action: Logoff")
	got, err := io.ReadAll(observer.r)
	if err != nil {
		t.Fatal(err)
	}
	_, gotEvents := split(got)
	_, wantEvents := split(gunzip(t, "security-events", "alpha-observer.ami"))
	wantEvents = wantEvents[1:] // FullyBooted: it asks for class system, too
	for i := range wantEvents {
		if captureDifferences["ChallengeResponseFailed"] != "" {
			wantEvents[i] = regexp.MustCompile(`ExpectedResponse: .*\r`).ReplaceAllString(wantEvents[i], "ExpectedResponse: \r")
		}
	}
	diff(t, "event", gotEvents, wantEvents)
}
