package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// certificate makes a key and a certificate of that name for it, both in PEM form.
func certificate(t testing.TB, name string, until time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until, DNSNames: []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// secureFiles writes the files with cert.pem, key.pem, both.pem, old.pem (run out) and other.pem (the key of another certificate) beside.
func secureFiles(t testing.TB, files map[string]string) (managerConf string) {
	t.Helper()
	cert, key := certificate(t, "alpha", time.Now().Add(time.Hour))
	old, oldKey := certificate(t, "alpha", time.Now().Add(-24*time.Hour))
	_, other := certificate(t, "bravo", time.Now().Add(time.Hour))
	for name, text := range map[string][]byte{
		"cert.pem": cert, "key.pem": key, "both.pem": append(slices.Clone(cert), key...), "old.pem": append(old, oldKey...), "other.pem": other,
	} {
		files[name] = string(text)
	}
	return managerFiles(t, files)
}

func loadSecure(t *testing.T, general string) (*Manager, error) {
	t.Helper()
	return LoadManager(secureFiles(t, map[string]string{"manager.conf": "[general]\n" + general + "[u]\nsecret=s\n"}), "")
}

// TestTLSOptions: the options of Asterisk, with their old names.
//
//ami:same 12.1 12.2
func TestTLSOptions(t *testing.T) {
	t.Parallel()
	for general, want := range map[string]struct {
		listen, key string
		min         uint16
		warned      string
	}{
		"tlsenable=yes\ntlscertfile=both.pem\n":                                                 {"127.0.0.1:5039", "both.pem", tls.VersionTLS12, ""},
		"sslenable=yes\nsslcert=cert.pem\nsslprivatekey=key.pem\n":                              {"127.0.0.1:5039", "key.pem", tls.VersionTLS12, ""},
		"tlscert=both.pem\nTLSEnable=1\nbindaddr=::1\nport=7\n":                                 {"[::1]:5039", "both.pem", tls.VersionTLS12, ""},
		"tlsenable=yes\ntlscertfile=both.pem\ntlsbindaddr=0.0.0.0\n":                            {"0.0.0.0:5039", "both.pem", tls.VersionTLS12, ""},
		"tlsenable=yes\ntlscertfile=both.pem\nsslbindaddr=[::]:0\n":                             {"[::]:0", "both.pem", tls.VersionTLS12, ""},
		"tlsenable=yes\ntlscertfile=both.pem\ntlsbindaddr=::\ntlsdisablev12=yes\n":              {"[::]:5039", "both.pem", tls.VersionTLS13, ""},
		"tlsenable=yes\ntlscertfile=both.pem\ntlsdisablev1=no\ntlsdisablev11=no\n":              {"127.0.0.1:5039", "both.pem", tls.VersionTLS12, "tlsdisablev1 tlsdisablev11"},
		"tlsenable=yes\ntlscertfile=both.pem\ntlsservercipherorder=no\ntlsdisablev12=no\n":      {"127.0.0.1:5039", "both.pem", tls.VersionTLS12, "tlsservercipherorder"},
		"tlsenable=yes\ntlscertfile=both.pem\ntlscafile=x\ntlsverifyclient=yes\n":               {"127.0.0.1:5039", "both.pem", tls.VersionTLS12, "tlscafile tlsverifyclient"},
		"tlsenable=yes\ntlscertfile=both.pem\ntlsdontverifyserver=yes\nsslclientmethod=x\n":     {"127.0.0.1:5039", "both.pem", tls.VersionTLS12, "tlsdontverifyserver sslclientmethod"},
		"tlsenable=yes\ntlscertfile=old.pem\n":                                                  {"127.0.0.1:5039", "old.pem", tls.VersionTLS12, "tlscertfile"},
		"tlsenable=yes\ntlscertfile=both.pem\ntlscipher=AES128-SHA:ECDHE-RSA-AES128-SHA\n":      {"127.0.0.1:5039", "both.pem", tls.VersionTLS12, "tlscipher"},
		"tlsenable=no\ntlscertfile=none.pem\ntlscafile=x\ntlscipher=x\ntlsdisablev11=no\n":      {"", "", 0, ""},
		"tlsenable=yes\ntlscertfile=both.pem\ntlsdisablev12=yes\ntlscipher=TLS_AES_128_X\n":     {"127.0.0.1:5039", "both.pem", tls.VersionTLS13, "tlscipher"},
		"tlsenable=yes\ntlsbindaddr=10.0.0.1:99\ntlscertfile=cert.pem\ntlsprivatekey=key.pem\n": {"10.0.0.1:99", "key.pem", tls.VersionTLS12, ""},
	} {
		m, err := loadSecure(t, general)
		if err != nil {
			t.Errorf("%q: %v", general, err)
			continue
		}
		if m.TLS == nil != (want.listen == "") || m.TLS != nil &&
			(m.TLS.Listen != want.listen || filepath.Base(m.TLS.KeyFile) != want.key || m.TLS.MinVersion != want.min) {
			t.Errorf("%q: %+v", general, m.TLS)
		}
		var warned []string
		for _, w := range m.Warnings {
			warned = append(warned, strings.TrimPrefix(w.Key, "general."))
		}
		if strings.Join(warned, " ") != want.warned {
			t.Errorf("%q: warnings %v", general, m.Warnings)
		}
	}
}

// TestTLSErrors: what cannot work is told with its line before anything is served.
func TestTLSErrors(t *testing.T) {
	t.Parallel()
	for general, want := range map[string]string{
		"tlsenable=yes\ntlscertfile=none.pem\n":                                 "manager.conf:3: general.tlscertfile: the certificate ",
		"tlsenable=yes\ntlscertfile=cert.pem\n":                                 "cannot be used: tls: ",
		"tlsenable=yes\ntlscertfile=cert.pem\ntlsprivatekey=other.pem\n":        "other.pem cannot be used: tls: private key does not match public key",
		"tlsenable=yes\ntlscertfile=both.pem\ntlsbindaddr=alpha:5039\n":         `manager.conf:4: general.tlsbindaddr: "alpha:5039" is not an address`,
		"tlsenable=yes\ntlscertfile=both.pem\ntlscipher=AES128-SHA:RC4-SHA\n":   "manager.conf:4: general.tlscipher: names no cipher that can be offered",
		"tlsenable=yes\ntlscertfile=both.pem\ntlscipher=HIGH:!ECDHE\n":          "names no cipher that can be offered",
		"tlsenable=yes\ntlscertfile=both.pem\ntlsbindaddr=127.0.0.1:99999\n":    "is not an address",
		"tlsenable=yes\ntlscertfile=cert.pem\ntlsprivatekey=manager.conf\n":     "manager.conf cannot be used",
		"tlsenable=yes\ntlscertfile=both.pem\ntlsprivatekey=sub/dir/none.pem\n": "sub/dir/none.pem cannot be read: no such file",
	} {
		if _, err := loadSecure(t, general); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", general, err, want)
		}
	}
}

