package config

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// suite is a cipher suite of TLS 1.2 that Go offers, as OpenSSL calls it.
type suite struct {
	id   uint16
	name string
	tags []string // the groups it is in, each also a name in a list
}

// offered are those that Go does not call insecure.
var offered = func() (all []suite) {
	for _, c := range tls.CipherSuites() {
		if slices.Contains(c.SupportedVersions, tls.VersionTLS12) {
			name := openSSLName(c.Name)
			all = append(all, suite{c.ID, name, append(suiteTags(name), c.Name)})
		}
	}
	return all
}()

// openSSLName turns TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 into ECDHE-RSA-AES128-GCM-SHA256.
func openSSLName(name string) string {
	name = strings.TrimSuffix(name, "_POLY1305_SHA256") // the hash is not in the name of these
	chacha := strings.HasSuffix(name, "CHACHA20")
	name = strings.NewReplacer("TLS_RSA_WITH_", "", "TLS_", "", "_WITH_", "-", "3DES_EDE_CBC", "DES-CBC3", "RC4_128", "RC4", "AES_", "AES",
		"_CBC", "", "_", "-").Replace(name)
	if chacha {
		name += "-POLY1305"
	}
	return name
}

// suiteTags are the names of OpenSSL's groups, as far as they tell the suites that Go offers apart.
func suiteTags(name string) []string {
	tags := []string{"ALL", "DEFAULT", "HIGH", "FIPS", "ECDH", "ECDHE", "EECDH", "kECDHE", "kEECDH"}
	for part, also := range map[string][]string{
		"-RSA-": {"aRSA"}, "-ECDSA-": {"aECDSA", "ECDSA"}, "-AES": {"AES"}, "-AES128-": {"AES128"}, "-AES256-": {"AES256"},
		"-GCM-": {"AESGCM", "TLSv1.2"}, "-CHACHA20-": {"CHACHA20", "TLSv1.2"},
	} {
		if strings.Contains(name, part) {
			tags = append(tags, also...)
		}
	}
	if strings.HasSuffix(name, "-SHA") {
		tags = append(tags, "SHA", "SHA1", "TLSv1", "SSLv3")
	}
	return tags
}

func (s suite) is(name string) bool { return s.name == name || slices.Contains(s.tags, name) }

// cipherSuites reads an OpenSSL cipher list: names and groups, "+" between groups means both, "!" never, "-" not. The order of the list
// does not matter: Go orders by itself. What cannot be had is told in odd.
func cipherSuites(list string) (ids []uint16, odd []string) {
	chosen, never := map[uint16]bool{}, map[uint16]bool{}
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(":, ;", r) }) {
		item, _, _ = strings.Cut(item, "@") // @STRENGTH, @SECLEVEL=2
		name := strings.TrimLeft(item, "!-+")
		if name == "" {
			continue
		}
		groups := strings.Split(name, "+")
		found := false
		for _, s := range offered {
			if slices.ContainsFunc(groups, func(g string) bool { return !s.is(g) }) {
				continue
			}
			found = true
			switch item[0] {
			case '!':
				never[s.id] = true
			case '-':
				delete(chosen, s.id)
			case '+': // only moves
			default:
				chosen[s.id] = !never[s.id]
			}
		}
		if !found && item == name {
			odd = append(odd, notOffered(name))
		}
	}
	for _, s := range offered {
		if chosen[s.id] && !never[s.id] {
			ids = append(ids, s.id)
		}
	}
	return ids, odd
}

func notOffered(name string) string {
	known := func(all []*tls.CipherSuite) bool {
		return slices.ContainsFunc(all, func(c *tls.CipherSuite) bool { return c.Name == name || openSSLName(c.Name) == name })
	}
	switch {
	case known(tls.CipherSuites()):
		return fmt.Sprintf("%s is of TLS 1.3, whose ciphers are always offered and cannot be chosen", name)
	case known(tls.InsecureCipherSuites()):
		return fmt.Sprintf("%s is insecure, and not offered", name)
	}
	return fmt.Sprintf("%s is not a cipher that can be offered", name)
}
