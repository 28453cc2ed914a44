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

// FuzzSession: whatever a client sends, each action it ends with an empty line is answered, the server does not panic, and the
// session ends with its client.
func FuzzSession(f *testing.F) {
	f.Add([]byte("Action: Login\r\nUsername: admin\r\nSecret: secret\r\n\r\nAction: Ping\r\nActionID: 1\r\n\r\nAction: Logoff\r\n\r\n"))
	f.Add([]byte("GET / HTTP/1.1\nHost: x\n\n\x00\r\n\r\n:\r\n"))
	f.Add([]byte("Action: Challenge\r\nAuthType: md5\r\n\r\nAction: Login\r\nAuthType: MD5\r\nKey: 0\r\nUsername: admin\r\n\r\n"))
	f.Add([]byte("Action: Events\r\nEventMask: ,\r\n\r\n" + strings.Repeat("x", 3000) + "\r\n\r\n"))
	f.Add([]byte(strings.Repeat("a: b\r\n", 200) + "\r\n"))
	srv := newFixture(f, nil)
	srv.penalty = time.Millisecond
	srv.node.run = func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		return send(answer(action, "Success").Bytes())
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		slow := srv.Stats().Slow
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			srv.serveConn(context.Background(), nil, theirs)
		}()
		ours.SetDeadline(time.Now().Add(10 * time.Second))
		r := bufio.NewReader(ours)
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		answers := make(chan []byte)
		go func() {
			b, _ := io.ReadAll(r)
			answers <- b
		}()
		ours.Write(append(sent, "\n\nAction: Logoff\r\n\r\n"...)) // fails when a Logoff or a failed login came before
		got := <-answers
		ours.Close()
		<-done
		if srv.Stats().Slow > slow {
			t.Skip("this machine did not read for the write time-out before a login, 100 ms")
		}
		if !bytes.HasSuffix(got, []byte("Thanks for all the fish.\r\n\r\n")) && !bytes.HasSuffix(got, []byte("failed\r\n\r\n")) {
			t.Fatalf("the last answer is %q", got[max(0, len(got)-200):])
		}
	})
}

// Garbage is answered and bounded (ami/behaviour.md 2).
//
//ami:same 2.3 2.5 2.7
//ami:differs 4.2 a CR in it becomes a blank, since it would be a line end to some clients
//ami:client 17
func TestBadInput(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	c := f.quiet(t, "admin")
	c.say("Action: Ping", "ActionID: 1", "Long: "+strings.Repeat("x", 2000))
	c.expect("Response: Error|ActionID: 1|Message: Failed to parse message: line too long")
	c.say("Action: Ping", "ActionID: 2", strings.TrimSuffix(strings.Repeat("a: b\r\n", 10_000), "\r\n"))
	c.expect("Response: Error|ActionID: 2|Message: Too many lines in message or allocation failure")
	c.say("Action: Bo\x00gus", "ActionID: 3\r4")
	c.expect("Response: Error|ActionID: 3 4|Message: Invalid/unknown command: Bo. Use Action: ListCommands to show available commands.")
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 100 {
		if _, err := c.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	c.say("")
	c.expect("Response: Error|Message: Failed to parse message: line too long")
	c.say("Action: Ping")
	if got := c.next(); !strings.HasPrefix(got, "Response: Success|Ping: Pong|Timestamp: ") {
		t.Errorf("then %s", got)
	}
}
