package amiserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkIdle is the memory of sessions that are logged in, and have nothing to do. To reach: 30 KB each. The clients'
// side of the sockets is in it.
func BenchmarkIdle(b *testing.B) {
	sessions := 10000
	if most := (fileLimit(b) - 500) / 2; most < sessions {
		b.Logf("only %d sessions: the system allows no more files", most)
		sessions = most
	}
	f := serve(b, nil)
	f.conf.Users().AuthLimit = sessions
	for b.Loop() {
		before := memory()
		conns := make([]net.Conn, sessions)
		var dialling sync.WaitGroup
		for worker := range 8 {
			dialling.Go(func() {
				for i := worker; i < sessions; i += 8 {
					conns[i] = rawLogin(b, f.addr, "Secret: secret\r\nEvents: call,user")
				}
			})
		}
		dialling.Wait()
		seen := f.Stats().Events
		for range 50 { // a burst, whose memory they should not keep
			f.node.publish(userEvent("x"))
		}
		until(b, "all have got it", func() bool { return f.Stats().Events-seen == 50*uint64(sessions) })
		b.ReportMetric(float64(memory()-before)/float64(sessions), "B/session")
		for _, c := range conns {
			c.Close()
		}
		until(b, "all have gone", func() bool { return f.Stats().Sessions == 0 })
	}
}

func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// rawLogin reads no more than the answer.
func rawLogin(b testing.TB, addr string, secret string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Error(err)
		return nil
	}
	if _, err := io.WriteString(conn, "Action: Login\r\nUsername: admin\r\n"+secret+"\r\n\r\n"); err != nil {
		b.Error(err)
	}
	buf := make([]byte, 512)
	for got := ""; !strings.Contains(got, "accepted\r\n\r\n"); {
		n, err := conn.Read(buf)
		if err != nil {
			b.Errorf("%v after %q", err, got)
			break
		}
		got += string(buf[:n])
	}
	return conn
}

// BenchmarkLogins is connect, login, logoff, by 16 clients at once. To reach: 6,700 a second. The floor is the same dialogue with a server
// that knows its answers by heart.
func BenchmarkLogins(b *testing.B) {
	f := serve(b, nil)
	floor := dialogues(b, parrot(b), 4000)
	for b.Loop() {
		rate := dialogues(b, f.addr, 4000)
		b.ReportMetric(rate, "logins/s")
		b.ReportMetric(floor/rate, "floor/rate")
	}
}

func dialogues(b *testing.B, addr string, n int) (perSecond float64) {
	began := time.Now()
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range n / 16 {
				conn := rawLogin(b, addr, "Secret: secret\r\nEvents: off")
				if _, err := io.WriteString(conn, "Action: Logoff\r\n\r\n"); err != nil {
					b.Error(err)
				}
				io.Copy(io.Discard, conn)
				conn.Close()
			}
		})
	}
	clients.Wait()
	return float64(n/16*16) / time.Since(began).Seconds()
}

// parrot answers any first message as a login and any second one as a logoff.
func parrot(b *testing.B) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, "Asterisk Call Manager/11.0.0\r\n")
				r := bufio.NewReader(conn)
				for _, answer := range []string{"Response: Success\r\nMessage: Authentication accepted\r\n\r\n", "Response: Goodbye\r\n\r\n"} {
					for line := "-"; line != "\r\n"; {
						if line, err = r.ReadString('\n'); err != nil {
							return
						}
					}
					fmt.Fprint(conn, answer)
				}
			}()
		}
	}()
	return ln.Addr().String()
}
