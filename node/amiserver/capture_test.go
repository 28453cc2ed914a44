package amiserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

const captures = "../../testdata/captures"

// captureDifferences are what a client gets otherwise than the recorded one did, on purpose, and why.
var captureDifferences = map[string]string{
	"ListCommands":                "has amibus' own actions, too",
	"ChallengeResponseFailed":     "ExpectedResponse is empty: who sees the event could guess the secret from it at leisure",
	"plain bytes on the TLS port": "no banner in plain: the connection is closed",
}

// What a real Asterisk answered to the same bytes, answers and the session's own events byte for byte but for times, addresses and
// random numbers.
//
//ami:same 1.2 2.1 2.11 3.1 3.3 3.5 3.6 3.7 4.1 4.2 4.11 4.12 5.1 5.2 5.3 5.7 5.8 5.9 5.10 5.11 5.16 6.2 6.4 8.14 16.10
func TestCaptures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scenario    string
		answersOnly bool // the recording has events of others
	}{
		{"login-plain", false}, {"login-md5", false}, {"login-twice", false}, {"login-wrong-secret", false}, {"login-spelling", false},
		{"login-events-header", true}, {"events-on-off", true}, {"logoff", false}, {"action-before-login", false},
		{"malformed-bare-lf", true}, {"malformed-empty-action", false}, {"malformed-missing-colon", false},
		{"malformed-not-ami", true}, {"malformed-pipelined", true}, {"malformed-unknown-action", true}, {"permissions", true},
		{"security-events", true}, {"filter-action", true}, {"many-sessions", true},
	} {
		instances, err := capture.Instances(os.DirFS(filepath.Join(captures, c.scenario)))
		if err != nil {
			t.Fatal(err)
		}
		for _, instance := range instances {
			t.Run(c.scenario+"/"+instance, func(t *testing.T) {
				t.Parallel()
				replay(t, c.scenario, instance, c.answersOnly)
			})
		}
	}
}

func replay(t *testing.T, scenario, instance string, answersOnly bool) {
	sent, want := gunzip(t, scenario, instance+".sent"), gunzip(t, scenario, instance+".ami")
	f := serve(t, nil)
	f.node.stamped = strings.HasPrefix(instance, "alpha")
	f.node.commands = recordedCommands(t)
	f.node.run = recorded(t, f.node, scenario, instance)
	c := f.dial(t)
	sent = withKey(c, sent)
	if _, err := c.Write(sent); err != nil {
		t.Fatal(err)
	}
	c.Conn.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c.r)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own { // in ListCommands
		got = regexp.MustCompile(a.Name+`: .*\r\n`).ReplaceAll(got, nil)
	}
	gotAnswers, gotEvents := split(got)
	wantAnswers, wantEvents := split(want)
	diff(t, "answer", gotAnswers, wantAnswers)
	if !answersOnly {
		if strings.HasPrefix(instance, "charlie") {
			for i := range gotEvents { // the node adds it, this Asterisk has none
				gotEvents[i] = strings.Replace(gotEvents[i], "SystemName: alpha\r\n", "", 1)
			}
		}
		if strings.HasPrefix(instance, "bravo") {
			for i := range gotEvents {
				gotEvents[i] = strings.Replace(gotEvents[i], "SystemName: alpha\r\n", "SystemName: bravo\r\n", 1)
			}
		}
		diff(t, "event", gotEvents, wantEvents)
	}
}

func diff(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s %d is missing:\n%s", what, i, want[i])
		case i >= len(want):
			t.Fatalf("%s %d is too much:\n%s", what, i, got[i])
		case got[i] != want[i]:
			t.Fatalf("%s %d:\n%q\nwant\n%q", what, i, got[i], want[i])
		}
	}
}

