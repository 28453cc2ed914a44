package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ACL decides by address. The last rule that matches wins; no match allows (ami/behaviour.md 13.2).
type ACL struct {
	rules   []aclRule
	missing bool // named by a user and not in acl.conf: denies everybody (13.3)
}

type aclRule struct {
	allow  bool
	prefix netip.Prefix
}

// Allowed tells whether the list lets addr in. IPv4 rules also apply to IPv4-mapped addresses, never to native IPv6 ones (13.4).
func (a *ACL) Allowed(addr netip.Addr) bool {
	if a.missing || !addr.IsValid() && len(a.rules) > 0 {
		return false
	}
	addr = addr.Unmap().WithZone("")
	allowed := true
	for _, r := range a.rules {
		if r.prefix.Contains(addr) {
			allowed = r.allow
		}
	}
	return allowed
}

// allowed tells whether every list lets addr in (13.3).
func allowed(acls []*ACL, addr netip.Addr) bool {
	return !slices.ContainsFunc(acls, func(a *ACL) bool { return !a.Allowed(addr) })
}

// add appends the comma-separated addresses of one permit or deny line. A leading "!" turns an address round (13.1).
func (a *ACL) add(allow bool, list string) error {
	for text := range strings.SplitSeq(list, ",") {
		text, negated := strings.CutPrefix(strings.TrimSpace(text), "!")
		prefix, err := parseRule(text)
		if err != nil {
			return err
		}
		a.rules = append(a.rules, aclRule{allow: allow != negated, prefix: prefix})
	}
	return nil
}

// parseRule reads "address", "address/bits" or "address/mask".
func parseRule(text string) (netip.Prefix, error) {
	host, mask, hasMask := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is not an address, address/bits or address/mask", text)
	}
	bits := addr.BitLen()
	if hasMask {
		if bits, err = maskBits(addr, mask); err != nil {
			return netip.Prefix{}, fmt.Errorf("%q: %w", text, err)
		}
	}
	if addr.Is4In6() && bits >= 96 {
		addr, bits = addr.Unmap(), bits-96
	}
	return addr.Prefix(bits)
}

func maskBits(addr netip.Addr, mask string) (int, error) {
	if p, err := netip.ParsePrefix("::/" + mask); err == nil && p.Bits() <= addr.BitLen() {
		return p.Bits(), nil
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || m.BitLen() != addr.BitLen() {
		return 0, fmt.Errorf("the mask is neither a number of bits up to %d nor an address", addr.BitLen())
	}
	bits, ended := 0, false
	for _, b := range m.AsSlice() {
		for bit := byte(0x80); bit != 0; bit >>= 1 {
			switch one := b&bit != 0; {
			case one && ended:
				return 0, errors.New("the mask has holes")
			case one:
				bits++
			default:
				ended = true
			}
		}
	}
	return bits, nil
}

// namedACLs reads acl.conf: each section is a list of that name.
func namedACLs(path string) (map[string]*ACL, Problems) {
	sections, problems := stanzas(path)
	named := map[string]*ACL{}
	for _, s := range sections {
		if s.template {
			continue
		}
		acl := &ACL{}
		for _, o := range s.settings {
			switch strings.ToLower(o.name) {
			case "permit", "deny":
				if err := acl.add(strings.EqualFold(o.name, "permit"), o.value); err != nil {
					problems = append(problems, o.at.bad(s.name+"."+o.name, "%v", err))
				}
			default:
				problems = append(problems, o.at.bad(s.name+"."+o.name, "a list has only permit and deny"))
			}
		}
		named[s.name] = acl
	}
	return named, problems
}
