package amiserver

import (
	"strings"
	"testing"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/state"
)

// newchannel is the text of an event that begins a channel.
func newchannel(id string) []byte {
	return []byte(strings.Join([]string{"Event: Newchannel", "Privilege: call,all", "SystemName: x", "Channel: PJSIP/" + id, "ChannelState: 6", "ChannelStateDesc: Up",
		"CallerIDNum: 1", "CallerIDName: <unknown>", "ConnectedLineNum: <unknown>", "ConnectedLineName: <unknown>", "Language: en", "AccountCode: ",
		"Context: c", "Exten: 1", "Priority: 1", "Uniqueid: " + id, "Linkedid: " + id}, "\r\n") + "\r\n\r\n")
}

const group = "|ChannelState: 6|ChannelStateDesc: Up|CallerIDNum: 1|CallerIDName: <unknown>|ConnectedLineNum: <unknown>|ConnectedLineName: <unknown>|" +
	"Language: en|AccountCode: |Context: c|Exten: 1|Priority: 1|Uniqueid: "

// item is a channel in a snapshot.
func item(id, system string) string {
	return "Event: CoreShowChannel|ActionID: s|Channel: PJSIP/" + id + group + id + "|Linkedid: " + id + "|Application: |ApplicationData: |Duration: 00:00:00|BridgeId: |SystemName: " + system
}

// serveState is serve of a node that knows a channel of alpha and one of bravo, with more users.
func serveState(t *testing.T, more string) (*fixture, *state.Store) {
	t.Helper()
	store, users := state.New(), loadUsers(t, testUsers+more)
	f := serve(t, func(c *Config) {
		c.State, c.Users = store, func() *config.Manager { return users }
		c.Backend.(*fakeNode).systems = map[merge.Node]string{alpha: "pbx-a"}
	})
	for i, n := range []merge.Node{alpha, bravo} {
		f.stream.say(n, "before")
		e := placed(n, 1, newchannel([]string{"one", "two"}[i]))
		e.Epoch, e.HLC = 7, 1<<62
		store.Apply([]merge.Event{e}, func() {})
	}
	return f, store
}

func TestSnapshotAtLogin(t *testing.T) {
	t.Parallel()
	f, store := serveState(t, "")
	charlie := merge.Node{Site: "default", Name: "charlie"} // what was before its fifth event is not known
	half := placed(charlie, 5, userEvent("five"))
	store.Apply([]merge.Event{half}, func() {})
	for _, user := range []string{"ids", "arrival"} {
		c := f.dial(t)
		c.say("Action: Login", "Username: "+user, "Secret: secret", "Snapshot: yes", "ActionID: s", "Events: user,call")
		c.line()
		c.expect("Response: Success|ActionID: s|Message: Authentication accepted")
		if user == "ids" {
			c.say("Action: EventCursor")
			c.expect("Response: Error|Message: " + underWay)
			c.say("Action: Events", "EventMask: on", "ResumeFrom: default/alpha/7/1")
			c.expect("Response: Error|Message: " + underWay)
			store.GiveUp(charlie)
		}
		c.expect(item("one", "pbx-a"))
		c.expect(item("two", "bravo"))
		place := "default/alpha/7/1,default/bravo/7/1"
		c.expect("Event: SnapshotComplete|ActionID: s|EventList: Complete|ListItems: 2|ResumeFrom: " + place)
		if user == "arrival" {
			c.Close()
			break // what comes behind is as in a replay
		}
		if got := c.cursor(); len(got) != 1 || got[0] != "ResumeFrom: "+place {
			t.Errorf("%q", got)
		}
		e := placed(alpha, 2, userEvent("after"))
		e.Epoch = 7
		store.Apply([]merge.Event{e}, func() { f.node.events.Publish(e) })
		c.expectEvent(said("after", "default/alpha/7/2"))
		c.Close()
	}
	if s := f.Stats(); s.Snapshots != 2 {
		t.Errorf("%+v", s)
	}
}

// TestSnapshotRefused: by the user's rights, and where it would be wrong.
func TestSnapshotRefused(t *testing.T) {
	t.Parallel()
	f, store := serveState(t, "")
	store.Expect(nil)
	const denied = "Snapshot: permission denied, it takes read = call or write = reporting"
	for _, k := range []struct{ user, line, want string }{
		{"nobody", "Snapshot: yes", denied},
		{"filtered", "Snapshot: yes", denied},
		{"ids", "Snapshot: maybe", "Snapshot: yes or no"},
		{"ids", "Snapshot: yes\r\nResumeFrom: default/alpha/7/1", "Snapshot and ResumeFrom exclude each other"},
	} {
		c := f.dial(t)
		c.say("Action: Login", "Username: "+k.user, "Secret: secret", k.line)
		c.line()
		c.expect("Response: Error|Message: " + k.want)
		c.gone()
	}
	c := f.login(t, "calls", "Snapshot: no", "Events: off")
	c.say("Action: Ping", "ActionID: p")
	if got := c.next(); !strings.HasPrefix(got, "Response: Success|ActionID: p|Ping: Pong") {
		t.Error(got)
	}
}

// TestSnapshotReach: what is beyond the user's reach is neither in the list nor in the position.
func TestSnapshotReach(t *testing.T) {
	t.Parallel()
	f, store := serveState(t, "[near]\nsecret = secret\nread = call\nnodes = bravo\n")
	store.Expect(nil)
	c := f.login(t, "near", "Snapshot: yes")
	c.expect(strings.Replace(item("two", "bravo"), "ActionID: s|", "", 1))
	c.expect("Event: SnapshotComplete|EventList: Complete|ListItems: 1|ResumeFrom: default/bravo/7/1")
}

// TestSnapshotsAtATime: only so many are in memory; those who wait are no burden, and go away like anybody.
func TestSnapshotsAtATime(t *testing.T) {
	t.Parallel()
	f, store := serveState(t, "")
	store.Expect(nil)
	for range maxSnapshots {
		f.snapshots <- struct{}{}
	}
	leaver, waiter := f.login(t, "ids", "Snapshot: yes", "Events: user"), f.login(t, "ids", "Snapshot: yes", "Events: user")
	waiter.say("Action: Ping", "ActionID: p")
	if got := waiter.next(); !strings.HasPrefix(got, "Response: Success|ActionID: p|Ping: Pong") {
		t.Error(got)
	}
	leaver.Close()
	until(t, "the one who left is gone", func() bool { return f.Stats().Sessions == 1 })
	<-f.snapshots
	waiter.expect(strings.Replace(item("one", "pbx-a"), "ActionID: s|", "", 1))
	for range maxSnapshots - 1 {
		<-f.snapshots
	}
	until(t, "the place is given back", func() bool { return len(f.snapshots) == 0 })
}
