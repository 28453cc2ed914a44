package node

import (
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami/capture"
)

// recordedUsers are the users of the recordings permissions and many-sessions, with the rights they had there.
const recordedUsers = `[readonly]
secret = secret
read = all
[limited]
secret = secret
read = call,user
write = originate,user
[nobody]
secret = secret
[sysonly]
secret = secret
read = system
write = system
[calls]
secret = secret
read = call
write = call,command,agent,reporting
[east](plain)
scope = site
[own](plain)
scope = node
`

// TestRightsElsewhere: users without rights are refused for another node exactly as the recorded Asterisk refused them, and what was refused
// does not reach that node.
func TestRightsElsewhere(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 10*time.Second)
	c.source, c.users = config.Source{Kind: config.KindEngine}, recordedUsers
	c.engines("alpha", "bravo")
	bravo := c.nodes[1]
	before := bravo.router.Stats().Own
	refused := 0
	for _, recording := range []string{"permissions/alpha-limited", "permissions/alpha-calls", "permissions/alpha-readonly", "permissions/alpha-nobody",
		"permissions/alpha-sysonly", "many-sessions/alpha-limited"} {
		dir, instance, _ := strings.Cut(recording, "/")
		user := strings.TrimPrefix(instance, "alpha-")
		rec, err := capture.OpenDir(captures+"/"+dir, instance)
		if err != nil {
			t.Fatal(err)
		}
		client, err := login(t, c.nodes[0].AMI(), user, "Events: off")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dialoguesOf(rec) {
			if !strings.Contains(d.answer, "Permission denied") && !strings.Contains(d.answer, "Forbidden") {
				continue
			}
			refused++
			action := strings.Split(strings.TrimSuffix(d.action, "\r\n\r\n"), "\r\n")
			got := client.ask(t, append(action, "SystemName: bravo")...)
			if string(got[0].Bytes()) != d.answer {
				t.Errorf("%s: %q: got %q, want %q", user, d.action, got[0].Bytes(), d.answer)
			}
		}
	}
	if refused < 20 {
		t.Errorf("only %d refusals were recorded", refused)
	}
	if after := bravo.router.Stats().Own; after != before {
		t.Errorf("%d actions have reached the other node", after-before)
	}
}

// TestScopes: a user bound to his site or node sees and reaches nothing beyond, in lists as in actions.
func TestScopes(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 10*time.Second)
	c.source, c.users = config.Source{Kind: config.KindEngine}, recordedUsers
	for _, place := range [][2]string{{"east", "alpha"}, {"east", "bravo"}, {"west", "charlie"}} {
		c.site = place[0]
		n := &testNode{name: place[1], dir: t.TempDir()}
		c.nodes = append(c.nodes, n)
		c.start(n)
		t.Cleanup(n.down)
	}
	c.meet()
	for _, n := range c.nodes {
		eventually(t, n.name+" knows the others", func() bool { return n.own.Up() && len(n.sources()) == 3 })
		c.client(t, n.name).call(t, "answer", "at-"+n.name)
	}
	eventually(t, "alpha knows the calls", func() bool { return c.nodes[0].owners.Stats().Channels == 6 })
	for user, want := range map[string]string{"plain": "alpha bravo charlie", "east": "alpha bravo", "own": "alpha"} {
		client, err := login(t, c.nodes[0].AMI(), user, "Events: off")
		if err != nil {
			t.Fatal(err)
		}
		var nodes []string
		for _, name := range []string{"alpha", "bravo", "charlie"} {
			a := client.ask(t, "Action: Setvar", "Channel: at-"+name, "Variable: X", "Value: 1")
			switch text := string(a[0].Get("Message")); {
			case string(a[0].Get("Response")) == "Success":
				nodes = append(nodes, name)
			case text != "No such channel":
				t.Errorf("%s at %s: %q", user, name, a[0].Bytes())
			}
		}
		if got := strings.Join(nodes, " "); got != want {
			t.Errorf("%s reaches %s, want %s", user, got, want)
		}
		for _, cached := range []string{"Cached: no", "Cached: yes"} {
			list := client.ask(t, "Action: CoreShowChannels", cached)
			if got, want := len(list)-2, 2*len(nodes); got != want {
				t.Errorf("%s sees %d channels, want %d (%s)", user, got, want, cached)
			}
		}
	}
}
