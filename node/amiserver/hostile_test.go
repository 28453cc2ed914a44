package amiserver

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHostileCrowd: thousands of connections never log in, and dozens send what no client should: lines without end, one byte at a time,
// headers without end, nothing but NULs, noise. Whoever is logged in is answered, and hears of events; nobody else costs more than a little
// memory, and all of them are gone when their time is over.
//
//ami:same 1.3 2.3 2.4 2.7 5.14
func TestHostileCrowd(t *testing.T) {
	f := serveUsers(t, strings.Replace(testUsers, "authlimit = 5000", "authlimit = 6000\nauthtimeout = 20", 1))
	crowd := min(5000, (fileLimit(t)-500)/2)
	if crowd < 5000 {
		t.Logf("only %d connections: the system allows no more files", crowd)
	}
	healthy := f.login(t, "admin", "Events: user")
	ping := func() time.Duration {
		start := time.Now()
		healthy.SetReadDeadline(start.Add(time.Minute))
		healthy.say("Action: Ping")
		if got := healthy.next(); !strings.HasPrefix(got, "Response: Success|Ping: Pong|") {
			t.Fatalf("got %s", got)
		}
		return time.Since(start)
	}
	quiet := ping()
	before := memory()
	conns := make(chan net.Conn, crowd+100)
	var all sync.WaitGroup
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", f.addr)
		if err != nil {
			t.Error(err)
			return nil
		}
		conns <- conn
		return conn
	}
	for worker := range 8 {
		all.Go(func() {
			for i := worker; i < crowd; i += 8 {
				dial()
			}
		})
	}
	all.Wait()
	until(t, "the crowd to be there", func() bool { return f.Stats().Sessions == crowd+1 })
	for i := range 40 {
		if conn := dial(); conn != nil {
			all.Go(func() { torment(conn, i) }) // it ends when the server closes the connection
		}
	}
	worst := time.Duration(0)
	for range 50 {
		worst = max(worst, ping())
		f.node.publish(userEvent("x"))
		healthy.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: x")
	}
	used := float64(memory()-before) / float64(crowd)
	t.Logf("a ping takes %v, at most %v in the crowd; %.0f bytes a connection", quiet, worst, used)
	if worst > 10*time.Second {
		t.Errorf("a ping took %v", worst)
	}
	if used > 100_000 {
		t.Errorf("%.0f bytes a connection", used)
	}
	healthy.SetReadDeadline(time.Time{})
	for deadline := time.Now().Add(2 * time.Minute); f.Stats().Sessions > 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions are still there", f.Stats().Sessions)
		}
	}
	all.Wait()
	ping()
	close(conns)
	for conn := range conns {
		conn.Close()
	}
}

// torment sends one kind of rubbish until the connection is closed, and reads nothing of what is said to it, or all.
func torment(conn net.Conn, kind int) {
	if kind%2 == 0 {
		go io.Copy(io.Discard, conn)
	}
	piece, pause := []byte("x"), time.Duration(0)
	switch kind % 5 {
	case 0: // a line without end
		piece = bytes.Repeat(piece, 64<<10)
	case 1: // slowloris
		pause = 50 * time.Millisecond
	case 2: // headers without end
		piece = bytes.Repeat([]byte("A: b\r\n"), 10_000)
	case 3: // NULs
		piece = make([]byte, 64<<10)
	case 4: // noise with line ends
		piece = bytes.Repeat([]byte("\xff\x00\r\r\n\n:\x1b\r\n"), 5_000)
	}
	for {
		if _, err := conn.Write(piece); err != nil {
			return
		}
		time.Sleep(pause)
	}
}
