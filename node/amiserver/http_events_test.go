package amiserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
)

// TestHTTPEvents: events come by WaitEvent only, all since the login, whatever its mask; there is no FullyBooted.
//
//ami:same 5.10 5.11 10.1 10.3 10.6
func TestHTTPEvents(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	b.login("admin", "&events=off")
	f.node.publish(userEvent("one"))
	if got := b.get("/rawman?action=ping"); !isPong(got) || strings.Contains(got, "Event") {
		t.Error(got)
	}
	got := b.get("/rawman?action=WaitEvent&ActionID=w")
	for _, want := range []string{"Response: Success|ActionID: w|Message: Waiting for Event completed.||Event: SuccessfulAuth|", "|UserEvent: one||Event: WaitEventComplete|ActionID: w"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if got := b.get("/rawman?action=WaitEvent&Timeout=0"); got != "Response: Success|Message: Waiting for Event completed.||Event: WaitEventComplete" {
		t.Errorf("nothing new: %s", got)
	}
	b.get("/rawman?action=Events&EventMask=call")
	f.node.publish(userEvent("masked"), []byte("Event: Hangup\r\nPrivilege: call,all\r\n\r\n"))
	if got := b.get("/rawman?action=WaitEvent"); strings.Contains(got, "masked") || !strings.Contains(got, "Event: Hangup") {
		t.Error(got)
	}
	other := f.browser(t)
	if got := other.get("/rawman?action=login&username=admin&secret=secret&events=system"); !strings.Contains(got, "|Event: FullyBooted|") {
		t.Errorf("a login that asks for events: %s", got)
	}
}

// TestHTTPWaitEvent: it ends with an event; meanwhile the session can be used, and a newer one ends it with an empty body.
//
//ami:same 10.4
//ami:differs 10.5 it ends as soon as there is an event: nobody gains by waiting for the end of the second
func TestHTTPWaitEvent(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	b.login("admin", "")
	b.get("/rawman?action=WaitEvent")
	wait := func(id string) <-chan string {
		answer := make(chan string, 1)
		go func() {
			_, body := b.ask("/rawman?action=WaitEvent&ActionID=" + id)
			answer <- body
		}()
		return answer
	}
	older := wait("older")
	until(t, "the first waits", func() bool { return f.Stats().Actions == 3 })
	if got := b.get("/rawman?action=ping"); !isPong(got) {
		t.Errorf("while it waits: %s", got)
	}
	newer := wait("newer")
	if got := <-older; got != "" {
		t.Errorf("the older one: %q", got)
	}
	f.node.publish(userEvent("end"))
	if got := <-newer; !strings.Contains(got, "UserEvent: end") {
		t.Errorf("the newer one: %q", got)
	}
	last := wait("last")
	until(t, "the last waits", func() bool { return f.Stats().Actions == 6 })
	b.get("/rawman?action=logoff")
	if got := <-last; !strings.Contains(got, "Event: WaitEventComplete\r\nActionID: last") {
		t.Errorf("at the logoff of another request: %q", got)
	}
	until(t, "the session is gone", func() bool { return f.Stats().Web == 0 })
}

// TestHTTPWaitEventIsCut: it ends 10 s before the session would.
func TestHTTPWaitEventIsCut(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, func(c *Config, _ *config.HTTP) { c.Users().HTTPTimeout = 11 * time.Second })
	b := f.browser(t)
	b.login("admin", "")
	b.get("/rawman?action=WaitEvent")
	b.Timeout = 9 * time.Second
	if got := b.get("/rawman?action=WaitEvent&Timeout=-1"); got != "Response: Success|Message: Waiting for Event completed.||Event: WaitEventComplete" {
		t.Error(got)
	}
}

// TestHTTPClientGoes: a client that gives up does not take its session along.
func TestHTTPClientGoes(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	b.login("admin", "")
	b.get("/rawman?action=WaitEvent")
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", f.url+"/rawman?action=WaitEvent", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		_, err := b.Do(req)
		gone <- err
	}()
	until(t, "it waits", func() bool { return f.Stats().Actions == 3 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if got := b.get("/rawman?action=ping"); !isPong(got) {
		t.Error(got)
	}
	answer := make(chan string, 1)
	go func() {
		_, body := b.ask("/rawman?action=WaitEvent")
		answer <- body
	}()
	until(t, "the next one waits", func() bool { return f.Stats().Actions == 5 })
	f.node.publish(userEvent("kept"))
	if got := <-answer; !strings.Contains(got, "UserEvent: kept") {
		t.Error(got)
	}
}

// TestHTTPFilters: the user's filters and nodes hold over HTTP, with a cookie and with a digest.
func TestHTTPFilters(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	b := f.browser(t)
	b.login("filtered", "")
	d := &digester{browser: f.browser(t), user: "filtered", secret: "secret"}
	d.get("/arawman?action=ping")
	f.node.events.Publish(event(bravo, userEvent("hides on bravo")))
	f.node.publish(userEvent("hidden"), userEvent("seen"))
	for _, got := range []string{b.get("/rawman?action=WaitEvent"), d.get("/arawman?action=WaitEvent")} {
		if strings.Contains(got, "hid") || !strings.Contains(got, "UserEvent: seen") {
			t.Error(got)
		}
	}
}
