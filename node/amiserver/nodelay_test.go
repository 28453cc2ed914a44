//go:build unix

package amiserver

import (
	"net"
	"syscall"
	"testing"
)

// accepting hands over what it accepts.
type accepting struct {
	net.Listener
	conns chan *net.TCPConn
}

func (a *accepting) Accept() (net.Conn, error) {
	conn, err := a.Listener.Accept()
	if err == nil {
		a.conns <- conn.(*net.TCPConn)
	}
	return conn, err
}

// TestNoDelay: nothing small waits for more.
//
//ami:same 1.5
func TestNoDelay(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &accepting{ln, make(chan *net.TCPConn, 1)}
	served := make(chan error, 1)
	go func() { served <- f.Serve(t.Context(), a) }()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	raw, err := (<-a.conns).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	value := 0
	if e := raw.Control(func(fd uintptr) {
		value, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
	}); e != nil || err != nil {
		t.Fatal(e, err)
	}
	if value == 0 {
		t.Error("TCP_NODELAY is not set")
	}
	client.Close()
	ln.Close()
	<-served
}
