package owner_test

import (
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/owner"
)

func TestLife(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	f.see("PJSIP/a-00000001", "")
	f.born(alpha, "PJSIP/a-00000001", "1700000000.1")
	f.see("PJSIP/a-00000001", "alpha")
	f.see("pjsip/A-00000001", "alpha") // ami/behaviour.md 16.1
	f.see("alpha-1700000000.1", "alpha unique")
	f.see("ALPHA-1700000000.1", "alpha unique")
	f.see("1700000000.1", "alpha")
	f.see("bravo-1700000000.1", "")
	f.see("PJSIP/a-0000000", "")
	f.see("", "")
	f.seeBridge("alpha-1700000000.1", "")
	f.say(alpha, "Rename|Privilege: call,all|Channel: PJSIP/a-00000001|Newname: PJSIP/a-00000001<MASQ>|Uniqueid: 1700000000.1")
	f.see("PJSIP/a-00000001", "")
	f.see("PJSIP/a-00000001<MASQ>", "alpha")
	f.see("alpha-1700000000.1", "alpha unique")
	f.now = time.Hour
	f.say(alpha, "Hangup|Privilege: call,all|"+group("", "PJSIP/a-00000001<MASQ>", "1700000000.1")+"|Cause: 16")
	for _, key := range []string{"alpha-1700000000.1", "1700000000.1", "PJSIP/a-00000001<MASQ>"} {
		want := "alpha ended"
		if key == "alpha-1700000000.1" {
			want = "alpha unique ended"
		}
		f.see(key, want)
	}
	if s := f.r.Stats(); s.Channels != 0 || s.Ended != 1 || s.Nodes != 1 || s.Mentioned != 0 {
		t.Errorf("%+v", s)
	}
	f.r.Forget(time.Hour + time.Minute - 1)
	f.see("1700000000.1", "alpha ended")
	f.r.Forget(time.Hour + time.Minute)
	f.see("1700000000.1", "")
	if s := f.r.Stats(); s != (owner.Stats{Nodes: 1}) {
		t.Errorf("%+v", s)
	}
}

// TestAgain: an id that was chosen may be used again once its channel has ended (ami/ordering.md 2); a name, too.
func TestAgain(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	f.born(alpha, "Local/x@y-1;1", "mine")
	f.say(alpha, "Hangup|Privilege: call,all|"+group("", "Local/x@y-1;1", "mine"))
	f.now = 30 * time.Second
	f.born(alpha, "Local/x@y-2;1", "mine")
	f.see("mine", "alpha")
	f.see("Local/x@y-2;1", "alpha")
	f.see("Local/x@y-1;1", "")
	f.r.Forget(time.Hour) // what has ended must not take the new one with it
	f.see("MINE", "alpha")
	f.born(alpha, "Local/x@y-2;1", "other")
	f.see("Local/x@y-2;1", "alpha")
	f.say(alpha, "Hangup|Privilege: call,all|"+group("", "Local/x@y-2;1", "mine"))
	f.see("Local/x@y-2;1", "alpha")
	if s := f.r.Stats(); s.Channels != 1 || s.Ended != 1 {
		t.Errorf("%+v", s)
	}
}

// TestForms: an id is found as it is served, and as the node's own Asterisk has it.
func TestForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, id    string
		source      *string // nil: not told
		found, lost []string
	}{
		{"qualified, not told", "alpha-1.2", nil, []string{"alpha-1.2", "1.2"}, []string{"s-1.2", "bravo-1.2", "-1.2", "alpha-1.3", "a-1.2", "alpha1.2"}},
		{"qualified, none", "alpha-1.2", ptr(""), []string{"alpha-1.2", "1.2"}, []string{"s-1.2"}},
		{"the node's name is the systemname", "alpha-1.2", ptr("alpha"), []string{"alpha-1.2"}, []string{"1.2"}},
		{"qualified always", "alpha-1.2;1", ptr("s"), []string{"alpha-1.2;1", "s-1.2;1", "S-1.2;1"}, []string{"1.2;1", "s-1.2;2", "s-1.2"}},
		{"a systemname, not told", "s-1.2", nil, []string{"s-1.2"}, []string{"1.2", "alpha-1.2"}},
		{"a systemname", "s-1.2", ptr("s"), []string{"s-1.2"}, []string{"1.2", "alpha-1.2"}},
		{"a systemname with hyphens", "my-own-pbx-1.2", ptr("my-own-pbx"), []string{"my-own-pbx-1.2"}, []string{"1.2", "pbx-1.2"}},
		{"never qualified", "1.2", ptr(""), []string{"1.2"}, []string{"alpha-1.2"}},
		{"chosen", "x-1.2.3", ptr(""), []string{"x-1.2.3"}, []string{"1.2", "2.3", "1.2.3"}},
		{"chosen, a lone point", ".", ptr(""), []string{"."}, nil},
	} {
		f := newFeed(t, owner.Config{})
		if c.source != nil {
			f.r.SetSource(alpha, *c.source)
		}
		f.r.Learn(alpha, []byte(c.id), []byte("X/y-1"))
		for _, key := range append(c.found, "x/Y-1") {
			if got := f.r.Channel([]byte(key)); len(got.Owners) != 1 {
				t.Errorf("%s: %q is not found", c.name, key)
			}
		}
		for _, key := range c.lost {
			if got := f.r.Channel([]byte(key)); len(got.Owners) != 0 {
				t.Errorf("%s: %q is found", c.name, key)
			}
		}
	}
}

