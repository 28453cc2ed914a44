package upstream

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// ownGrace is how long a closed socket of ours is remembered: events about it may still be on their way.
const ownGrace = 10 * time.Second

// ownAddresses knows the local addresses of our sockets to the Asterisk, which sees them as RemoteAddress.
type ownAddresses struct {
	mu     sync.Mutex
	open   map[netip.AddrPort]int
	closed map[netip.AddrPort]time.Time
}

func (o *ownAddresses) add(a netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open, o.closed = map[netip.AddrPort]int{}, map[netip.AddrPort]time.Time{}
	}
	o.open[a]++
}

func (o *ownAddresses) remove(a netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if o.open[a]--; o.open[a] <= 0 {
		delete(o.open, a)
		o.closed[a] = now
	}
	for a, t := range o.closed {
		if now.Sub(t) > ownGrace {
			delete(o.closed, a)
		}
	}
}

func (o *ownAddresses) has(a netip.AddrPort) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open[a] > 0 {
		return true
	}
	t, ok := o.closed[a]
	return ok && time.Since(t) <= ownGrace
}

// caused tells whether m is a security event about one of our own sockets.
func (o *ownAddresses) caused(m *ami.Message) bool {
	if c, ok := ami.ParsePrivilege(m.Get("Privilege")); !ok || c&ami.ClassSecurity == 0 {
		return false
	}
	a, ok := parseRemoteAddress(string(m.Get("RemoteAddress")))
	return ok && o.has(a)
}

// parseRemoteAddress reads the form of security events, "IPV4/TCP/127.0.0.1/46772".
func parseRemoteAddress(v string) (netip.AddrPort, bool) {
	family, v, _ := strings.Cut(v, "/")
	transport, v, _ := strings.Cut(v, "/")
	host, port, ok := strings.Cut(v, "/")
	if !ok || family != "IPV4" && family != "IPV6" || transport != "TCP" && transport != "TLS" {
		return netip.AddrPort{}, false
	}
	a, err := netip.ParseAddrPort(net.JoinHostPort(strings.Trim(host, "[]"), port))
	return plainAddrPort(a), err == nil
}

// plainAddrPort takes away what two spellings of one address may differ in.
func plainAddrPort(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
