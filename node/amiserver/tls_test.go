package amiserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// certificate is one for localhost, signed by itself.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// serveTLS listens for TLS, too; the address of that is returned.
func serveTLS(t *testing.T, f *fixture) (addr string, roots *x509.CertPool) {
	t.Helper()
	cert, roots := certificate(t)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	ln := tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{cert}})
	go func() { served <- f.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return plain.Addr().String(), roots
}

// TestTLS: the same as on a plain port, banner behind the handshake.
//
//ami:same 12.3
func TestTLS(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.stamped = true
	f.node.run = recorded(t, f.node, "login-tls", "alpha-tls")
	addr, roots := serveTLS(t, f)
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write(gunzip(t, "login-tls", "alpha-tls.sent")); err != nil {
		t.Fatal(err)
	}
	conn.CloseWrite()
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	gotAnswers, _ := split(got)
	wantAnswers, _ := split(gunzip(t, "login-tls", "alpha-tls.ami"))
	diff(t, "answer", gotAnswers, wantAnswers)
}

// TestPlainOnTLS: who does not speak TLS is sent away without a reset, and at once.
func TestPlainOnTLS(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	addr, _ := serveTLS(t, f)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write([]byte("Action: Login\r\nUsername: admin\r\nSecret: secret\r\n\r\nAction: Ping\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || bytes.Contains(got, []byte("Asterisk")) {
		t.Errorf("%q, %v", got, err)
	}
	until(t, "it is counted", func() bool { return f.Stats().Handshakes == 1 && f.Stats().Sessions == 0 })
	if log := f.logs.String(); !strings.Contains(log, "TLS handshake of an AMI client failed") || strings.Contains(log, "secret") {
		t.Error(log)
	}
}

// TestTLSOnPlain: a TLS client on the plain port is sent away, too; it need not wait for authtimeout.
func TestTLSOnPlain(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	conn, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	err = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Handshake()
	if header := (tls.RecordHeaderError{}); !errors.As(err, &header) {
		t.Fatalf("%v", err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("not closed cleanly: %v", err)
	}
	until(t, "it is counted", func() bool { return f.Stats().Handshakes == 1 && f.Stats().Sessions == 0 })
	if log := f.logs.String(); !strings.Contains(log, "it speaks TLS") {
		t.Error(log)
	}
}

// TestTLSSilent: who never begins the handshake is gone after authtimeout, and held no place of those who are logged in.
//
//ami:same 5.14
func TestTLSSilent(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.conf.Users().AuthTimeout = time.Second
	addr, _ := serveTLS(t, f)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

// TestTLSWriteTimeout: a write over TLS cannot go on behind a time-out, so a slow client has the time of a chunk for all of it, however short
// its writetimeout is; and not more.
func TestTLSWriteTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		cert, _ := certificate(t)
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.serveConn(ctx, nil, tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{cert}}))
		}()
		conn := tls.Client(ours, &tls.Config{InsecureSkipVerify: true})
		c := &client{t, conn, bufio.NewReader(conn)}
		c.line()
		c.say("Action: Login", "Username: stall", "Secret: secret", "Events: user") // writetimeout is 100 ms
		c.expect("Response: Success|Message: Authentication accepted")
		long := strings.Repeat("x", 1000)
		for i := range 60 {
			f.node.publish(userEvent(fmt.Sprint(i, long)))
		}
		time.Sleep(9 * time.Second)
		for i := range 60 {
			c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: " + fmt.Sprint(i, long))
		}
		synctest.Wait()
		f.node.publish(userEvent("unread"))
		time.Sleep(flushTimeout - time.Millisecond)
		synctest.Wait()
		if s := f.Stats(); s.Slow != 0 || s.Sessions != 1 {
			t.Errorf("cut too early: %+v", s)
		}
		time.Sleep(6 * time.Second) // crypto/tls takes 5 s to say goodbye
		synctest.Wait()
		if n := f.Stats().Slow; n != 1 {
			t.Errorf("%d are cut", n)
		}
		ours.Close()
		<-done
	})
}
