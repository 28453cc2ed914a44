package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// configureWeb writes http.conf and the certificate, and enables it in manager.conf.
func (n *testNode) configureWeb(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	n.write(t, "cert.pem", encode("CERTIFICATE", cert)+encode("PRIVATE KEY", private))
	n.write(t, "http.conf", "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = 0\nprefix = asterisk\ntlsenable = yes\n"+
		"tlsbindaddr = 127.0.0.1:0\ntlscertfile = cert.pem\n")
	users, err := os.ReadFile(filepath.Join(n.dir, "manager.conf"))
	if err != nil {
		t.Fatal(err)
	}
	n.write(t, "manager.conf", strings.Replace(string(users), "[general]\n", "[general]\nwebenabled = yes\n", 1))
}

// TestWeb: over HTTP and HTTPS a client sees the events of the whole cluster, as over TCP.
//
//ami:same 11.1
func TestWeb(t *testing.T) {
	t.Parallel()
	alpha := &testNode{name: "alpha", dir: t.TempDir(), web: true}
	alpha.run(t)
	bravo := &testNode{name: "bravo", dir: t.TempDir(), join: []string{alpha.addr.Member}}
	bravo.run(t)
	inView(t, map[string]*testNode{"alpha": alpha, "bravo": bravo}, 2)
	pem, err := os.ReadFile(filepath.Join(alpha.dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for _, base := range []string{"http://" + alpha.addr.HTTP, "https://" + alpha.addr.HTTPS} {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar, Timeout: 60 * time.Second,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}}
		defer client.CloseIdleConnections()
		get := func(path string) string {
			t.Helper()
			resp, err := client.Get(base + "/asterisk" + path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
		if got := get("/rawman?action=login&username=admin&secret=secret"); !strings.Contains(got, "Authentication accepted") {
			t.Fatal(got)
		}
		get("/rawman?action=WaitEvent&Timeout=0")
		tryLogin(t, bravo.addr.AMI, "nobody-"+base)
		eventually(t, 30*time.Second, "an event of the other node over "+base, func() bool {
			got := get("/rawman?action=WaitEvent&Timeout=5")
			return strings.Contains(got, "Event: InvalidAccountID\r\n") && strings.Contains(got, "SystemName: bravo\r\n") &&
				strings.Contains(got, "AccountID: nobody-"+base)
		})
	}
	if n := alpha.metric("amibus_ami_web_sessions"); n != 2 {
		t.Errorf("%v sessions over HTTP", n)
	}
}
