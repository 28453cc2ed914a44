package amiserver

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

const boundUsers = testUsers + `
[site]
secret = secret
read = all
write = all
scope = site
[node]
secret = secret
read = all
write = all
scope = node
[picked]
secret = secret
read = all
write = all
nodes = bravo,west/zulu
[few]
secret = secret
read = all
write = all
actions = Getvar,originate
setvar = A=1,2
setvar = B="x"
[keeper]
secret = secret
read = all
write = all
actions = ClusterNodes,ClusterReload
[choosy]
secret = secret
read = all
write = all
eventfilter = !UserEvent: no
eventfilter(name(UserEvent),header(UserEvent),method(starts_with)) = y
[hashed]
secret = $argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$5IZIaJH2sgRYdNmnvMHOtEWHBk3DqmQ2qPYzLmkQGGk
read = all
`

// TestScope: scope and nodes bound what a user sees, lists and acts on.
func TestScope(t *testing.T) {
	t.Parallel()
	east, west := merge.Node{Site: "default", Name: "charlie"}, merge.Node{Site: "west", Name: "zulu"}
	f := serveUsers(t, boundUsers)
	reached := make(chan func(merge.Node) bool, 1)
	f.node.run = func(_ context.Context, c Caller, _ *ami.Message, send func([]byte) error) error {
		reached <- c.Reach
		return send([]byte("Response: Success\r\n\r\n"))
	}
	f.node.nodes = []NodeInfo{{Position: merge.Position{Node: alpha}}, {Position: merge.Position{Node: bravo}}, {Position: merge.Position{Node: east}}, {Position: merge.Position{Node: west}}}
	for user, want := range map[string]string{"admin": "alpha bravo charlie zulu", "site": "alpha bravo charlie", "node": "alpha", "picked": "bravo zulu"} {
		c := f.login(t, user, "Events: user")
		var events []merge.Event
		for _, n := range []merge.Node{alpha, bravo, east, west} {
			events = append(events, event(n, userEvent(n.Name)))
		}
		f.node.events.Publish(append(events, merge.Event{Node: &west, Epoch: 1, Seq: 9, Missing: 3})...)
		var seen []string
		for range strings.Fields(want) {
			_, name, _ := strings.Cut(c.next(), "|UserEvent: ")
			seen = append(seen, name)
		}
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("%s sees %s, want %s", user, got, want)
		}
		c.say("Action: Getvar")
		c.expect("Response: Success")
		var acts []string
		reach := <-reached
		for _, n := range []merge.Node{alpha, bravo, east, west} {
			if reach == nil || reach(n) {
				acts = append(acts, n.Name)
			}
		}
		if got := strings.Join(acts, " "); got != want || (user == "admin") != (reach == nil) {
			t.Errorf("%s reaches %s, want %s", user, got, want)
		}
		c.say("Action: ClusterNodes")
		c.next()
		for _, name := range strings.Fields(want) {
			if got := c.next(); !strings.Contains(got, "|Name: "+name+"|") {
				t.Errorf("%s: %s is not %s", user, got, name)
			}
		}
		if got := c.next(); !strings.HasPrefix(got, "Event: ClusterNodesComplete") {
			t.Errorf("%s: %s", user, got)
		}
	}
}

// TestActionsSetting: "actions" names what a user may do, beyond what is about the session itself; ListCommands says the same. The user's
// variables come first in an Originate, each as one argument.
//
//ami:same 16.5
func TestActionsSetting(t *testing.T) {
	t.Parallel()
	f := serveUsers(t, boundUsers)
	ran := make(chan string, 1)
	f.node.run = func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		ran <- string(action.Bytes())
		return send([]byte("Response: Success\r\n\r\n"))
	}
	c := f.quiet(t, "few")
	c.say("Action: Hangup")
	c.expect("Response: Error|Message: Permission denied")
	c.say("Action: Ping")
	c.next()
	c.say("ActionID: 1", "action: ORIGINATE", "Variable: C=3", "Channel: Local/1@x")
	c.expect("Response: Success")
	if got, want := <-ran, "Action: ORIGINATE\r\nVariable: A=1\\,2\r\nVariable: B=\\\"x\\\"\r\nActionID: 1\r\nVariable: C=3\r\nChannel: Local/1@x\r\n\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	c.say("Action: GetVar", "Variable: x")
	c.expect("Response: Success")
	if got, want := <-ran, "Action: GetVar\r\nVariable: x\r\n\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	c.say("Action: ListCommands")
	list := c.next()
	for name, want := range map[string]bool{"Getvar": true, "Originate": true, "Ping": true, "EventCursor": true, "Hangup": false, "CoreStatus": false,
		"ClusterReload": false, "ClusterNodes": false} {
		if strings.Contains(list, "|"+name+": ") != want {
			t.Errorf("%s listed: %v", name, !want)
		}
	}
}

// TestOwnActionsSetting: what is about the node or the cluster rather than the session, "actions" must name, too.
func TestOwnActionsSetting(t *testing.T) {
	t.Parallel()
	f := serveUsers(t, boundUsers)
	c := f.quiet(t, "few")
	for _, name := range []string{"ClusterReload", "clusternodes"} {
		c.say("Action: " + name)
		c.expect("Response: Error|Message: Permission denied")
	}
	c = f.quiet(t, "keeper")
	c.say("Action: ClusterNodes")
	c.expect("Response: Success|EventList: start|Message: Cluster nodes will follow")
	c.expect("Event: ClusterNodesComplete|EventList: Complete|ListItems: 0")
	c.say("Action: clusterreload")
	c.expect("Response: Success|Message: Configuration reloaded")
	if n := f.node.reloaded(); n != 1 {
		t.Errorf("%d reloads", n)
	}
}

