package amiserver

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

const denied = "Response: Error|Message: Permission denied"

func isPong(s string) bool { return strings.HasPrefix(s, "Response: Success|Ping: Pong|Timestamp: ") }

// TestHTTPSession: the cookie is the session, from login to logoff; an unknown one begins a new session.
//
//ami:same 3.1 3.3 5.9 5.16 11.8 11.2
func TestHTTPSession(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	if got := b.get("/rawman?action=ping"); got != denied {
		t.Error(got)
	}
	guest := b.cookie()
	b.login("admin", "")
	if b.cookie() != guest {
		t.Error("the login has another cookie than the request before it")
	}
	for _, path := range []string{"/rawman?action=ping", "/RawMan/?ACTION=Ping&action=logoff", "/rawman?x=y&action=&action=ping"} {
		if got := b.get(path); !isPong(got) {
			t.Errorf("%s: %s", path, got)
		}
	}
	if got := b.get("/rawman?action=login&username=nobody"); got != "Response: Success|Message: Already authenticated" {
		t.Error(got)
	}
	for what, form := range map[string]string{
		"Response: Success|ActionID: 7 8|Ping: Pong":         "action=ping&ActionID=7+8",
		"Response: Error|Message: Missing action in request": "",
	} {
		resp, err := b.Post(f.url+"/rawman?action=logoff", "application/x-www-form-urlencoded; charset=utf-8", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, resp); !strings.HasPrefix(body, what) {
			t.Errorf("POST %q: %s", form, body)
		}
	}
	resp, err := b.Post(f.url+"/rawman", "application/json", strings.NewReader("action=logoff"))
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, resp); body != "Response: Error|Message: Missing action in request" {
		t.Errorf("a body that is no form: %s", body)
	}
	was := b.cookie()
	if got := b.get("/rawman?action=logoff"); got != "Response: Goodbye|Message: Thanks for all the fish." {
		t.Error(got)
	}
	if got := b.get("/rawman?action=ping"); got != denied || b.cookie() == was {
		t.Error(got)
	}
	if s := f.Stats(); s.LoggedIn != 0 || s.Logins != 1 {
		t.Errorf("%+v", s)
	}
}

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.ReplaceAll(string(b), "\r\n", "|"), "||")
}