func TestCipherSuites(t *testing.T) {
	t.Parallel()
	const gcm128, gcm256 = tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
	const ec128, ec256 = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
	const cc, ecc = tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
	for list, want := range map[string]struct {
		ids []uint16
		odd int
	}{
		"ECDHE-RSA-AES128-GCM-SHA256":                               {[]uint16{gcm128}, 0},
		"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305": {[]uint16{gcm128, ecc}, 0},
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 , AES256-SHA":        {[]uint16{gcm128}, 1},
		"ECDHE+AESGCM:!aECDSA:!aNULL:!MD5":                          {[]uint16{gcm128, gcm256}, 0},
		"HIGH:!SHA1:!SHA256:-CHACHA20:@STRENGTH":                    {[]uint16{gcm128, gcm256, ec128, ec256}, 0},
		"CHACHA20@SECLEVEL=2:+AES":                                  {[]uint16{cc, ecc}, 0},
		"!AES128:AESGCM+aRSA":                                       {[]uint16{gcm256}, 0},
		"TLS_AES_128_GCM_SHA256:RC4-SHA:nonsense":                   {nil, 3},
		":::!": {nil, 0},
	} {
		ids, odd := cipherSuites(list)
		slices.Sort(ids)
		slices.Sort(want.ids)
		if !slices.Equal(ids, want.ids) || len(odd) != want.odd {
			t.Errorf("%s: %x %v", list, ids, odd)
		}
	}
	for name, want := range map[string]string{"TLS_AES_256_GCM_SHA384": "of TLS 1.3", "AES256-SHA": "insecure", "ECDHE-RSA-RC4-SHA": "insecure", "DES-CBC3-SHA": "insecure", "GOST": "not a cipher"} {
		if text := notOffered(name); !strings.Contains(text, want) {
			t.Error(text)
		}
	}
}

