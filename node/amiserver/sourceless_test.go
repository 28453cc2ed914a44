package amiserver

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// TestSourceless: what only an Asterisk could say of itself is answered by a node that has none, in Asterisk's form; not so on a node that
// has one, or where another node is meant.
//
//ami:same 16.11
func TestSourceless(t *testing.T) {
	t.Parallel()
	f := serve(t, func(c *Config) { c.Version = "v1" })
	f.node.run = func(_ context.Context, _ Caller, _ *ami.Message, send func([]byte) error) error {
		return send([]byte("Response: Forwarded\r\n\r\n"))
	}
	c := f.quiet(t, "admin")
	c.say("Action: CoreStatus")
	c.expect("Response: Forwarded")

	f = serve(t, func(c *Config) { c.Version = "v1" })
	f.node.sourceless, f.node.run = true, func(_ context.Context, _ Caller, _ *ami.Message, send func([]byte) error) error {
		return send([]byte("Response: Forwarded\r\n\r\n"))
	}
	c = f.quiet(t, "admin")
	c.say("Action: CoreSettings", "ActionID: 1")
	c.expect("Response: Success|ActionID: 1|AMIversion: 11.0.0|AsteriskVersion: amibus v1|SystemName: |CoreMaxCalls: 0|CoreMaxLoadAvg: 0.000000|" +
		"CoreRunUser: |CoreRunGroup: |CoreMaxFilehandles: 0|CoreRealTimeEnabled: No|CoreCDRenabled: No|CoreHTTPenabled: No|SoundsSearchCustomDir: No")
	c.say("Action: CoreStatus")
	form := regexp.MustCompile(`^Response: Success\|CoreStartupDate: \d{4}-\d\d-\d\d\|CoreStartupTime: \d\d:\d\d:\d\d\|CoreReloadDate: \d{4}-\d\d-\d\d\|` +
		`CoreReloadTime: \d\d:\d\d:\d\d\|CoreCurrentCalls: 0\|CoreProcessedCalls: 0$`)
	if got := c.next(); !form.MatchString(got) {
		t.Error(got)
	}
	c.say("Action: LoggerRotate")
	c.expect("Response: Success|Message: Reloaded the logger and rotated log files")
	c.say("Action: Reload", "Module: app_queue")
	c.expect("Response: Error|Message: No such module")
	c.say("Action: Reload")
	c.expect("Response: Success|Message: Module Reloaded")
	if n := f.node.reloaded(); n != 1 {
		t.Errorf("%d reloads", n)
	}
	c.say("Action: CoreStatus", "SystemName: other")
	c.expect("Response: Forwarded")
}

// TestSourcelessHTTP: CoreSettings tells whether AMI is served over HTTP.
func TestSourcelessHTTP(t *testing.T) {
	t.Parallel()
	f := serveHTTP(t, nil)
	f.node.sourceless = true
	b := f.browser(t)
	b.login("admin", "")
	if got := b.get("/rawman?action=CoreSettings"); !strings.Contains(got, "|CoreHTTPenabled: Yes|") {
		t.Error(got)
	}
	tcp := serve(t, func(c *Config) { c.Users().Web = true }) // but there is no listener
	tcp.node.sourceless = true
	c := tcp.quiet(t, "admin")
	c.say("Action: CoreSettings")
	if got := c.next(); !strings.Contains(got, "|CoreHTTPenabled: No|") {
		t.Error(got)
	}
}

// TestClusterReload: whoever may configure or command the system may have the node read its files; what is wrong comes back in one line.
func TestClusterReload(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	c := f.quiet(t, "calls")
	c.say("Action: ClusterReload")
	c.expect("Response: Error|Message: Permission denied")
	c = f.quiet(t, "admin")
	c.say("Action: ClusterReload", "ActionID: r")
	c.expect("Response: Success|ActionID: r|Message: Configuration reloaded")
	f.node.mu.Lock()
	f.node.reloadErr = errors.New("manager.conf:3: x")
	f.node.mu.Unlock()
	c.say("Action: clusterreload")
	c.expect("Response: Error|Message: Not reloaded: manager.conf:3: x")
	if n := f.node.reloaded(); n != 2 {
		t.Errorf("%d reloads", n)
	}
}