func ptr(s string) *string { return &s }

func TestAmbiguous(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	f.born(bravo, "DAHDI/1-1", "1.1")
	f.born(alpha, "DAHDI/1-1", "1.1")
	f.born(charlie, "dahdi/1-1", "1.2")
	f.see("DAHDI/1-1", "alpha bravo charlie")
	f.see("1.1", "alpha bravo")
	f.see("bravo-1.1", "bravo unique")
	if got := f.r.Channel([]byte("DAHDI/1-1")).Owners; len(got) != 3 || got[0] != alpha || got[1] != bravo || got[2] != charlie {
		t.Errorf("not in order: %v", got)
	}
	f.r.SetLost(alpha, true)
	f.see("DAHDI/1-1", "bravo charlie")
	f.see("alpha-1.1", "alpha unique lost")
	f.say(bravo, "Hangup|Privilege: call,all|"+group("", "DAHDI/1-1", "1.1"))
	f.see("DAHDI/1-1", "charlie")
	f.see("1.1", "alpha lost") // it lives there, for all that is known
	f.say(charlie, "Hangup|Privilege: call,all|"+group("", "DAHDI/1-1", "1.2"))
	f.see("DAHDI/1-1", "alpha lost")
	f.say(alpha, "Hangup|Privilege: call,all|"+group("", "DAHDI/1-1", "1.1"))
	f.see("DAHDI/1-1", "bravo charlie ended")
	f.r.SetLost(alpha, false)
	f.see("DAHDI/1-1", "alpha bravo charlie ended")
}

func TestMentioned(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	f.say(alpha,
		"Newstate|Privilege: call,all|"+group("", "X/newstate-1", "1.1"),
		"DialBegin|Privilege: call,all|"+group("", "X/newstate-1", "1.1")+"|"+group("Dest", "X/dest-1", "1.2")+"|DialString: y",
		"DialBegin|Privilege: call,all|"+group("Dest", "X/dest-2", "1.3"),
		"LocalBridge|Privilege: call,all|"+group("LocalOne", "Local/a@b-1;1", "1.4")+"|"+group("LocalTwo", "Local/a@b-1;2", "1.5")+"|Context: b",
		"BridgeEnter|Privilege: call,all|BridgeUniqueid: b-1|BridgeType: basic|"+group("", "X/enter-1", "1.6")+"|SwapUniqueid: 1.7",
		"BridgeMerge|Privilege: call,all|ToBridgeUniqueid: b-2|ToBridgeType: x|FromBridgeUniqueid: b-3|FromBridgeType: x",
		"UserEvent|Privilege: user,all|"+group("", "X/user-1", "1.8")+"|UserEvent: x|"+group("", "X/body-1", "1.9")+"|BridgeUniqueid: b-4",
		"UserEvent|Privilege: user,all|UserEvent: x|"+group("", "X/body-2", "1.10"),
		"Rename|Privilege: call,all|Channel: X/old-1|Newname: X/new-1|Uniqueid: 1.11")
	for key, want := range map[string]string{"X/newstate-1": "alpha", "X/dest-1": "alpha", "X/dest-2": "alpha", "Local/a@b-1;1": "alpha",
		"alpha-1.5": "alpha unique", "X/enter-1": "alpha", "1.7": "", "X/user-1": "alpha", "X/body-1": "", "1.9": "", "X/body-2": "",
		"X/old-1": "", "X/new-1": "alpha"} {
		f.see(key, want)
	}
	for id, want := range map[string]string{"b-1": "alpha", "b-2": "alpha", "b-3": "alpha", "b-4": ""} {
		f.seeBridge(id, want)
	}
	if s := f.r.Stats(); s.Channels != 8 || s.Bridges != 3 || s.Mentioned != 11 {
		t.Errorf("%+v", s)
	}
}