func gunzip(t testing.TB, scenario, name string) []byte {
	t.Helper()
	file, err := os.Open(filepath.Join(captures, scenario, name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// withKey answers the server's own challenge where the recording has the right key for Asterisk's.
func withKey(c *client, sent []byte) []byte {
	key := regexp.MustCompile(`Key: [1-9a-e][0-9a-f]{31}`)
	challenge, rest, ok := bytes.Cut(sent, []byte("\r\n\r\n"))
	if !ok || !key.Match(rest) {
		return sent
	}
	c.say(string(challenge))
	var seen []byte
	answered := regexp.MustCompile(`\r\nChallenge: (\d+)\r\n\r\n`)
	for !answered.Match(seen) {
		b, err := c.r.ReadByte()
		if err != nil {
			c.t.Fatal(err)
		}
		seen = append(seen, b)
	}
	c.r.Reset(io.MultiReader(bytes.NewReader(seen), c.Conn))
	sum := md5.Sum(append(answered.FindSubmatch(seen)[1], "secret"...))
	return key.ReplaceAll(rest, fmt.Appendf(nil, "Key: %x", sum))
}

var masked = regexp.MustCompile(`(?m)^(Timestamp|EventTV|SessionTV|SessionID|LocalAddress|RemoteAddress|Uptime|LastReload|Challenge): .*?\r$`)

// split sorts the stream into answers, with banner and list items, and events, and masks what differs each time.
func split(stream []byte) (answers, events []string) {
	text := masked.ReplaceAllString(string(stream), "$1: *\r")
	for message := range strings.SplitAfterSeq(text, "\r\n\r\n") {
		if strings.HasPrefix(message, "Event: ") && strings.Contains(message, "\r\nPrivilege: ") {
			events = append(events, message)
		} else {
			answers = append(answers, message)
		}
	}
	return answers, events
}

// recorded answers as the recorded Asterisk did, and raises the events of UserEvent at node, if there is one.
func recorded(t *testing.T, node *fakeNode, scenario, instance string) func(context.Context, Caller, *ami.Message, func([]byte) error) error {
	c, err := capture.OpenDir(filepath.Join(captures, scenario), instance)
	if err != nil {
		t.Fatal(err)
	}
	return func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		i := slices.IndexFunc(c.Messages, func(m capture.Message) bool {
			return m.Action != nil && bytes.Equal(m.Action.Get("ActionID"), action.Get("ActionID"))
		})
		if i < 0 {
			return fmt.Errorf("not recorded: %q", action.Bytes())
		}
		for _, m := range append([]*ami.Message{c.Messages[i].Text}, c.Messages[i].Rest...) {
			if err := send(m.Bytes()); err != nil {
				return err
			}
		}
		if node != nil && action.IsAction("UserEvent") {
			node.Raise(raised(action))
		}
		return nil
	}
}

// raised is the event of a UserEvent action (ami/behaviour.md 16.10).
func raised(action *ami.Message) *ami.Message {
	e := ami.New("Event", "UserEvent", "Privilege", "user,all", "UserEvent", string(action.Get("UserEvent")))
	for i := range action.Len() {
		name, _, _ := action.Field(i)
		if !strings.EqualFold(string(name), "Action") && !strings.EqualFold(string(name), "UserEvent") {
			e.AddLine(action.Line(i))
		}
	}
	return e
}

// recordedCommands is what the recorded Asterisk said to ListCommands of a user who may do everything.
func recordedCommands(t testing.TB) []ami.Action {
	t.Helper()
	line := regexp.MustCompile(`(?m)^([A-Za-z]+): (.*)  \(Priv: (.*)\)\r$`)
	var out []ami.Action
	for _, m := range line.FindAllStringSubmatch(string(gunzip(t, "list-actions-idle", "alpha.ami")), -1) {
		class, ok := ami.ParsePrivilege([]byte(m[3]))
		if !ok {
			t.Fatalf("privilege %q", m[3])
		}
		known, _ := ami.LookupAction(m[1])
		out = append(out, ami.Action{Name: m[1], Synopsis: m[2], Class: class, Scope: known.Scope})
	}
	if len(out) < 100 {
		t.Fatalf("only %d commands", len(out))
	}
	return out
}
