package amiserver

import (
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/config"
)

// webFixture is a server of AMI over HTTP.
type webFixture struct {
	*fixture
	url  string
	web  atomic.Pointer[config.HTTP]
	stop func()
}

// serveHTTP serves like the Asterisk of the captures; edit may change that.
func serveHTTP(t testing.TB, edit func(*Config, *config.HTTP)) *webFixture {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveHTTPOn(t, ln, edit)
}

// serveHTTPOn is serveHTTP on a listener of the test's own.
func serveHTTPOn(t testing.TB, ln net.Listener, edit func(*Config, *config.HTTP)) *webFixture {
	t.Helper()
	conf := &config.HTTP{ServerName: "Asterisk", SessionLimit: 100, Inactivity: 30 * time.Second, KeepAlive: 15 * time.Second}
	f := newFixture(t, func(c *Config) {
		c.Users().Web = true
		if edit != nil {
			edit(c, conf)
		}
	})
	f.node.systems = map[merge.Node]string{alpha: "alpha"}
	f.penalty = 10 * time.Millisecond
	f.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	w := &webFixture{fixture: f, url: "http://" + f.addr}
	w.web.Store(conf)
	go func() { served <- f.ServeHTTP(ctx, w.web.Load, WebListener{Listener: ln}) }()
	var stopped atomic.Bool
	w.stop = func() {
		cancel()
		if stopped.Swap(true) {
			return
		}
		if err := <-served; err != nil {
			t.Errorf("ServeHTTP: %v", err)
		}
		s := f.Stats()
		if s.Sessions != 0 || s.LoggedIn != 0 || s.Web != 0 || f.waiting != 0 || f.webGuests != 0 {
			t.Errorf("after ServeHTTP returned: %+v, %d waiting, %d guests", s, f.waiting, f.webGuests)
		}
	}
	t.Cleanup(w.stop)
	return w
}

// browser is a client with a cookie jar of its own.
type browser struct {
	t   testing.TB
	url string
	http.Client
}

func (f *webFixture) browser(t testing.TB) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t, f.url, http.Client{Jar: jar, Timeout: 2 * time.Minute, Transport: &http.Transport{}}}
	t.Cleanup(b.CloseIdleConnections)
	return b
}

// get returns the body of an answer with status 200, lines joined by "|".
func (b *browser) get(path string) string {
	b.t.Helper()
	status, body := b.ask(path)
	if status != http.StatusOK {
		b.t.Errorf("GET %s: %d\n%s", path, status, body)
	}
	return strings.TrimSuffix(strings.ReplaceAll(body, "\r\n", "|"), "||")
}

// ask may run in any goroutine.
func (b *browser) ask(path string) (int, string) {
	resp, err := b.Get(b.url + path)
	if err != nil {
		b.t.Errorf("GET %s: %v", path, err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Errorf("GET %s: %v", path, err)
	}
	return resp.StatusCode, string(body)
}

const loggedIn = "Response: Success|Message: Authentication accepted"

func (b *browser) login(user, more string) {
	b.t.Helper()
	if got := b.get("/rawman?action=login&username=" + user + "&secret=secret" + more); got != loggedIn {
		b.t.Fatal(got)
	}
}

// setCookie sets the session's id.
func (b *browser) setCookie(id string) {
	u, _ := url.Parse(b.url)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "mansession_id", Value: id}})
}

func (b *browser) cookie() string {
	u, _ := url.Parse(b.url)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == "mansession_id" {
			return c.Value
		}
	}
	return ""
}

// digester is a client with digest authentication, written by the RFC.
type digester struct {
	*browser
	user, secret string
	nonce, realm string
	nc           int
	rfc2069      bool
}

var challenged = regexp.MustCompile(`^Digest algorithm=MD5, realm="([^"]*)", nonce="([^"]*)", qop="auth", opaque="([^"]*)"(, stale=true)?$`)

// once sends a request with what is known; stale tells what a status of 401 says.
func (d *digester) once(target string) (status int, body string, stale bool) {
	d.t.Helper()
	resp, err := d.Do(d.request(target))
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		m := challenged.FindStringSubmatch(resp.Header.Get("WWW-Authenticate"))
		if m == nil || m[2] != m[3] {
			d.t.Fatalf("challenge %q", resp.Header.Get("WWW-Authenticate"))
		}
		d.realm, d.nonce, d.nc, stale = m[1], m[2], 0, m[4] != ""
	}
	if resp.Header.Get("Set-Cookie") != "" {
		d.t.Error("a cookie")
	}
	return resp.StatusCode, string(b), stale
}

// request is one with what is known.
func (d *digester) request(target string) *http.Request {
	d.t.Helper()
	req, err := http.NewRequest("GET", d.url+target, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if d.nonce != "" {
		d.nc++
		req.Header.Set("Authorization", d.header("GET", target))
	}
	return req
}

func (d *digester) header(method, target string) string {
	sum := func(parts ...string) string { return fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(parts, ":")))) }
	ha1, ha2 := sum(d.user, d.realm, d.secret), sum(method, target)
	h := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", opaque="%s"`, d.user, d.realm, d.nonce, target, d.nonce)
	if d.rfc2069 {
		return h + fmt.Sprintf(`, response="%s"`, sum(ha1, d.nonce, ha2))
	}
	nc := fmt.Sprintf("%08x", d.nc)
	return h + fmt.Sprintf(`, algorithm=MD5, qop=auth, nc=%s, cnonce="c", response="%s"`, nc, sum(ha1, d.nonce, nc, "c", "auth", ha2))
}

// get asks until it gets in, and no more than twice.
func (d *digester) get(target string) string {
	d.t.Helper()
	status, body, _ := d.once(target)
	if status == http.StatusUnauthorized {
		status, body, _ = d.once(target)
	}
	if status != http.StatusOK {
		d.t.Errorf("%s: %d\n%s", target, status, body)
	}
	return strings.TrimSuffix(strings.ReplaceAll(body, "\r\n", "|"), "||")
}
