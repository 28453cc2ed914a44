package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// BusTLS are the files with which the nodes of a cluster know each other: whoever has a certificate of the authority is a node, so it should be
// one of its own. All in PEM form; all three are set, or none.
type BusTLS struct{ CAFile, CertFile, KeyFile string }

func (t BusTLS) set() bool { return t != BusTLS{} }

func (k *checker) busTLS(n NATS) {
	t := n.TLS
	switch {
	case !t.set():
	case len(n.URLs) > 0 && t.CAFile != "" && t.CertFile == "" && t.KeyFile == "": // external servers that want no certificate
		if _, err := newAuthorities(t.CAFile); err != nil {
			k.bad("bus.nats.tls.ca_file", "%v", err)
		}
	case t.CAFile == "" || t.CertFile == "" || t.KeyFile == "":
		k.bad("bus.nats.tls", "needs ca_file, cert_file and key_file")
	default:
		if _, err := t.Routes(nil); err != nil {
			k.bad("bus.nats.tls", "%v", err)
		}
	}
}

// Routes returns what both ends of a route need; nil without files. Each end wants a certificate of the authority, whatever name is in it: nodes
// change their addresses. Files are read anew when they change; reread is told, if it is not nil.
func (t BusTLS) Routes(reread func(error)) (*tls.Config, error) {
	if !t.set() {
		return nil, nil
	}
	pair, err := newKeyPair(t.CertFile, t.KeyFile, reread)
	if err != nil {
		return nil, err
	}
	ca, err := newAuthorities(t.CAFile)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:           tls.VersionTLS13,
		GetCertificate:       pair.get,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.get(nil) },
		ClientAuth:           tls.RequireAnyClientCert,
		InsecureSkipVerify:   true, // verify does it, for both ends
		VerifyConnection:     ca.verify,
	}, nil
}

// Clients returns what the listener for clients needs, who have no certificate; nil without files.
func (t BusTLS) Clients() (*tls.Config, error) {
	if !t.set() || t.CertFile == "" {
		return nil, nil
	}
	pair, err := newKeyPair(t.CertFile, t.KeyFile, nil)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}, nil
}

// Dial returns what a client of external servers needs; nil without files. Their names are verified.
func (t BusTLS) Dial() (*tls.Config, error) {
	if !t.set() {
		return nil, nil
	}
	ca, err := newAuthorities(t.CAFile)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.pool}
	if t.CertFile == "" {
		return c, nil
	}
	pair, err := newKeyPair(t.CertFile, t.KeyFile, nil)
	if err != nil {
		return nil, err
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.get(nil) }
	return c, nil
}

// authorities are those whose certificates are believed; they follow their file.
type authorities struct {
	file string

	mu     sync.Mutex
	pool   *x509.CertPool
	looked time.Time
	seen   time.Time // when the file was changed last
}

func newAuthorities(file string) (*authorities, error) {
	a := &authorities{file: file}
	return a, a.read()
}

func (a *authorities) read() error {
	text, err := os.ReadFile(a.file)
	if err != nil {
		return fmt.Errorf("file of the authority %s cannot be read: %w", a.file, cause(err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("file of the authority %s holds no certificate in PEM form", a.file)
	}
	a.pool, a.looked = pool, time.Now()
	if info, err := os.Stat(a.file); err == nil {
		a.seen = info.ModTime()
	}
	return nil
}

// current reads the file again if it has changed; what is broken is not used.
func (a *authorities) current() *x509.CertPool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.looked) >= rereadEvery {
		a.looked = time.Now()
		if info, err := os.Stat(a.file); err == nil && !info.ModTime().Equal(a.seen) {
			_ = a.read()
		}
	}
	return a.pool
}

func (a *authorities) verify(c tls.ConnectionState) error {
	if len(c.PeerCertificates) == 0 {
		return errors.New("the other node has shown no certificate")
	}
	between := x509.NewCertPool()
	for _, cert := range c.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := c.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: a.current(), Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}
