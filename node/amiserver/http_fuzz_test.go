package amiserver

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
)

// FuzzHTTP: whatever is asked, there is an answer, and no more sessions than there may be.
func FuzzHTTP(f *testing.F) {
	f.Add("GET", "/rawman?action=login&username=admin&secret=secret", "", "", "")
	f.Add("POST", "/mxml", "application/x-www-form-urlencoded", `Digest username="admin"`, "action=WaitEvent&ajaxdest='")
	f.Add("HEAD", "/amanager/?action=ping", "", `Digest username="admin", realm="asterisk", nonce="00", uri="/amanager/?action=ping", response="00000000000000000000000000000000"`, "")
	f.Fuzz(func(t *testing.T, method, target, kind, authorization, body string) {
		s := newFixture(t, func(c *Config) { c.MaxSessions = 3 })
		s.penalty = 0
		s.conf.Users().Web, s.conf.Users().HTTPTimeout = true, time.Second
		h := newWebHandler(s.Server, func() *config.HTTP { return &config.HTTP{ServerName: "Asterisk"} }, context.Background(), make(chan struct{}))
		defer h.close()
		cookie := ""
		for range 5 {
			r := &http.Request{Method: method, RequestURI: target, Proto: "HTTP/1.1", RemoteAddr: "127.0.0.1:1", Header: http.Header{},
				Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}
			r.Header.Set("Content-Type", kind)
			r.Header.Set("Authorization", authorization)
			r.Header.Set("Cookie", cookie)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code < 200 || w.Code > 599 || w.Header().Get("Content-Type") == "" {
				t.Fatalf("%d %v", w.Code, w.Header())
			}
			cookie = w.Header().Get("Set-Cookie")
			if n := s.Stats().Sessions; n > 3 {
				t.Fatalf("%d sessions", n)
			}
		}
	})
}