// TestNotMentioned: nothing is learnt from what may come late, from free text, nor from what names nobody.
func TestNotMentioned(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	f.say(alpha,
		"Cdr|Privilege: cdr,all|Channel: X/a-1|UniqueID: 1.1",
		"CEL|Privilege: cel,all|Channel: X/a-1|UniqueID: 1.1|Uniqueid: 1.1",
		"BlindTransfer|Privilege: call,all|"+group("Transferer", "X/a-1", "1.1")+"|BridgeUniqueid: b-1",
		"ConfbridgeLeave|Privilege: call,all|Conference: 1|BridgeUniqueid: b-1|"+group("", "X/a-1", "1.1"),
		"OriginateResponse|Privilege: call,all|Response: Success|Channel: X/a-1|Uniqueid: 1.1",
		"Hangup|Privilege: call,all|"+group("", "X/a-1", "1.1"),
		"BridgeDestroy|Privilege: call,all|BridgeUniqueid: b-1|BridgeType: x",
		"VarSet|Privilege: dialplan,all|Channel: none|Uniqueid: none|Variable: x|Value: DestUniqueid: 1.1\nUniqueid: 1.1",
		"Newchannel|Privilege: call,all|Channel: |Uniqueid: 1.1", "Newchannel|Privilege: call,all|Channel: X/a-1|Uniqueid: ",
		"Newchannel|Privilege: call,all|Channel: X/a-1|Uniqueid: <unknown>", "Newchannel|Privilege: call,all|Uniqueid: 1.1",
		"Rename|Privilege: call,all|Channel: X/b-1|Newname: |Uniqueid: 1.1", "X|Uniqueid:1.1|Channel:X/a-1", "Uniqueid: 1.1|Channel: X/a-1")
	f.see("X/a-1", "")
	f.see("1.1", "")
	f.seeBridge("b-1", "")
	if s := f.r.Stats(); s != (owner.Stats{Nodes: 1}) {
		t.Errorf("%+v", s)
	}
	f.born(alpha, "X/a-1", "1.1")
	f.say(alpha, "Hangup|Privilege: call,all|"+group("", "X/a-1", "1.1"), "Newstate|Privilege: call,all|"+group("", "X/a-1", "1.1"),
		"Rename|Privilege: call,all|Channel: X/a-1|Newname: X/b-1|Uniqueid: 1.1")
	f.see("X/a-1", "alpha ended")
	f.see("X/b-1", "")
}

func TestBridges(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	f.say(alpha, "BridgeCreate|Privilege: call,all|BridgeUniqueid: 0a-1|BridgeType: basic")
	f.say(bravo, "BridgeCreate|Privilege: call,all|BridgeUniqueid: 1.2|BridgeType: basic")
	f.seeBridge("0A-1", "alpha")
	f.seeBridge("1.2", "bravo")
	f.seeBridge("bravo-1.2", "") // ids of bridges are not qualified
	f.see("0a-1", "")
	f.say(alpha, "BridgeDestroy|Privilege: call,all|BridgeUniqueid: 0a-1|BridgeType: basic", "BridgeLeave|Privilege: call,all|BridgeUniqueid: 0a-1")
	f.seeBridge("0a-1", "alpha ended")
	f.say(alpha, "BridgeCreate|Privilege: call,all|BridgeUniqueid: 0a-1|BridgeType: basic")
	f.seeBridge("0a-1", "alpha")
	f.r.LearnBridge(charlie, []byte("0a-1"))
	f.r.LearnBridge(charlie, []byte("0a-1"))
	f.seeBridge("0a-1", "alpha charlie")
	if s := f.r.Stats(); s.Bridges != 3 {
		t.Errorf("%+v", s)
	}
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{Max: 160})
	f.r.SetLost(alpha, false)
	absent := func(keys ...string) {
		for _, k := range keys {
			f.r.AbsentChannel(f.now, []byte(k))
		}
	}
	absent("X/a-1", "alpha-1.1", "1.1", "bravo-1.1", "other", "x/A-1")
	f.r.AbsentBridge(f.now, []byte("X/a-1"))
	for _, k := range []string{"X/A-1", "Alpha-1.1", "1.1", "bravo-1.1", "OTHER"} {
		f.see(k, "absent")
	}
	if s := f.r.Stats(); s.Absent != 6 || s.Ended != 0 {
		t.Errorf("%+v", s)
	}
	f.born(alpha, "X/a-1", "1.1")
	f.see("x/a-1", "alpha")
	f.see("1.1", "alpha")
	f.see("bravo-1.1", "absent")
	f.seeBridge("X/a-1", "absent")
	if s := f.r.Stats(); s.Absent != 3 {
		t.Errorf("%+v", s)
	}
	absent("x/a-1") // the answers came when it was there already
	f.say(alpha, "Hangup|Privilege: call,all|"+group("", "X/a-1", "1.1"))
	absent("x/a-1", "alpha-1.1")
	f.see("x/a-1", "alpha ended")
	f.born(alpha, "X/b-1", "1.2")
	absent("X/new-1")
	f.say(alpha, "Rename|Privilege: call,all|Channel: X/b-1|Newname: X/new-1|Uniqueid: 1.2")
	f.see("X/new-1", "alpha")
	f.say(alpha, "BridgeCreate|Privilege: call,all|BridgeUniqueid: X/a-1")
	f.seeBridge("x/a-1", "alpha")
	f.r.Forget(2 * time.Minute)
	f.see("bravo-1.1", "")
	for i := range 20 { // more than a sixteenth is not kept
		absent(string(rune('a' + i)))
	}
	if s := f.r.Stats(); s.Absent != 10 || s.Refused != 10 {
		t.Errorf("%+v", s)
	}
}

