package amiserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// TestHTTPLimits: of the head, the body and the connections.
//
//ami:same 11.2
//ami:differs 11.17 a head of more than 64 KiB is refused with status 431, and what is no HTTP at all with a page of net/http's
func TestHTTPLimits(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	const form, other = "application/x-www-form-urlencoded", "text/plain"
	post := func(kind, body string) int {
		t.Helper()
		resp, err := b.Post(f.url+"/rawman", kind, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.Close != (resp.StatusCode == 413) { // what is left of the body would be read without a time-out
			t.Errorf("status %d, and the connection is closed: %v", resp.StatusCode, resp.Close)
		}
		return resp.StatusCode
	}
	head := func(count, size int) int {
		t.Helper()
		req, err := http.NewRequest("GET", f.url+"/rawman", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range count {
			req.Header.Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", size))
		}
		resp, err := b.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for what, got := range map[string][2]int{
		"largest body":    {post(form, "a="+strings.Repeat("x", 40958)), 200},
		"too large body":  {post(form, "a="+strings.Repeat("x", 40959)), 413},
		"much too large":  {post(form, "a="+strings.Repeat("x", 1<<20)), 413},
		"no form":         {post(other, strings.Repeat("x", 40960)), 200},
		"large, no form":  {post(other, strings.Repeat("x", 40961)), 413},
		"huge, no form":   {post(other, strings.Repeat("x", 1<<20)), 413},
		"many headers":    {head(90, 1), 200},
		"too many":        {head(110, 1), 413},
		"long header":     {head(1, 4000), 200},
		"too long header": {head(1, 4100), 400},
		"too large head":  {head(40, 4000), 431},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", what, got[0], got[1])
		}
	}
	server := newWebHandler(f.Server, func() *config.HTTP { return &config.HTTP{KeepAlive: time.Second, Inactivity: time.Second} }, t.Context(), nil).server()
	if server.ReadHeaderTimeout < time.Second || server.ReadTimeout < time.Second || server.IdleTimeout != time.Second {
		t.Error("somebody who sends nothing may do so for ever")
	}
}

// TestHTTPRestrictions: those of http.conf hold, however the path is spelt.
func TestHTTPRestrictions(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "http.conf")
	text := "[general]\nenabled = yes\nbindaddr = 127.0.0.1\n[/mxml]\ntype = restriction\ndeny = 0.0.0.0/0\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, _, err := config.LoadHTTP(path)
	if err != nil {
		t.Fatal(err)
	}
	f := serveHTTP(t, func(_ *Config, h *config.HTTP) { *h = *conf })
	b := f.browser(t)
	for path, want := range map[string]int{"/rawman": 200, "/mxml": 403, "/MXML/": 403, "/mxml?action=ping": 403} {
		if status, body := b.ask(path); status != want || want == 403 && !strings.Contains(body, "Access denied by ACL") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// TestHTTPReconfigured: what http.conf says may change while the server runs, without a new listener; sessions go on.
func TestHTTPReconfigured(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	b.login("admin", "")
	server := func(path string, status int, want string) {
		t.Helper()
		resp, err := b.Get(f.url + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body) // so that the connection is used again
		resp.Body.Close()
		if got := resp.Header.Get("Server"); resp.StatusCode != status || got != want {
			t.Errorf("%s: %d of %q, want %d of %q", path, resp.StatusCode, got, status, want)
		}
	}
	server("/rawman", 200, "Asterisk")
	f.web.Store(&config.HTTP{Prefix: "/pbx", ServerName: "other", SessionLimit: 1, Inactivity: 50 * time.Millisecond})
	server("/rawman", 404, "other")
	server("/pbx/rawman", 200, "other")
	if got := b.get("/pbx/rawman?action=ping"); !isPong(got) {
		t.Error(got)
	}
	over, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	over.SetDeadline(time.Now().Add(20 * time.Second))
	if n, err := over.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("beyond the new limit: %d bytes, %v", n, err)
	}
	until(t, "it is counted", func() bool { return f.Stats().Refused == 1 })
	b.CloseIdleConnections()
	slow := net.Conn(nil)
	until(t, "there is room", func() bool {
		if slow, err = net.Dial("tcp", f.addr); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(slow, "POST /pbx/rawman HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
		slow.SetDeadline(time.Now().Add(20 * time.Second))
		answer := make([]byte, 12)
		_, err := io.ReadFull(slow, answer)
		slow.Close()
		return err == nil && string(answer) == "HTTP/1.1 400" // the rest of the body did not come in time
	})
	f.web.Store(&config.HTTP{Prefix: "/pbx", SessionLimit: 9, Inactivity: time.Minute, Off: true})
	server("/pbx/rawman", 404, "")
}

// TestHTTPConnections: one connection too many is closed without a byte, and a place that is free again can be had.
func TestHTTPConnections(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, func(_ *Config, w *config.HTTP) { w.SessionLimit = 3 })
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", f.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	over, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	over.SetDeadline(time.Now().Add(20 * time.Second))
	if n, err := over.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	until(t, "it is counted and logged", func() bool {
		return f.Stats().Refused == 1 && strings.Contains(f.logs.String(), "sessionlimit of http.conf")
	})
	for _, conn := range conns {
		conn.Close()
	}
	b := f.browser(t)
	until(t, "there is room", func() bool {
		resp, err := b.Get(f.url + "/rawman")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}

// TestHTTPGuests: sessions that are not logged in are few; the one idle for longest goes, and no user does.
func TestHTTPGuests(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	f.conf.Users().AuthLimit = 5
	user, first := f.browser(t), f.browser(t)
	user.login("admin", "")
	first.get("/rawman")
	was := first.cookie()
	for range 20 {
		f.browser(t).get("/rawman")
	}
	if s := f.Stats(); s.Web > 6 || s.Evicted == 0 || !strings.Contains(f.logs.String(), "there are too many (authlimit)") {
		t.Errorf("%+v\n%s", s, f.logs)
	}
	if got := user.get("/rawman?action=ping"); !isPong(got) {
		t.Error(got)
	}
	if first.get("/rawman"); first.cookie() == was {
		t.Error("the oldest one is still there")
	}
	f.conf.Users().AuthLimit = 100
	f.conf.MaxSessions = 1
	if status, _ := f.browser(t).ask("/rawman"); status != 503 || f.Stats().Refused != 1 {
		t.Errorf("beyond the limit of all sessions: %d", status)
	}
}

// TestHTTPAuthLimit: sessions over HTTP take no place from connections over TCP before their login, and give none.
//
//ami:differs 5.15 a login over HTTP does not make the limit looser
func TestHTTPAuthLimit(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, func(c *Config, _ *config.HTTP) { c.Users().AuthLimit = 2 })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- f.Serve(ctx, ln) }()
	for range 2 {
		f.browser(t).login("admin", "")
		f.browser(t).get("/rawman")
	}
	for i := range 3 {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		if n, _ := conn.Read(make([]byte, 100)); n > 0 != (i < 2) {
			t.Errorf("connection %d got %d bytes", i, n)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestHTTPOverflow: a session that does not fetch its events ends, and holds nothing; one that never asked for any goes on without those it
// has not kept.
func TestHTTPOverflow(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, func(c *Config, _ *config.HTTP) { c.QueueLen = 80 })
	lazy, waits, never, first := f.browser(t), f.browser(t), f.browser(t), f.browser(t)
	for _, b := range []*browser{lazy, waits, never, first} {
		b.login("admin", "")
	}
	lazy.get("/rawman?action=WaitEvent&Timeout=0")
	waits.get("/rawman?action=WaitEvent&Timeout=0")
	for range 100 {
		f.node.publish(userEvent("x"))
	}
	for range 2 {
		if got := never.get("/rawman?action=ping"); !isPong(got) {
			t.Error(got)
		}
	}
	if got := first.get("/rawman?action=WaitEvent&Timeout=0"); got != "Response: Success|Message: Waiting for Event completed.||Event: WaitEventComplete" {
		t.Errorf("the first WaitEvent after too many: %s", got)
	}
	f.node.publish(userEvent("y"))
	if got := first.get("/rawman?action=WaitEvent&Timeout=5"); strings.Contains(got, "UserEvent: x") || !strings.Contains(got, "UserEvent: y") {
		t.Error(got)
	}
	if got := never.get("/rawman?action=WaitEvent&Timeout=5"); strings.Contains(got, "UserEvent: x") || !strings.Contains(got, "UserEvent: y") {
		t.Error(got)
	}
	if got := lazy.get("/rawman?action=ping"); !isPong(got) {
		t.Error(got)
	}
	if got := lazy.get("/rawman?action=ping"); got != denied {
		t.Error(got)
	}
	if got := waits.get("/rawman?action=WaitEvent&ActionID=w"); got != "Response: Error|ActionID: w|Message: The session is over: it has not fetched its events in time" {
		t.Error(got)
	}
	if s := f.Stats(); s.Overflows != 2 || s.LoggedIn != 2 || !strings.Contains(f.logs.String(), "its event queue overflowed") {
		t.Errorf("%+v\n%s", s, f.logs)
	}
}

// TestHTTPManyEvents: what is too much for one page waits for the next WaitEvent, and nothing is lost.
func TestHTTPManyEvents(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	b.login("calls", "")
	b.get("/rawman?action=WaitEvent&Timeout=0")
	const events, size = 600, 10_000
	for i := range events {
		f.node.publish(fmt.Appendf(nil, "Event: X\r\nPrivilege: call,all\r\nNumber: %d-%s\r\n\r\n", i, strings.Repeat("x", size)))
	}
	next, pages := 0, 0
	for ; next < events; pages++ {
		page := b.get("/rawman?action=WaitEvent&Timeout=0")
		if len(page) > fullPage+1<<20 {
			t.Fatalf("%d bytes", len(page))
		}
		for {
			_, rest, ok := strings.Cut(page, fmt.Sprintf("Number: %d-", next))
			if !ok {
				break
			}
			page = rest
			next++
		}
		if pages > events {
			t.Fatalf("only %d events", next)
		}
	}
	if pages < 2 {
		t.Errorf("%d pages", pages)
	}
}

// TestHTTPAnswers: one that is too large or breaks off is an error with a name, and the session goes on.
func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	f.node.run = func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		piece := bytes.Repeat([]byte("Output: x\r\n"), 1<<20/11)
		for range 70 {
			if err := send(piece); err != nil {
				return err
			}
			if action.Has("Break") {
				return errors.New("broken")
			}
		}
		return nil
	}
	b := f.browser(t)
	b.login("admin", "")
	for path, want := range map[string]string{"/rawman?action=CoreStatus": "The answer is too large for HTTP", "/mxml?action=CoreStatus&Break=1": "The answer broke off"} {
		if status, body := b.ask(path); status != 500 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.300s", path, status, body)
		}
	}
	if got := b.get("/rawman?action=ping"); !isPong(got) {
		t.Error(got)
	}
	if s := f.Stats(); s.TooLarge != 1 || s.Broken != 1 {
		t.Errorf("%+v", s)
	}
}
