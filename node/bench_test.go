package node

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

// benchRate is the load: events a second, of all nodes together.
const benchRate = 60_000

// benchClasses are what the clients ask for: without system and security, so that they count recorded events only.
const benchClasses = ami.ClassCall | ami.ClassDialplan | ami.ClassUser | ami.ClassDTMF | ami.ClassAgent | ami.ClassCDR

// BenchmarkThreeNodes runs three nodes in one process over embedded NATS and a plain AMI client at each. An op is one event of the
// cluster that has arrived at all three clients; merged/s is what each client receives.
func BenchmarkThreeNodes(b *testing.B) {
	rec, err := capture.OpenDir("../testdata/captures/busy-1", "alpha")
	if err != nil {
		b.Fatal(err)
	}
	var events []*ami.Message
	for _, m := range rec.Events() {
		if class, ok := ami.ParsePrivilege(m.Get("Privilege")); ok && class&^benchClasses == 0 {
			events = append(events, m)
		}
	}
	nodes := startThree(b)
	var received [3]atomic.Int64
	for i, n := range nodes {
		drain(b, n.AMI(), &received[i])
	}
	before := [3]int64{}
	for i := range received {
		before[i] = received[i].Load()
	}
	b.ResetTimer()
	start, used := time.Now(), cpu(b)
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			for k, next := i, time.Now(); k < b.N; {
				for range benchRate / 3 / 1000 {
					if k < b.N {
						n.intake.take(events[k%len(events)])
						k += 3
					}
				}
				next = next.Add(time.Millisecond)
				time.Sleep(time.Until(next))
			}
		})
	}
	wg.Wait()
	deadline := time.Now().Add(20 * time.Second)
	for i := range received {
		for received[i].Load()-before[i] < int64(b.N) {
			if time.Now().After(deadline) {
				b.Fatalf("client %d got %d of %d events", i, received[i].Load()-before[i], b.N)
			}
			time.Sleep(time.Millisecond)
		}
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "merged/s")
	b.ReportMetric((cpu(b)-used).Seconds()/time.Since(start).Seconds(), "cores") // of everything: load, nodes, NATS, clients
	late := uint64(0)
	for _, n := range nodes {
		s := n.stream.Stats()
		late += s.Merge.Late
		if s.Merge.Lost+s.OutboxDropped > 0 {
			b.Errorf("%s: %+v", n.self, s)
		}
	}
	b.ReportMetric(float64(late), "late") // above 0 if the machine was too busy: a node was dropped from the view
}

// BenchmarkResume replays from the journal to a client. An op is one event that has arrived there.
func BenchmarkResume(b *testing.B) {
	n := startThree(b)[0]
	m := ami.New("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "Bench", "Text", strings.Repeat("x", 400))
	for range b.N {
		n.intake.take(m)
	}
	for n.stream.Stats().Merge.Queued > 0 {
		time.Sleep(time.Millisecond)
	}
	conn, err := net.Dial("tcp", n.AMI())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	b.ResetTimer()
	fmt.Fprintf(conn, "Action: Login\r\nUsername: admin\r\nSecret: secret\r\nEvents: user\r\nResumeFrom: default/alpha/%d/0\r\n\r\n", n.epoch)
	count(conn, func(messages int) bool { return messages < b.N+1 }) // and the answer
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "replayed/s")
}

// cpu is the processor time this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func startThree(tb testing.TB, tune ...func(*config.Config)) []*Node {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	tb.Cleanup(func() { cancel(); wg.Wait() })
	var nodes []*Node
	var join []string
	for _, name := range []string{"alpha", "bravo", "charlie"} {
		dir := tb.TempDir()
		manager := filepath.Join(dir, "manager.conf")
		text := "[general]\nenabled=yes\nbindaddr=127.0.0.1\nport=0\n[admin]\nsecret=secret\nread=all\nwrite=all\nwritetimeout=10000\n"
		if err := os.WriteFile(manager, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		c := config.Default()
		c.Node.Name, c.Node.DataDir = name, filepath.Join(dir, "data")
		c.Source.Kind = config.KindNone
		c.AMI.ManagerConf = manager
		c.Bus.NATS.RouteListen = "127.0.0.1:0"
		c.Bus.Member.Listen, c.Bus.Member.Join = "127.0.0.1:0", join
		c.Admin.Listen = ""
		for _, f := range tune {
			f(c)
		}
		n, err := New(c, slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
		if err != nil {
			tb.Fatal(err)
		}
		join = append(join, n.MemberAddr())
		wg.Go(func() {
			if err := n.Run(ctx); err != nil {
				tb.Error(err)
			}
		})
		<-n.Settled()
		nodes = append(nodes, n)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		ready := 0
		for _, n := range nodes {
			if n.stream.Stats().Merge.Awaited == 3 {
				ready++
			}
		}
		if ready == 3 {
			return nodes
		}
		if time.Now().After(deadline) {
			tb.Fatal("the nodes do not see each other")
		}
	}
}

// drain logs in and counts the events that end in what it receives.
func drain(tb testing.TB, addr string, received *atomic.Int64) {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "Action: Login\r\nUsername: admin\r\nSecret: secret\r\nEvents: call,dialplan,user,dtmf,agent,cdr\r\n\r\n")
	d := ami.NewDecoder(conn, ami.Client)
	if _, err := d.Line(); err != nil {
		tb.Fatal(err)
	}
	if m, err := d.Decode(); err != nil || string(m.Get("Response")) != "Success" {
		tb.Fatal("login failed")
	}
	go count(conn, func(n int) bool { received.Store(int64(n)); return true })
}

// count reads, and tells how many messages have ended so far, until more says that this is enough.
func count(conn net.Conn, more func(messages int) bool) {
	buf := make([]byte, 256<<10)
	n, messages := 0, 0 // n bytes are kept from the read before: a separator may be cut
	for more(messages) {
		r, err := conn.Read(buf[n:])
		if err != nil {
			return
		}
		messages += bytes.Count(buf[:n+r], []byte("\r\n\r\n"))
		n = copy(buf, buf[max(0, n+r-3):n+r])
	}
}