// TestAskAgain: what nobody had may be had by a node that comes, or comes back into view.
func TestAskAgain(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	f.born(alpha, "X/a-1", "1.1")
	f.r.AbsentChannel(0, []byte("X/nobody"))
	f.r.SetLost(alpha, false)
	f.see("X/nobody", "absent")
	f.r.SetLost(alpha, true)
	f.see("X/nobody", "absent")
	f.r.SetLost(alpha, false)
	f.see("X/nobody", "")
	f.r.AbsentChannel(0, []byte("X/nobody"))
	f.born(bravo, "X/b-1", "1.1")
	f.see("X/nobody", "")
	if s := f.r.Stats(); s.Absent != 0 {
		t.Errorf("%+v", s)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	for i := range 5000 {
		for _, n := range []merge.Node{alpha, bravo} {
			f.r.Learn(n, []byte("c"+number(i)), []byte("X/"+number(i)))
		}
	}
	f.say(alpha, "Hangup|Privilege: call,all|"+group("", "X/7", "c7"))
	f.r.Remove(alpha)
	f.r.Remove(charlie)
	for i := range 5000 {
		f.see("c"+number(i), "bravo")
		f.see("X/"+number(i), "bravo")
	}
	if s := f.r.Stats(); s.Channels != 5000 || s.Ended != 0 || s.Nodes != 1 {
		t.Errorf("%+v", s)
	}
	f.r.Forget(time.Hour)
	f.born(alpha, "X/7", "1.7")
	f.see("X/7", "alpha bravo")
	f.see("1.7", "alpha")
	f.r.Remove(bravo)
	f.see("X/8", "")
	if s := f.r.Stats(); s.Channels != 1 || s.Ended != 0 {
		t.Errorf("%+v", s)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{Max: 4})
	for i := range 4 {
		f.born(alpha, "X/"+number(i), "1."+number(i))
	}
	f.born(alpha, "X/4", "1.4")
	f.see("X/4", "")
	if s := f.r.Stats(); s.Refused != 1 || s.Evicted != 0 || s.Channels != 4 {
		t.Errorf("%+v", s)
	}
	f.say(alpha, "Hangup|Privilege: call,all|"+group("", "X/2", "1.2"), "Hangup|Privilege: call,all|"+group("", "X/0", "1.0"))
	f.born(alpha, "X/5", "1.5")
	f.see("X/2", "")
	f.see("X/0", "alpha ended")
	f.see("X/5", "alpha")
	if s := f.r.Stats(); s.Refused != 1 || s.Evicted != 1 || s.Channels != 3 || s.Ended != 1 {
		t.Errorf("%+v", s)
	}
	long := make([]byte, 1025)
	for i := range long {
		long[i] = 'x'
	}
	f.born(alpha, string(long), "1.6")
	f.born(alpha, "X/6", string(long))
	f.say(alpha, "Rename|Privilege: call,all|Channel: X/5|Newname: "+string(long)+"|Uniqueid: 1.5")
	f.see("X/5", "alpha")
	if s := f.r.Stats(); s.Refused != 4 || s.Channels != 3 {
		t.Errorf("%+v", s)
	}
	f.see(string(long), "")
}

// TestReuse: an id that is used again and again takes no more room than there is.
func TestReuse(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{Max: 10})
	f.born(alpha, "X/other", "other")
	f.say(alpha, "Hangup|Privilege: call,all|"+group("", "X/other", "other"))
	for range 30 {
		f.born(alpha, "X/y", "mine")
		f.say(alpha, "Hangup|Privilege: call,all|"+group("", "X/y", "mine"))
	}
	f.see("mine", "alpha ended")
	f.see("other", "")
	if s := f.r.Stats(); s.Ended != 1 || s.Evicted != 1 {
		t.Errorf("%+v", s)
	}
}

// TestGaps: an event that nobody has any more is none.
func TestGaps(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	f.r.Add(0, []merge.Event{{Node: &alpha, Seq: 7, Missing: 3}})
	if s := f.r.Stats(); s != (owner.Stats{}) {
		t.Errorf("%+v", s)
	}
}