// TestOwnNodeOutOfReach: who may not reach this node has it neither reload nor, if it has no source, answer for itself.
func TestOwnNodeOutOfReach(t *testing.T) {
	t.Parallel()
	f := serveUsers(t, boundUsers)
	f.node.sourceless = true
	for _, user := range []string{"picked", "node"} {
		c := f.quiet(t, user)
		for _, name := range []string{"ClusterReload", "Reload", "CoreSettings", "CoreStatus", "LoggerRotate"} {
			c.say("Action: " + name)
			if got := c.next(); got == "Response: Error|Message: Permission denied" != (user == "picked") {
				t.Errorf("%s of %s: %s", name, user, got)
			}
		}
	}
	if n := f.node.reloaded(); n != 2 {
		t.Errorf("%d reloads", n)
	}
}

// TestUserFilter: the user's filters are in force from the login on; the Filter action adds to them until the session ends.
//
//ami:same 8.3 8.15
func TestUserFilter(t *testing.T) {
	t.Parallel()
	f := serveUsers(t, boundUsers)
	send := func(names ...string) {
		for _, name := range names {
			f.node.publish(userEvent(name))
		}
	}
	expect := func(c *client, name string) {
		t.Helper()
		c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: " + name)
	}
	a, b := f.login(t, "choosy", "Events: user"), f.login(t, "choosy", "Events: user")
	send("no", "yes", "maybe", "yonder")
	for _, c := range []*client{a, b} {
		expect(c, "yes")
		expect(c, "yonder")
	}
	a.say("Action: Filter", "Operation: add", "Filter: !UserEvent: yes")
	a.expect("Response: Success|Message: Success")
	a.say("Action: Filter", "Operation: Add", "MatchCriteria: method(exactly)", "Filter: x")
	a.expect("Response: Error|Message: Filter was formatted incorrectly.  Check the syntax of the filter given.")
	send("yes", "y")
	expect(a, "y")
	expect(b, "yes")
	expect(b, "y")
	c := f.login(t, "choosy", "Events: user")
	send("yes")
	expect(c, "yes")
	if n := f.node.events.Stats().Subscribers; n != 3 {
		t.Errorf("%d subscribers", n)
	}
}

// TestBrokenEventsAction: old clients wait for no answer to Events with all of them, or with an invalid mask.
//
//ami:same 6.6
func TestBrokenEventsAction(t *testing.T) {
	t.Parallel()
	f := serveUsers(t, strings.Replace(testUsers, "[general]", "[general]\nbrokeneventsaction = yes", 1))
	c := f.quiet(t, "admin")
	c.say("Action: Events", "ActionID: 1", "EventMask:")
	c.say("Action: Events", "ActionID: 2", "EventMask: all")
	c.say("Action: Events", "ActionID: 3", "EventMask: call")
	c.expect("Response: Success|ActionID: 3|Events: On")
	c.say("Action: Events", "ActionID: 4", "EventMask: off")
	c.expect("Response: Success|ActionID: 4|Events: Off")
}

// TestHashedSecret: a hash is as good as the secret for a plain login; MD5 cannot work, and the log says why.
func TestHashedSecret(t *testing.T) {
	t.Parallel()
	f := serveUsers(t, boundUsers)
	for range 2 {
		c := f.dial(t)
		c.line()
		c.say("Action: Login", "Username: hashed", "Secret: wrong")
		c.expect("Response: Error|Message: Authentication failed")
	}
	c := f.dial(t)
	c.line()
	c.say("Action: Challenge", "AuthType: MD5")
	c.next()
	c.say("Action: Login", "Username: hashed", "AuthType: MD5", "Key: 00000000000000000000000000000000")
	c.expect("Response: Error|Message: Authentication failed")
	if log := f.logs.String(); !strings.Contains(log, "only a hash") {
		t.Error(log)
	}
}

// TestDeniedCostsNoHash: who may not come from his address is refused without the memory and the time of a hash. Not parallel: it looks at
// what the process allocates.
func TestDeniedCostsNoHash(t *testing.T) {
	const hash = "secret = $argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc\n"
	f := serveUsers(t, "[general]\n[near]\n"+hash+"[far]\n"+hash+"deny = 0.0.0.0/0\n")
	for user, hashes := range map[string]bool{"near": true, "far": false, "nobody": true} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c := f.dial(t)
		c.line()
		c.say("Action: Login", "Username: "+user, "Secret: wrong")
		c.expect("Response: Error|Message: Authentication failed")
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 != hashes {
			t.Errorf("%s cost %d bytes", user, used)
		}
	}
}

// TestLoginOfEndedSession: a session that ends while its hash waits for its turn is told nothing, and nothing is said of it: nobody knows
// whether the secret was right.
func TestLoginOfEndedSession(t *testing.T) {
	t.Parallel()
	users := loadUsers(t, boundUsers)
	f := newFixture(t, func(c *Config) { c.Users = func() *config.Manager { return users } })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := f.open(&net.TCPAddr{}, &net.TCPAddr{})
	s.ctx = ctx
	if err := s.login(ctx, ami.New("Action", "Login", "Username", "hashed", "Secret", "wrong")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if n := f.Stats().Failures; n != 0 || len(f.node.raised) > 0 {
		t.Errorf("%d failures, %q raised", n, f.node.raised)
	}
}
