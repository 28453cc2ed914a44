package amiserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
)

// devNull is a connection that takes everything and says nothing. Writes of all are counted in one place.
type devNull struct {
	net.Conn
	closed chan struct{}
	writes *atomic.Int64
}

func (d *devNull) Read([]byte) (int, error)         { <-d.closed; return 0, io.EOF }
func (d *devNull) Write(b []byte) (int, error)      { d.writes.Add(1); return len(b), nil }
func (d *devNull) Close() error                     { return nil }
func (d *devNull) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (d *devNull) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (d *devNull) SetReadDeadline(time.Time) error  { return nil }
func (d *devNull) SetWriteDeadline(time.Time) error { return nil }

// await waits until n writes have been made.
func (d *devNull) await(n int64) {
	for d.writes.Load() < n {
		time.Sleep(20 * time.Microsecond)
	}
}

// cpu is what the process has used so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The CPU of a delivery up to the kernel: one event, to all sessions, each woken for it. To reach: 1.5 µs with 1,000 sessions. The floor is a
// channel send to as many goroutines.
func BenchmarkDeliver(b *testing.B) {
	for _, sessions := range []int{1, 1000} {
		b.Run(fmt.Sprint("sessions=", sessions), func(b *testing.B) { benchmarkDeliver(b, "admin", sessions, 1) })
	}
	for _, user := range []string{"admin", "ids"} { // ids has eventid = yes
		b.Run("sessions=1000/batch=100/user="+user, func(b *testing.B) { benchmarkDeliver(b, user, 1000, 100) })
	}
}

func benchmarkDeliver(b *testing.B, name string, sessions, batch int) {
	f := newFixture(b, nil)
	user, _ := f.conf.Users().User(name)
	conn := &devNull{closed: make(chan struct{}), writes: new(atomic.Int64)}
	done := make(chan struct{})
	for range sessions {
		s := newConnection(f.Server, conn, time.Minute)
		patient := *user
		patient.WriteTimeout = time.Minute
		s.user, s.mask, s.sub = &patient, user.Read, f.conf.Events.Subscribe(DefaultQueueLen)
		f.enter(&patient)
		go func() {
			s.run(context.Background(), nil)
			done <- struct{}{}
		}()
	}
	conn.await(int64(sessions)) // banners
	text := userEvent(strings.Repeat("x", 400))
	var events []merge.Event
	for i := range batch {
		events = append(events, placed(alpha, uint64(i+1), text))
	}
	writes := sessions * batch
	if user.EventID {
		writes *= 2 // pieces: a socket takes them all at once
	}
	floor := channelFloor(b, sessions)
	written, began := conn.writes.Load(), cpu(b)
	b.ReportAllocs()
	for b.Loop() {
		f.node.events.Publish(events...)
		written += int64(writes)
		conn.await(written)
	}
	each := float64(cpu(b)-began) / float64(b.N*sessions*batch)
	b.ReportMetric(each, "cpu-ns/delivery")
	b.ReportMetric(each/floor, "ratio")
	b.ReportMetric(0, "ns/op")
	close(conn.closed)
	for range sessions {
		<-done
	}
}

// channelFloor is the CPU of waking a goroutine through a channel, in nanoseconds, when as many as there are sessions are woken.
func channelFloor(b *testing.B, sessions int) float64 {
	var woken atomic.Int64
	var waiting sync.WaitGroup
	wake := make([]chan struct{}, sessions)
	for i := range wake {
		wake[i] = make(chan struct{}, 1)
		waiting.Go(func() {
			for range wake[i] {
				woken.Add(1)
			}
		})
	}
	const rounds = 100
	began := cpu(b)
	for round := range int64(rounds) {
		for _, c := range wake {
			c <- struct{}{}
		}
		for woken.Load() < (round+1)*int64(sessions) {
			time.Sleep(20 * time.Microsecond)
		}
	}
	each := float64(cpu(b)-began) / float64(rounds*sessions)
	for _, c := range wake {
		close(c)
	}
	waiting.Wait()
	return each
}