// TestHTTPChecks: an action over HTTP is checked as one over TCP, and means one action at the Asterisk too.
//
//ami:same 3.5 3.7 5.4 5.6 5.7
func TestHTTPChecks(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	var seen []string
	f.node.run = func(_ context.Context, c Caller, action *ami.Message, send func([]byte) error) error {
		seen = append(seen, c.User+" "+strings.ReplaceAll(string(action.Bytes()), "\r\n", "|"))
		return send([]byte("Response: Success\r\n\r\n"))
	}
	b := f.browser(t)
	b.login("limited", "")
	for path, want := range map[string]string{
		"action=Command&command=x": denied,
		"action=Nonsense":          "Response: Error|Message: Invalid/unknown command: Nonsense. Use Action: ListCommands to show available commands.",
		"action=Originate&Channel=Local/1&Application=System&Data=x":                       "Response: Error|Message: Originate Access Forbidden: app or data blacklisted",
		"action=UserEvent&UserEvent=a%0d%0aAction:+Command&X=" + strings.Repeat("y", 1100): "Response: Error|Message: Failed to parse message: line too long",
		"action=UserEvent&UserEvent=a%0d%0a%0d%0aAction:+Command":                          "Response: Success",
	} {
		if got := b.get("/rawman?" + path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	if want := "limited action: UserEvent|UserEvent: a    Action: Command||"; len(seen) != 1 || seen[0] != want {
		t.Errorf("%q", seen)
	}
	for _, user := range []string{"acl", "ghost", "locked"} {
		other := f.browser(t)
		if got := other.get("/rawman?action=login&username=" + user + "&secret=secret"); got != "Response: Error|Message: Authentication failed" {
			t.Errorf("%s: %s", user, got)
		}
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	raised := strings.Join(f.node.raised, " ")
	for _, event := range []string{"SuccessfulAuth", "RequestNotAllowed", "RequestBadFormat", "FailedACL", "InvalidAccountID"} {
		if !strings.Contains(raised, event) {
			t.Errorf("no %s: %s", event, raised)
		}
	}
}

// TestHTTPSessionLife: a session nobody asks for anything ends.
//
//ami:differs 11.6 a session ends when its time is over, not when the next TCP client comes
func TestHTTPSessionLife(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, func(c *Config, _ *config.HTTP) { c.Users().HTTPTimeout = 300 * time.Millisecond })
	b := f.browser(t)
	b.login("once", "")
	f.browser(t).get("/rawman?action=ping")
	until(t, "both have ended", func() bool { s := f.Stats(); return s.Web == 0 && s.LoggedIn == 0 && s.Sessions == 0 })
	if got := b.get("/rawman?action=ping"); got != denied {
		t.Error(got)
	}
	b.login("once", "") // may be there only once, and is
}

// TestHTTPMultipleLogin: TCP and HTTP count together.
//
//ami:same 3.4
func TestHTTPMultipleLogin(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	b.login("once", "")
	other := f.browser(t)
	if got := other.get("/rawman?action=login&username=ONCE&secret=secret"); got != "Response: Error|Message: Login Already In Use" {
		t.Error(got)
	}
	d := &digester{browser: f.browser(t), user: "once", secret: "secret"}
	d.once("/arawman?action=ping")
	if status, body, _ := d.once("/arawman?action=ping"); status != 403 || !strings.Contains(body, "Login Already In Use") {
		t.Errorf("%d %s", status, body)
	}
	b.get("/rawman?action=logoff")
	other.login("once", "")
}

// TestHTTPPenalty: who fails to log in waits, and nobody else does.
func TestHTTPPenalty(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	f.penalty = time.Hour
	for _, path := range []string{"/rawman?action=login&username=admin&secret=wrong", "/rawman?action=login&username=ghost"} {
		go func() { _, _ = f.browser(t).Get(f.url + path) }()
	}
	until(t, "they wait", func() bool { return f.Stats().Failures == 2 })
	f.browser(t).login("admin", "")
	f.stop()
}

// TestHTTPCookieFromElsewhere: a cookie is worth nothing where its user may not be.
func TestHTTPCookieFromElsewhere(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	b.login("here", "")
	thief := f.browser(t)
	thief.Transport = &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}
	defer thief.CloseIdleConnections()
	thief.setCookie(b.cookie())
	resp, err := thief.Get(f.url + "/rawman?action=ping")
	if err != nil {
		t.Skipf("SKIPPED: this system has no address 127.0.0.2: %v", err)
	}
	if got := readAll(t, resp); got != denied {
		t.Error(got)
	}
	if got := b.get("/rawman?action=ping"); !isPong(got) {
		t.Error(got)
	}
}

// TestHTTPDrain: when the server stops, a WaitEvent ends with its answer, and an action under way is finished.
func TestHTTPDrain(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, func(c *Config, _ *config.HTTP) { c.Drain = 20 * time.Second })
	started, release := make(chan bool), make(chan bool)
	f.node.run = func(_ context.Context, _ Caller, _ *ami.Message, send func([]byte) error) error {
		close(started)
		<-release
		return send([]byte("Response: Success\r\nMessage: late\r\n\r\n"))
	}
	waits, acts := f.browser(t), f.browser(t)
	waits.login("admin", "")
	acts.login("admin", "")
	waits.get("/rawman?action=WaitEvent")
	answers := make(chan string, 2)
	ask := func(b *browser, path string) {
		_, body := b.ask(path)
		answers <- body
	}
	go ask(waits, "/rawman?action=WaitEvent&ActionID=w")
	go ask(acts, "/rawman?action=CoreStatus")
	<-started
	until(t, "it waits", func() bool { return f.Stats().Actions == 5 })
	stopped := make(chan bool)
	go func() {
		f.stop()
		close(stopped)
	}()
	if got := <-answers; !strings.Contains(got, "Event: WaitEventComplete\r\nActionID: w") {
		t.Errorf("WaitEvent: %q", got)
	}
	close(release)
	if got := <-answers; !strings.Contains(got, "Message: late") {
		t.Errorf("action: %q", got)
	}
	<-stopped
}

// TestHTTPPrefix: paths begin with the prefix, in any case, and only while HTTP is enabled.
func TestHTTPPrefix(t *testing.T) {
	t.Parallel()
	users := &atomic.Pointer[config.Manager]{}
	f := serveHTTP(t, func(c *Config, w *config.HTTP) {
		w.Prefix = "/asterisk"
		users.Store(c.Users())
		c.Users = users.Load
	})
	b := f.browser(t)
	for path, want := range map[string]int{"/asterisk/rawman": 200, "/ASTERISK/mxml/": 200, "/rawman": 404, "/asterisk": 404, "/asterisk/": 404,
		"/asterisk/rawman/x": 404, "/asteriskrawman": 404, "/asterisk/raw%6Dan": 404} {
		if status, _ := b.ask(path); status != want {
			t.Errorf("%s: %d", path, status)
		}
	}
	off := *users.Load()
	off.Web = false
	users.Store(&off)
	if status, _ := b.ask("/asterisk/rawman"); status != 404 {
		t.Errorf("disabled: %d", status)
	}
}
