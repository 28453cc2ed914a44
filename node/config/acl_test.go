package config

import (
	"net/netip"
	"testing"
)

// TestACL: rules in order, the last match decides, IPv4 and IPv6 apart.
//
//ami:same 13.1 13.2 13.4
func TestACL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rules [][2]string
		addr  string
		want  bool
	}{
		"empty":                   {nil, "1.2.3.4", true},
		"no match allows":         {[][2]string{{"deny", "10.0.0.0/8"}}, "1.2.3.4", true},
		"last match decides":      {[][2]string{{"deny", "0.0.0.0/0"}, {"permit", "1.2.3.0/24"}, {"deny", "1.2.3.4"}}, "1.2.3.4", false},
		"mask":                    {[][2]string{{"deny", "0.0.0.0/0.0.0.0"}, {"permit", "1.2.0.0/255.255.0.0"}}, "1.2.9.9", true},
		"host bits are ignored":   {[][2]string{{"deny", "1.2.3.4/8"}}, "1.9.9.9", false},
		"negated":                 {[][2]string{{"permit", "!1.2.3.4"}}, "1.2.3.4", false},
		"mapped address":          {[][2]string{{"deny", "1.2.3.4"}}, "::ffff:1.2.3.4", false},
		"mapped rule":             {[][2]string{{"deny", "::ffff:1.0.0.0/104"}}, "1.2.3.4", false},
		"v4 rule, v6 peer":        {[][2]string{{"deny", "0.0.0.0/0"}}, "2001:db8::1", true},
		"v6":                      {[][2]string{{"deny", "::/0"}, {"permit", "2001:db8::/32"}}, "2001:db8::1", true},
		"v6 mask":                 {[][2]string{{"deny", "2001:db8::/ffff:ffff::"}}, "2001:db8::1", false},
		"v6 rule, v4 peer":        {[][2]string{{"deny", "::/0"}}, "1.2.3.4", true},
		"zone":                    {[][2]string{{"deny", "fe80::/10"}}, "fe80::1%lo", false},
		"several on one line":     {[][2]string{{"deny", "1.1.1.1,2.2.2.2"}}, "2.2.2.2", false},
		"brackets round the host": {[][2]string{{"deny", "[::1]/128"}}, "::1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acl := &ACL{}
			for _, r := range c.rules {
				if err := acl.add(r[0] == "permit", r[1]); err != nil {
					t.Fatal(err)
				}
			}
			if got := acl.Allowed(netip.MustParseAddr(c.addr)); got != c.want {
				t.Errorf("%s: %v", c.addr, got)
			}
			if acl.Allowed(netip.Addr{}) != (len(c.rules) == 0) {
				t.Error("an unknown address passes only the empty list")
			}
		})
	}
}