// handshake returns the name of the certificate that a client of the server sees.
func handshake(t *testing.T, server, client *tls.Config) (string, error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go tls.Server(far, server).Handshake()
	near.SetDeadline(time.Now().Add(10 * time.Second))
	conn := tls.Client(near, client)
	if err := conn.Handshake(); err != nil {
		return "", err
	}
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

// TestTLSConfig: what is configured is what a client gets.
func TestTLSConfig(t *testing.T) {
	t.Parallel()
	m, err := loadSecure(t, "tlsenable=yes\ntlscertfile=both.pem\ntlscipher=ECDHE-ECDSA-AES128-GCM-SHA256\n")
	if err != nil {
		t.Fatal(err)
	}
	server, err := m.TLS.Config()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		client *tls.Config
		ok     bool
	}{
		"1.3":          {&tls.Config{}, true},
		"1.2":          {&tls.Config{MaxVersion: tls.VersionTLS12}, true},
		"1.1":          {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		"other cipher": {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}, false},
	} {
		c.client.InsecureSkipVerify = true
		if who, err := handshake(t, server, c.client); (err == nil) != c.ok || c.ok && who != "alpha" {
			t.Errorf("%s: %q, %v", name, who, err)
		}
	}
	if _, err := (&TLS{CertFile: "/none"}).Config(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestKeyPair: a changed certificate is taken at the next handshake, at most a second later; a broken one is told once, and the old stays.
func TestKeyPair(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(secureFiles(t, map[string]string{}))
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	var told []error
	k, err := newKeyPair(certFile, keyFile, func(err error) { told = append(told, err) })
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	k.now = func() time.Time { return now }
	write := func(file string, text []byte) {
		now = now.Add(time.Second)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, now, now); err != nil { // coarse clocks of file systems would hide the change
			t.Fatal(err)
		}
	}
	expect := func(step, name string, tellings int, broken bool) {
		t.Helper()
		for range 2 {
			pair, err := k.get(nil)
			if err != nil || pair.Leaf.Subject.CommonName != name {
				t.Fatalf("%s: %v, %v", step, pair, err)
			}
		}
		if len(told) != tellings || tellings > 0 && (told[tellings-1] != nil) != broken {
			t.Fatalf("%s: told %v", step, told)
		}
	}
	expect("unchanged", "alpha", 0, false)
	cert, key := certificate(t, "charlie", now.Add(time.Hour))
	write(certFile, cert)
	expect("key of the old", "alpha", 1, true)
	now = now.Add(time.Minute)
	expect("still", "alpha", 1, true)
	write(keyFile, key)
	expect("both new", "charlie", 2, false)
	now = now.Add(time.Second)
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	expect("away", "charlie", 3, true)
	write(keyFile, key)
	expect("back", "charlie", 4, false)
	later := now
	write(certFile, []byte("x"))
	now = later
	expect("within a second", "charlie", 4, false)
}
