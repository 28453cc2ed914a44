package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// splitAddress takes host:port apart. The host is an IP address, a name, or empty for every address of the machine.
func splitAddress(address string) (host string, port uint16, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("is %q, must be host:port", address)
	}
	number, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("is %q, whose port must be a number from 0 to 65535", address)
	}
	if _, notIP := netip.ParseAddr(host); notIP != nil && host != "" && !hostPattern.MatchString(host) {
		return "", 0, fmt.Errorf("is %q, whose host is neither an IP address nor a name", address)
	}
	return host, uint16(number), nil
}

// isLoopback tells whether only this machine can reach the host. Names other than localhost are not looked up: what they stand for
// may change after the check.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Address is where AMI is served: bindaddr and port of manager.conf, or 127.0.0.1:5038.
func (m *Manager) Address() string { return cmp.Or(m.Listen, "127.0.0.1:"+managerPort) }

// collide tells whether one machine cannot listen on both.
func collide(a, b string) bool {
	hostA, portA, errA := splitAddress(a)
	hostB, portB, errB := splitAddress(b)
	return errA == nil && errB == nil && portA == portB && portA != 0 &&
		(isEvery(hostA) || isEvery(hostB) || canonical(hostA) == canonical(hostB))
}

// reaches tells whether who connects to the peer surely ends at the listener.
func reaches(peer, listener string) bool {
	host, port, err := splitAddress(peer)
	every, _, _ := splitAddress(listener)
	return err == nil && port != 0 && collide(peer, listener) && !isEvery(host) && (!isEvery(every) || isLoopback(host))
}

// isEvery tells whether the host means every address of the machine.
func isEvery(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// canonical makes two ways to write one host equal.
func canonical(host string) string {
	if host == "localhost" {
		return "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(host)
}

// address checks an address to listen on; an empty one means: not at all. Port 0 lets the system choose.
func (k *checker) address(key, address string) (host string, ok bool) {
	if address == "" {
		return "", false
	}
	host, _, err := splitAddress(address)
	if err != nil {
		k.bad(key, "%v", err)
		return "", false
	}
	return host, true
}

// open checks an address to listen on, which must stay on this machine unless it is safe.
func (k *checker) open(key, address string, safe bool, why string) {
	if host, ok := k.address(key, address); ok && !safe && !isLoopback(host) {
		k.bad(key, "is %s, must be on loopback: nothing listens beyond loopback without credentials, and %s", address, why)
	}
}

// peer checks an address to connect to.
func (k *checker) peer(key, address string) {
	host, port, err := splitAddress(address)
	switch {
	case err != nil:
		k.bad(key, "%v", err)
	case host == "" || port == 0:
		k.bad(key, "is %q, must name a host and a port to connect to", address)
	}
}
