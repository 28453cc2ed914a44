package amiserver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestHTTPDigest: a nonce is a session; a count that does not grow, or a nonce that is not known, gets a new one.
//
//ami:same 11.13 11.14
//ami:differs 11.16 digest sessions get the user's filters, since these may be there to restrict him
func TestHTTPDigest(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	for _, rfc2069 := range []bool{false, true} {
		d := &digester{browser: f.browser(t), user: "admin", secret: "secret", rfc2069: rfc2069}
		if got := d.get("/arawman?action=ping"); !isPong(got) {
			t.Error(got)
		}
		f.node.publish(userEvent("kept"))
		got := d.get("/arawman?action=WaitEvent") // with RFC 2069 by another nonce of the same session
		if !strings.Contains(got, "Event: SuccessfulAuth") || !strings.Contains(got, "UserEvent: kept") {
			t.Errorf("not the same session: %s", got)
		}
		if got := d.get("/amxml?action=ping"); !strings.Contains(got, "<generic response='Success' ping='Pong'") {
			t.Error(got)
		}
	}
	if s := f.Stats(); s.LoggedIn != 2 || s.Logins != 2 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

// TestHTTPDigestStale: what has been said before is not taken again, and the client is told that only the nonce was wrong.
//
//ami:differs 11.14 a nonce is one that we gave out, begins one session, and without nc serves one request: Asterisk takes any, again and again
func TestHTTPDigestStale(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	d := &digester{browser: f.browser(t), user: "admin", secret: "secret"}
	d.get("/arawman?action=ping")
	first := *d
	first.nc-- // is counted up again: the same request once more
	if status, _, stale := first.once("/arawman?action=ping"); status != 401 || !stale {
		t.Errorf("the same count: %d, stale %v", status, stale)
	}
	if got := first.get("/arawman?action=ping"); !isPong(got) {
		t.Error(got)
	}
	renewed := first.nonce
	if status, _, stale := d.once("/arawman?action=ping"); status != 401 || !stale || d.nonce != renewed {
		t.Errorf("the nonce before: %d, stale %v, %s instead of %s", status, stale, d.nonce, renewed)
	}
	before := first
	if got := first.get("/arawman?action=logoff"); !strings.Contains(got, "Goodbye") {
		t.Error(got)
	}
	before.nc += 5
	if status, _, stale := before.once("/arawman?action=ping"); status != 401 || !stale {
		t.Errorf("a nonce whose session is over: %d, stale %v", status, stale)
	}
	made := &digester{browser: f.browser(t), user: "admin", secret: "secret", realm: "alpha", nonce: "0123456789abcdef"}
	if status, _, stale := made.once("/arawman?action=ping"); status != 401 || !stale {
		t.Errorf("a nonce of the client's own: %d, stale %v", status, stale)
	}
	cookie := f.browser(t)
	cookie.login("admin", "")
	other := &digester{browser: f.browser(t), user: "admin", secret: "secret", realm: "alpha", nonce: cookie.cookie()}
	if status, _, _ := other.once("/arawman?action=ping"); status != 401 {
		t.Errorf("the cookie of a session as nonce: %d", status)
	}
	d.get("/arawman?action=ping")
	cookie.setCookie(d.nonce[:32])
	if got := cookie.get("/rawman?action=ping"); got != denied {
		t.Errorf("a nonce as cookie: %s", got)
	}
}

// TestHTTPDigestRefused: who is not let in, and what the log and the events say.
//
//ami:same 11.15
//ami:differs 11.13 a wrong response waits as a wrong login does, and raises its security events; the uri must be that of the request
func TestHTTPDigestRefused(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	for i, c := range []struct {
		user, secret string
		status       int
	}{{"admin", "wrong", 401}, {"ghost", "secret", 401}, {"locked", "", 401}, {"acl", "secret", 403}} {
		d := &digester{browser: f.browser(t), user: c.user, secret: c.secret}
		d.once("/arawman?action=ping")
		if status, body, stale := d.once("/arawman?action=ping"); status != c.status || stale || strings.Contains(body, "Pong") {
			t.Errorf("%s: %d %s", c.user, status, body)
		}
		if n := f.Stats().Failures; n != uint64(i+1) {
			t.Errorf("%s: %d failures", c.user, n)
		}
	}
	d := &digester{browser: f.browser(t), user: "admin", secret: "secret"}
	d.once("/arawman?action=ping")
	d.nc++
	req, err := http.NewRequest("GET", f.url+"/arawman?action=logoff", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", d.header("GET", "/arawman?action=ping"))
	resp, err := d.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("a digest of another request: %d", resp.StatusCode)
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	if got := fmt.Sprint(f.node.raised); got != "[ChallengeResponseFailed InvalidAccountID FailedACL]" {
		t.Error(got)
	}
	if s := f.Stats(); s.Sessions != 0 || s.Logins != 0 {
		t.Errorf("%+v", s)
	}
}
