package amiserver

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// draining is a fixture whose Serve is under the test's control.
func draining(t *testing.T, limit time.Duration) (f *fixture, stop func(), served chan error) {
	t.Helper()
	f = newFixture(t, func(c *Config) { c.Drain = limit })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	served = make(chan error, 1)
	go func() { served <- f.Serve(ctx, ln) }()
	return f, cancel, served
}

func waitServed(t *testing.T, served chan error) {
	t.Helper()
	select {
	case err := <-served:
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Serve does not return")
	}
}

// An answer under way is finished, the events that wait behind it are written, and the connection is closed in an orderly way.
//
//ami:differs 3.2 a node that stops reads no more actions: it finishes the answer under way, and closes
func TestDrainFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	f, stop, served := draining(t, time.Minute)
	begun, finish := make(chan struct{}), make(chan struct{})
	f.node.run = func(ctx context.Context, _ Caller, _ *ami.Message, send func([]byte) error) error {
		close(begun)
		select {
		case <-finish:
		case <-ctx.Done():
			return ctx.Err()
		}
		f.node.publish(userEvent("behind"))
		return send([]byte("Response: Success\r\nActionID: 7\r\nMessage: done\r\n\r\n"))
	}
	idle, busy := f.quiet(t, "admin"), f.quiet(t, "admin")
	busy.say("Action: Events", "EventMask: user")
	busy.expect("Response: Success|Events: On")
	busy.say("Action: Command", "ActionID: 7", "Command: core show channels")
	<-begun
	busy.say("Action: Command", "ActionID: 8", "Command: too late") // read, but not begun
	stop()
	idle.gone()
	if conn, err := net.Dial("tcp", f.addr); err == nil { // the kernel may have accepted it before the listener was closed
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		if b, _ := io.ReadAll(conn); len(b) > 0 {
			t.Errorf("a new connection is served: %q", b)
		}
		conn.Close()
	}
	close(finish)
	busy.expect("Response: Success|ActionID: 7|Message: done")
	busy.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: behind")
	busy.gone()
	waitServed(t, served)
}

// An answer that does not end is broken off, and its asker told.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	f, stop, served := draining(t, 50*time.Millisecond)
	begun := make(chan struct{})
	f.node.run = func(ctx context.Context, _ Caller, _ *ami.Message, _ func([]byte) error) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}
	c := f.quiet(t, "admin")
	c.say("Action: Command", "ActionID: 7", "Command: core show channels")
	<-begun
	stop()
	if got := c.next(); !strings.HasPrefix(got, "Response: Error|ActionID: 7|") {
		t.Errorf("got %s", got)
	}
	c.gone()
	waitServed(t, served)
}

// A client that does not read does not hold up the end.
func TestDrainDoesNotWaitForASlowReader(t *testing.T) {
	t.Parallel()
	f, stop, served := draining(t, 50*time.Millisecond)
	c := f.login(t, "admin", "Events: user")
	big := []byte("Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Big\r\nX: " + strings.Repeat("x", 60000) + "\r\n\r\n")
	for range 500 {
		f.node.publish(bytes.Clone(big))
	}
	until(t, "the session is stuck", func() bool {
		before := f.Stats().Bytes
		time.Sleep(50 * time.Millisecond)
		return f.Stats().Bytes == before
	})
	stop()
	waitServed(t, served)
	c.Close()
}
