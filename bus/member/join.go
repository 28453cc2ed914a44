package member

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// listenAttempts: a port taken by TCP may be in use for UDP, so any port may need more than one try.
const listenAttempts = 10

// transport is memberlist's own, but its connections end with ctx: a Close need not wait for an address that does not answer.
type transport struct {
	*memberlist.NetTransport
	ctx context.Context
}

func listen(ctx context.Context, addr string, logger *log.Logger) (*transport, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("bus.member.listen %q: want ip:port: %w", addr, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("bus.member.listen %q: port is not a number from 0 to 65535", addr)
	}
	switch host {
	case "":
		host = "0.0.0.0"
	case "localhost":
		host = "127.0.0.1"
	}
	if net.ParseIP(host) == nil {
		return nil, fmt.Errorf("bus.member.listen %q: want an IP address, not a name", addr)
	}
	for attempt := 1; ; attempt++ {
		t, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{BindAddrs: []string{host}, BindPort: int(port), Logger: logger})
		if err == nil {
			return &transport{t, ctx}, nil
		}
		if port != 0 || attempt == listenAttempts {
			return nil, fmt.Errorf("bus.member.listen %q: cannot listen there, choose a free address: %w", addr, err)
		}
	}
}

// DialTimeout implements memberlist.Transport.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(t.ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &boundConn{conn, context.AfterFunc(t.ctx, func() { conn.Close() })}, nil
}

// DialAddressTimeout implements memberlist.NodeAwareTransport.
func (t *transport) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return t.DialTimeout(a.Addr, timeout)
}

// boundConn ends with a context.
type boundConn struct {
	net.Conn
	unbind func() bool
}

func (c *boundConn) Close() error {
	c.unbind()
	return c.Conn.Close()
}

// rejoinLoop reaches out for who is missing, for ever.
func (l *List) rejoinLoop() {
	tick := time.NewTicker(l.cfg.Rejoin)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.rejoin()
		case <-l.ctx.Done():
			return
		}
	}
}

// rejoin joins every known address at which nobody is alive, at once.
func (l *List) rejoin() {
	missing := l.missing()
	l.mu.Lock()
	maps.DeleteFunc(l.failing, func(addr string, _ bool) bool { return !missing[addr] && !slices.Contains(l.cfg.Join, addr) })
	l.mu.Unlock()
	var joining sync.WaitGroup
	for addr := range missing {
		joining.Go(func() {
			_, err := l.ml.Join([]string{addr})
			l.tried(addr, err)
		})
	}
	joining.Wait()
	l.look() // a grace may be over
}

// missing returns the addresses, configured or last known, at which nobody is alive.
func (l *List) missing() map[string]bool {
	addrs := make(map[string]bool)
	for _, configured := range l.cfg.Join {
		resolved, err := l.resolve(configured)
		if err != nil {
			l.tried(configured, err)
		}
		for _, addr := range resolved {
			addrs[addr] = true
		}
	}
	own := l.Addr()
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, p := range l.table {
		switch {
		case p.died.IsZero():
		case time.Since(p.died) > forgetAfter:
			delete(l.table, name)
		default:
			addrs[p.addr] = true
		}
	}
	for _, p := range l.table {
		if p.died.IsZero() {
			delete(addrs, p.addr)
		}
	}
	delete(addrs, own)
	return addrs
}

// resolve returns every address behind host:port.
func (l *List) resolve(addr string) ([]string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("bus.member.join: want host:port: %w", err)
	}
	if net.ParseIP(host) != nil {
		return []string{addr}, nil
	}
	ctx, cancel := context.WithTimeout(l.ctx, streamTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	for i := range ips {
		ips[i] = net.JoinHostPort(ips[i], port)
	}
	return ips, nil
}

// tried notes the outcome of an attempt, and logs it if it is news.
func (l *List) tried(addr string, err error) {
	if l.ctx.Err() != nil {
		return
	}
	if err != nil {
		l.unreachable.Add(1)
		if err = oneLine(err); keysDiffer(err.Error()) {
			err = fmt.Errorf("%w; is bus.member.key_file the same there?", err)
		}
	}
	l.mu.Lock()
	failed := l.failing[addr]
	if err != nil {
		l.failing[addr] = true
	} else {
		delete(l.failing, addr)
	}
	l.mu.Unlock()
	switch {
	case err != nil && !failed:
		l.cfg.Log.Warn("member cannot be reached, retrying", "address", addr, "every", l.cfg.Rejoin, "error", err)
	case err == nil && failed:
		l.cfg.Log.Info("member can be reached again", "address", addr)
	}
}

// oneLine unwraps memberlist's list of errors, which prints over several lines.
func oneLine(err error) error {
	var list interface{ WrappedErrors() []error }
	if errors.As(err, &list) && len(list.WrappedErrors()) == 1 {
		return list.WrappedErrors()[0]
	}
	return err
}
