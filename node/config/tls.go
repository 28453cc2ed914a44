package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// TLS is a listener for TLS, as manager.conf and http.conf describe it (ami/behaviour.md 12).
type TLS struct {
	Listen            string   // host:port
	CertFile, KeyFile string   // in PEM form; both may be one file
	MinVersion        uint16   // TLS 1.2 or 1.3
	Ciphers           []uint16 // of TLS 1.2; nil: those of Go. TLS 1.3 has no choice

	// Reread is called, when it is not nil, each time that a change of the files was found: with nil when the new pair is in use, with an
	// error when it is broken, so that the old one stays. It may be called by several goroutines, one after the other.
	Reread func(error)
}

// Config returns what a server of this listener needs. The certificate is read now, and anew when its files change.
func (t *TLS) Config() (*tls.Config, error) {
	k, err := newKeyPair(t.CertFile, t.KeyFile, t.Reread)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: t.MinVersion, CipherSuites: t.Ciphers, GetCertificate: k.get}, nil
}

// tlsReader takes the tls options out of a [general] section.
type tlsReader struct {
	port string // when tlsbindaddr names none

	t                  TLS
	enabled, bound     bool
	host               string
	cert, key, ciphers setting // where they stand
	problems, warnings Problems
}

func (r *tlsReader) bad(s *stanza, o setting, format string, args ...any) {
	r.problems = append(r.problems, o.bad(s, format, args...))
}

func (r *tlsReader) warn(s *stanza, o setting, format string, args ...any) {
	r.warnings = append(r.warnings, o.bad(s, format, args...))
}

// take tells whether the option is about TLS; the old names begin with ssl.
func (r *tlsReader) take(s *stanza, o setting) bool {
	switch strings.ToLower(o.name) {
	case "tlsenable", "sslenable":
		r.enabled = isTrue(o.value)
	case "tlsbindaddr", "sslbindaddr":
		r.bind(s, o)
	case "tlscertfile", "tlscert", "sslcert":
		r.cert = o
	case "tlsprivatekey", "sslprivatekey":
		r.key = o
	case "tlscipher", "sslcipher":
		r.ciphers = o
	case "tlsdisablev1", "tlsdisablev11":
		if isFalse(o.value) {
			r.warn(s, o, "has no effect: below TLS 1.2 nothing is offered")
		}
	case "tlsdisablev12":
		if r.t.MinVersion = tls.VersionTLS12; isTrue(o.value) {
			r.t.MinVersion = tls.VersionTLS13
		}
	case "tlsservercipherorder":
		if isFalse(o.value) {
			r.warn(s, o, "has no effect: the order of the ciphers follows what both sides' hardware does best")
		}
	case "tlscafile", "tlscapath", "tlscadir", "tlsverifyclient", "tlsdontverifyserver", "tlsclientmethod", "sslclientmethod":
		r.warn(s, o, "is not for this listener, as in Asterisk, and not used: clients have no certificates")
	default:
		return false
	}
	return true
}

// bind reads an address with or without a port.
func (r *tlsReader) bind(s *stanza, o setting) {
	host, port := o.value, ""
	if h, p, err := splitAddress(o.value); err == nil {
		host, port = h, fmt.Sprint(p)
	}
	host = strings.Trim(host, "[]")
	if !isAddress(host) {
		r.bad(s, o, "%q is not an address, with or without a port", o.value)
		return
	}
	r.host, r.bound = host, true
	if port != "" {
		r.port = port
	}
}

// finish returns what was taken, or nil when TLS is off. plain is the address of the listener without TLS, "" if there is none.
func (r *tlsReader) finish(s *stanza, plain string) *TLS {
	if !r.enabled {
		r.warnings = nil // about what is not used at all
		return nil
	}
	if !r.bound {
		if plain == "" {
			r.problems = append(r.problems, s.at.bad(s.name+".tlsbindaddr", "is missing: without bindaddr, tlsenable needs an address"))
		}
		r.host, _, _ = splitAddress(plain)
	}
	r.t.Listen = net.JoinHostPort(r.host, r.port)
	if r.t.MinVersion == 0 {
		r.t.MinVersion = tls.VersionTLS12
	}
	if r.ciphers.value != "" {
		var odd []string
		if r.t.Ciphers, odd = cipherSuites(r.ciphers.value); len(r.t.Ciphers) == 0 && r.t.MinVersion < tls.VersionTLS13 {
			r.bad(s, r.ciphers, "names no cipher that can be offered; leave it out, or set tlsdisablev12 = yes for TLS 1.3 alone")
		}
		for _, text := range odd {
			r.warn(s, r.ciphers, "%s", text)
		}
	}
	r.pair(s)
	return &r.t
}

// pair checks the files; relative names start at the file that holds the setting.
func (r *tlsReader) pair(s *stanza) {
	if r.cert.value == "" {
		r.problems = append(r.problems, s.at.bad(s.name+".tlscertfile", "is missing: tlsenable needs a certificate"))
		return
	}
	r.t.CertFile = beside(r.cert)
	r.t.KeyFile = r.t.CertFile
	if r.key.value != "" {
		r.t.KeyFile = beside(r.key)
	}
	switch pair, err := tls.LoadX509KeyPair(r.t.CertFile, r.t.KeyFile); {
	case err != nil:
		r.bad(s, r.cert, "%v", pairError(r.t.CertFile, r.t.KeyFile, err))
	case time.Now().After(pair.Leaf.NotAfter):
		r.warn(s, r.cert, "the certificate %s is valid only until %s", r.t.CertFile, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
}

func beside(o setting) string {
	if filepath.IsAbs(o.value) {
		return o.value
	}
	return filepath.Join(filepath.Dir(o.at.file), o.value)
}

// pairError says which file is meant.
func pairError(cert, key string, err error) error {
	files := cert
	if key != cert {
		files += " with the key " + key
	}
	if c := cause(err); c != err {
		return fmt.Errorf("the certificate %s cannot be read: %w", files, c)
	}
	return fmt.Errorf("the certificate %s cannot be used: %w", files, err)
}
