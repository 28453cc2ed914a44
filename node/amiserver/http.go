package amiserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/amibus/amibus/node/config"
)

// Limits of AMI over HTTP (ami/behaviour.md 11.17). Asterisk would take up to 100 header lines of 4096 bytes each.
const (
	maxHeaderBytes = 64 << 10
	maxHTTPLine    = 4096 // less one, line end included
	maxHTTPHeaders = 100
	minInitialWait = 10 * time.Second // for the first request of a connection
)

// WebListener is where AMI over HTTP is served; with TLS it is HTTPS.
type WebListener struct {
	net.Listener
	TLS *tls.Config
}

// ServeHTTP serves AMI over HTTP on all the listeners until ctx ends or one of them breaks, closes them, and returns when requests and
// sessions are gone: answers under way are finished, a WaitEvent ends at once, and nobody takes longer than Drain and lastWords. It may
// run once. conf is asked anew for each connection and request; only its KeepAlive is that of the beginning.
func (s *Server) ServeHTTP(ctx context.Context, conf func() *config.HTTP, listeners ...WebListener) error {
	s.web.Store(true)
	defer s.web.Store(false)
	answers, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	limit := &connLimit{srv: s, conf: conf}
	handler := newWebHandler(s, conf, answers, ctx.Done())
	server := handler.server()
	var serving sync.WaitGroup
	broken := make(chan error, len(listeners))
	for _, ln := range listeners {
		over := net.Listener(limited{ln.Listener, limit})
		if ln.TLS != nil {
			over = tls.NewListener(over, ln.TLS)
		}
		serving.Go(func() { broken <- server.Serve(over) })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-broken:
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.conf.Drain+lastWords)
	defer cancel()
	defer time.AfterFunc(s.conf.Drain, cut).Stop()
	if server.Shutdown(patience) != nil {
		server.Close()
	}
	cut()
	serving.Wait()
	handler.close()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

func (h *webHandler) server() *http.Server {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	conf := h.current()
	patience := max(conf.KeepAlive, minInitialWait)
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: patience,
		ReadTimeout:       patience + conf.Inactivity, // until the handler sets its own
		IdleTimeout:       conf.KeepAlive,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         &http1,
		BaseContext:       func(net.Listener) context.Context { return h.ctx },
		ErrorLog:          slog.NewLogLogger(h.srv.conf.Log.Handler(), slog.LevelDebug),

		DisableGeneralOptionsHandler: true,
	}
	server.SetKeepAlivesEnabled(conf.KeepAlive > 0)
	return server
}

// connLimit closes connections beyond the limit of http.conf without a byte, as Asterisk does.
type connLimit struct {
	srv  *Server
	conf func() *config.HTTP

	mu    sync.Mutex
	conns int
}

type limited struct {
	net.Listener
	*connLimit
}

func (l limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.take() {
			return &limitedConn{Conn: conn, limit: l.connLimit}, nil
		}
		conn.Close()
		l.srv.count.refused.Add(1)
		l.srv.logRefused(conn, "all HTTP connections are in use (sessionlimit of http.conf)")
	}
}

func (l *connLimit) take() bool {
	limit := l.conf().SessionLimit
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns >= limit {
		return false
	}
	l.conns++
	return true
}

type limitedConn struct {
	net.Conn
	limit *connLimit
	once  sync.Once
}

func (c *limitedConn) Close() error {
	c.once.Do(func() {
		c.limit.mu.Lock()
		c.limit.conns--
		c.limit.mu.Unlock()
	})
	return c.Conn.Close()
}

// CloseWrite lets a client read the answer to a request of which not all was read.
func (c *limitedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
