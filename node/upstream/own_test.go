package upstream

import (
	"net/netip"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

func TestOwnAddresses(t *testing.T) {
	t.Parallel()
	var own ownAddresses
	own.add(plainAddrPort(netip.MustParseAddrPort("127.0.0.1:46772")))
	own.add(plainAddrPort(netip.MustParseAddrPort("[::1]:5000")))
	closed := plainAddrPort(netip.MustParseAddrPort("[::ffff:192.0.2.1]:7"))
	own.add(closed)
	own.remove(closed) // an event about it may still come
	for _, c := range []struct {
		privilege, remote string
		want              bool
	}{
		{"security,all", "IPV4/TCP/127.0.0.1/46772", true},
		{"security,all", "IPV4/TLS/127.0.0.1/46772", true},
		{"security,all", "IPV6/TCP/::ffff:127.0.0.1/46772", true},
		{"security,all", "IPV6/TCP/::1/5000", true},
		{"security,all", "IPV6/TCP/[::1]/5000", true},
		{"security,all", "IPV4/TCP/192.0.2.1/7", true},
		{"system,security,all", "IPV4/TCP/127.0.0.1/46772", true},
		{"security,system,all", "IPV4/TCP/127.0.0.1/46772", false}, // no order of an Asterisk
		{"user,all", "IPV4/TCP/127.0.0.1/46772", false},
		{"", "IPV4/TCP/127.0.0.1/46772", false},
		{"security,all", "IPV4/TCP/127.0.0.1/46773", false},
		{"security,all", "IPV4/UDP/127.0.0.1/46772", false}, // SIP
		{"security,all", "127.0.0.1:46772", false},
		{"security,all", "IPV4/TCP/127.0.0.1/", false},
		{"security,all", "", false},
	} {
		m := ami.New("Event", "SuccessfulAuth", "Privilege", c.privilege, "RemoteAddress", c.remote)
		if got := own.caused(m); got != c.want {
			t.Errorf("%s from %q: %v, want %v", c.privilege, c.remote, got, c.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	b := backoff{min: 100, max: 1500, rand: func() float64 { return 1 }}
	for _, want := range []int{100, 200, 400, 800, 1500, 1500} {
		if got := int(b.take()); got != want {
			t.Fatalf("pause %d, want %d", got, want)
		}
	}
	b.reset()
	b.rand = func() float64 { return 0 }
	if got := b.take(); got != 50 {
		t.Errorf("after a reset, with the least jitter: %d, want 50", got)
	}
}
