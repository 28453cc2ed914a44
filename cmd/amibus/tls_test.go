package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned makes the text of a certificate for localhost with its key.
func selfSigned(t *testing.T, serial int64) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for kind, der := range map[string][]byte{"CERTIFICATE": cert, "PRIVATE KEY": private} {
		if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestTLSListener: a node serves AMI over TLS where manager.conf says so, and a new certificate is in use without a restart.
//
//ami:same 12.1
func TestTLSListener(t *testing.T) {
	t.Parallel()
	n := &testNode{name: "alpha", dir: t.TempDir()}
	n.general = "tlsenable = yes\ntlsbindaddr = 127.0.0.1:0\ntlscertfile = ami.pem\n"
	n.write(t, "ami.pem", selfSigned(t, 1))
	n.run(t)
	var at struct {
		AMITLS string `json:"ami_tls"`
	}
	b, err := os.ReadFile(filepath.Join(n.dir, "data", "addresses.json"))
	if err != nil || json.Unmarshal(b, &at) != nil {
		t.Fatalf("%s: %v", b, err)
	}
	serial := func() int64 {
		conn, err := tls.Dial("tcp", at.AMITLS, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Write([]byte("Action: Login\r\nUsername: admin\r\nSecret: secret\r\nEvents: off\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		for got := ""; !strings.Contains(got, "Authentication accepted"); {
			b := make([]byte, 512)
			k, err := conn.Read(b)
			if err != nil {
				t.Fatalf("%q: %v", got, err)
			}
			got += string(b[:k])
		}
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("certificate %d", got)
	}
	n.write(t, "ami.pem", selfSigned(t, 2))
	eventually(t, 20*time.Second, "the new certificate is in use", func() bool { return serial() == 2 })
}
