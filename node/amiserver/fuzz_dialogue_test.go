package amiserver

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// lineOf are the lines that dialogues are made of.
var lineOf = []string{
	"", "", "", "Action: Ping", "Action: Login", "Username: admin", "Secret: secret", "Action: Events", "EventMask: on", "EventMask: c,,user",
	"Action: Challenge", "AuthType: MD5", "Action: Logoff", "Action: WaitEvent", "Timeout: 0", "Timeout: -1", "SuppressEvents: 1", "Action: Filter",
	"Operation: Add", "Filter: !.", "MatchCriteria: name(X),method(", "Action: Getvar", "Action: UserEvent", "ActionID: 1", "ActionID: a\rb",
	"Action: ListCommands", "Action: ClusterNodes", "Action: EventCursor", "ResumeFrom: x", "Events: off", "Key: 0", "no colon", ": ", ":\x00\xff\xfe",
	"\x00", "Variable: a=b,c=\"", "Action: \x00Ping", "Action: CoreSettings", "Action: Originate", "SystemName: bravo",
}

// dialogue reads a program: each byte is a line of lineOf, what ends it, or something worse.
func dialogue(program []byte) (sent []byte) {
	for i, op := range program {
		switch n := int(op)%(len(lineOf)+8) - len(lineOf); n {
		case 0:
			sent = append(sent, '\n')
		case 1:
			sent = append(sent, '\r')
		case 2:
			sent = append(append(sent, "Long: "...), bytes.Repeat([]byte{op}, 100*(i%50))...)
		case 3:
			sent = append(sent, strings.Repeat("a: b\r\n", i%200)...)
		case 4:
			sent = append(sent, program[:i]...) // binary
		case 5:
			sent = append(sent, strings.Repeat("x", 1015+i%12)...) // about the limit of a line
		case 6:
			sent = append(sent, strings.Repeat("\r\n", i%5)...)
		case 7:
			sent = append(sent, "Action: Login\r\nUsername: admin\r\nSecret: secret\r\n\r\n"...)
		default:
			sent = append(append(sent, lineOf[n+len(lineOf)]...), "\r\n"...)
		}
	}
	return sent
}

// FuzzDialogue: whatever actions a client sends, in whatever pieces, each complete one is answered exactly once and in order, until one of
// them ends the session; then the session is gone.
//
//ami:client 11
func FuzzDialogue(f *testing.F) {
	f.Add([]byte{4, 5, 6, 0, 3, 23, 0, 7, 8, 0, 13, 14, 0, 17, 18, 19, 0, 25, 0, 12, 0}, uint8(3))
	f.Add([]byte{47, 42, 0, 43, 43, 0, 44, 45, 0, 45, 45, 45, 0, 33, 34, 0, 36, 0}, uint8(1))
	f.Add([]byte("\x04-7"), uint8(0))
	f.Add([]byte{47, 13, 15, 0, 13, 0, 3, 16, 0, 3, 0, 27, 0, 28, 7, 8, 0}, uint8(200))
	srv := newFixture(f, nil)
	srv.penalty = time.Millisecond
	srv.node.run = func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		srv.node.publish(userEvent("x"))
		return send(answer(action, "Success").Bytes())
	}
	f.Fuzz(func(t *testing.T, program []byte, piece uint8) {
		if len(program) > 2000 {
			t.Skip("enough is enough")
		}
		sent := append(dialogue(program), "\n\nAction: Logoff\r\n\r\n"...)
		var actions []request
		for d := ami.NewDecoder(bytes.NewReader(sent), ami.Server); ; {
			m, err := d.Decode()
			if err == io.EOF {
				break
			}
			actions = append(actions, request{m.Clone(), err})
		}
		slow := srv.Stats().Slow
		got := converse(t, srv, sent, int(piece)+1)
		if srv.Stats().Slow > slow {
			t.Skip("this machine did not read for the write time-out before a login, 100 ms")
		}
		answered := 0
		for d := ami.NewDecoder(bytes.NewReader(got), ami.Client); ; {
			m, err := d.Decode()
			if err == io.EOF {
				break
			}
			if err != nil || m.Len() == 0 {
				t.Fatalf("a message is %q, %v", m.Bytes(), err)
			}
			if m.Kind() != ami.KindResponse {
				continue
			}
			if answered == len(actions) {
				t.Fatalf("%d answers, the last is %q, to %d actions", answered+1, m.Bytes(), len(actions))
			}
			a := actions[answered]
			answered++
			goodbye := a.bad == nil && a.action.IsAction("Logoff")
			if id := strings.ReplaceAll(string(a.action.Get("ActionID")), "\r", " "); id != string(m.Get("ActionID")) {
				t.Fatalf("%q is answered by %q", a.action.Bytes(), m.Bytes())
			}
			if (string(m.Get("Response")) == "Goodbye") != goodbye {
				t.Fatalf("%q is answered by %q", a.action.Bytes(), m.Bytes())
			}
			if ends := goodbye || a.bad == nil && a.action.IsAction("Login") && string(m.Get("Response")) == "Error"; ends {
				if rest := got[len(got)-len(m.Bytes()):]; !bytes.Equal(rest, m.Bytes()) {
					t.Fatalf("behind the end: %q", rest)
				}
				return
			}
		}
		t.Fatalf("%d of %d actions are answered, and the session is gone", answered, len(actions))
	})
}

// converse sends in pieces, and returns what comes behind the banner until the session has ended.
func converse(t *testing.T, srv *fixture, sent []byte, piece int) []byte {
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.serveConn(context.Background(), nil, theirs)
	}()
	ours.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(ours)
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		for len(sent) > 0 {
			n := min(piece, len(sent))
			if _, err := ours.Write(sent[:n]); err != nil {
				return // the session has ended
			}
			sent = sent[n:]
		}
	}()
	got, err := io.ReadAll(r)
	ours.Close()
	<-wrote
	<-done
	if err != nil {
		t.Fatalf("the session does not end: %v", err)
	}
	return got
}
