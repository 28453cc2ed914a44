package amiserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
)

// devNull is a connection that takes everything and says nothing.
type devNull struct {
	net.Conn
	closed chan struct{}
	got    chan int
}

func (s *devNull) Read([]byte) (int, error)         { <-s.closed; return 0, io.EOF }
func (s *devNull) Write(b []byte) (int, error)      { s.got <- len(b); return len(b), nil }
func (s *devNull) Close() error                     { return nil }
func (s *devNull) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *devNull) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *devNull) SetReadDeadline(time.Time) error  { return nil }
func (s *devNull) SetWriteDeadline(time.Time) error { return nil }

// The cost of a delivery up to the kernel: one event, to all sessions, each woken for it.
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
	conn := &devNull{closed: make(chan struct{}), got: make(chan int, 1024)}
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
		<-conn.got // banner
	}
	text := userEvent(strings.Repeat("x", 400))
	var events []merge.Event
	for i := range batch {
		events = append(events, placed(alpha, uint64(i+1), text))
	}
	writes := sessions * batch
	if user.EventID {
		writes *= 2 // pieces: a socket takes them all at once
	}
	b.ReportAllocs()
	for b.Loop() {
		f.node.events.Publish(events...)
		for range writes {
			<-conn.got
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sessions*batch), "ns/delivery")
	close(conn.closed)
	for range sessions {
		<-done
	}
}
