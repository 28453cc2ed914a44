package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// configureWeb writes http.conf and the certificate.
func (n *testNode) configureWeb(t *testing.T) {
	t.Helper()
	n.write(t, "cert.pem", selfSigned(t, 1))
	n.write(t, "http.conf", "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = 0\nprefix = asterisk\ntlsenable = yes\n"+
		"tlsbindaddr = 127.0.0.1:0\ntlscertfile = cert.pem\n")
}

// TestWeb: over HTTP and HTTPS a client sees the events of the whole cluster, as over TCP.
//
//ami:same 11.1
func TestWeb(t *testing.T) {
	t.Parallel()
	alpha := &testNode{name: "alpha", dir: t.TempDir(), web: true, general: "webenabled = yes\n"}
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
