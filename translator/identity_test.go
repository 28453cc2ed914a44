package translator

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/wire"
)

// origins name the sources of the tests: node n, systemname s or none.
var origins = map[string]*Origin{
	"auto":     {Node: "n"},
	"auto s":   {Node: "n", Systemname: "s"},
	"always":   {Node: "n", Qualify: Always},
	"always s": {Node: "n", Qualify: Always, Systemname: "s"},
	"never":    {Node: "n", Qualify: Never},
	"never s":  {Node: "n", Qualify: Never, Systemname: "s"},
	"auto n":   {Node: "n", Systemname: "n"}, // named like its node
}

// TestEntry tells what is served, and by what it is keyed. Lines of served are what differs from said.
//
//ami:differs 7.1 an event of an Asterisk without a systemname gets the SystemName of its node, at the same place
//ami:differs 16.20 an Asterisk without a systemname gets its node's name in front of the ids, since ids of several boxes repeat; identity.qualify turns that off
//ami:client 8
func TestEntry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, origin       string
		said, served       string // separated by |, "" if served as said
		uniqueid, linkedid string
	}{
		{"bare", "auto", "Event: A|Privilege: call,all|Uniqueid: 1.2|Linkedid: 1.1",
			"Event: A|Privilege: call,all|SystemName: n|Uniqueid: n-1.2|Linkedid: n-1.1", "n-1.2", "n-1.1"},
		{"with systemname", "auto", "Event: A|Privilege: call,all|SystemName: s|Uniqueid: s-1.2|Linkedid: 1.1", "", "s-1.2", "1.1"},
		{"always, bare", "always", "Event: A|Privilege: call,all|Uniqueid: 1.2|Linkedid: x-1.1",
			"Event: A|Privilege: call,all|SystemName: n|Uniqueid: n-1.2|Linkedid: x-1.1", "n-1.2", "x-1.1"},
		{"always", "always s", "Event: A|Privilege: call,all|SystemName: s|Uniqueid: s-1.2|Linkedid: 1.1",
			"Event: A|Privilege: call,all|SystemName: n|Uniqueid: n-1.2|Linkedid: 1.1", "n-1.2", "1.1"},
		{"always, not told", "always", "Event: A|Privilege: call,all|SystemName: s|Uniqueid: s-1.2",
			"Event: A|Privilege: call,all|SystemName: n|Uniqueid: n-1.2", "n-1.2", ""},
		{"never", "never", "Event: A|Privilege: call,all|Uniqueid: 1.2", "Event: A|Privilege: call,all|SystemName: n|Uniqueid: 1.2", "1.2", ""},
		{"never s", "never s", "Event: A|Privilege: call,all|SystemName: s|Uniqueid: s-1.2", "", "s-1.2", ""},
		{"FullyBooted of a login", "auto s", "Event: FullyBooted|Privilege: system,all|Status: x",
			"Event: FullyBooted|Privilege: system,all|SystemName: s|Status: x", "", ""},
		{"head with debug", "auto", "Event: A|Privilege: call,all|Timestamp: 1.000001|SequenceNumber: 1|File: a.c|Line: 2|Func: f|Uniqueid: 1.2",
			"Event: A|Privilege: call,all|Timestamp: 1.000001|SequenceNumber: 1|File: a.c|Line: 2|Func: f|SystemName: n|Uniqueid: n-1.2", "n-1.2", ""},
		{"all head", "auto", "Event: A|Privilege: call,all|Timestamp: 1.000001", "Event: A|Privilege: call,all|Timestamp: 1.000001|SystemName: n", "", ""},
		{"no head", "auto", "Event: A", "Event: A|SystemName: n", "", ""},
		{"forms", "auto", "Event: A|Privilege: call,all|Uniqueid: 1.2;1|DestUniqueId: 1.2;2|SwapUNIQUEID:  1.2|XLinkedid: 1.2;3|YLinkedid: 1.2 |ZLinkedid: 1.|" +
			"QUniqueid: my-id-9|RUniqueid: 1.2.3|LocalTwoUniqueid:1.2|TUniqueid: .2|VUniqueid: ",
			"Event: A|Privilege: call,all|SystemName: n|Uniqueid: n-1.2;1|DestUniqueId: n-1.2;2|SwapUNIQUEID:  n-1.2|XLinkedid: 1.2;3|YLinkedid: 1.2 |ZLinkedid: 1.|" +
				"QUniqueid: my-id-9|RUniqueid: 1.2.3|LocalTwoUniqueid:n-1.2|TUniqueid: .2|VUniqueid: ", "n-1.2;1", ""},
		{"free text", "auto", "Event: VarSet|Privilege: dialplan,all|Uniqueid: none|Linkedid: none|Variable: UNIQUEID|Value: 1.2|ChanVariable: UNIQUEID=1.2",
			"Event: VarSet|Privilege: dialplan,all|SystemName: n|Uniqueid: none|Linkedid: none|Variable: UNIQUEID|Value: 1.2|ChanVariable: UNIQUEID=1.2", "", ""},
		{"bridge", "auto", "Event: B|Privilege: call,all|BridgeUniqueid: 1.2|ToBridgeUniqueid: 1.3|BridgeVideoSource: 1.4",
			"Event: B|Privilege: call,all|SystemName: n|BridgeUniqueid: 1.2|ToBridgeUniqueid: 1.3|BridgeVideoSource: 1.4", "1.2", ""},
		{"channel before bridge", "auto s", "Event: B|Privilege: call,all|SystemName: s|BridgeUniqueid: u|Uniqueid: s-1.2|Linkedid: s-1.1", "", "s-1.2", "s-1.1"},
		{"CEL", "auto", "Event: CEL|Privilege: call,all|AppData: 1.2|UniqueID: 1.2|LinkedID: 1.1|Extra: 1.3",
			"Event: CEL|Privilege: call,all|SystemName: n|AppData: 1.2|UniqueID: n-1.2|LinkedID: n-1.1|Extra: 1.3", "n-1.2", "n-1.1"},
		{"OriginateResponse", "auto", "Event: OriginateResponse|Privilege: call,all|ActionID: 1.2|Response: Failure|Uniqueid: <unknown>|ChanVariable(a): Uniqueid=1.2",
			"Event: OriginateResponse|Privilege: call,all|SystemName: n|ActionID: 1.2|Response: Failure|Uniqueid: <unknown>|ChanVariable(a): Uniqueid=1.2", "", ""},
		{"none is passed over", "auto s", "Event: A|Privilege: call,all|SystemName: s|Uniqueid: none|Linkedid: x|DestUniqueid: d|DestLinkedid: <unknown>", "", "d", ""},
		{"Dest", "auto s", "Event: A|Privilege: call,all|SystemName: s|LocalOneUniqueid: l|DestLinkedid: dl|DestUniqueid: d|Linkedid: x", "", "d", "dl"},
		{"LocalOne", "auto s", "Event: A|Privilege: call,all|SystemName: s|LocalTwoUniqueid: t|LocalOneUniqueid: l|LocalOneLinkedid: ll", "", "l", "ll"},
		{"OrigTransferer", "auto", "Event: A|Privilege: call,all|OrigTransfererUniqueid: 1.2|OrigTransfererLinkedid: 1.1|BridgeUniqueid: 1.3",
			"Event: A|Privilege: call,all|SystemName: n|OrigTransfererUniqueid: n-1.2|OrigTransfererLinkedid: n-1.1|BridgeUniqueid: 1.3", "n-1.2", "n-1.1"},
		{"user event", "auto", "Event: UserEvent|Privilege: user,all|Uniqueid: 1.2|Linkedid: 1.1|UserEvent: x|Uniqueid: 9.9|Privilege: call,all|SystemName: y|DestUniqueid: 9.8",
			"Event: UserEvent|Privilege: user,all|SystemName: n|Uniqueid: n-1.2|Linkedid: n-1.1|UserEvent: x|Uniqueid: 9.9|Privilege: call,all|SystemName: y|DestUniqueid: 9.8", "n-1.2", "n-1.1"},
		{"user event of no channel", "auto", "Event: UserEvent|Privilege: user,all|UserEvent: x|SystemName: y|Uniqueid: 9.9|Linkedid: 9.8",
			"Event: UserEvent|Privilege: user,all|SystemName: n|UserEvent: x|SystemName: y|Uniqueid: 9.9|Linkedid: 9.8", "", ""},
		{"UserEvent elsewhere", "auto", "Event: A|Privilege: user,all|UserEvent: x|Uniqueid: 9.9",
			"Event: A|Privilege: user,all|SystemName: n|UserEvent: x|Uniqueid: n-9.9", "n-9.9", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := lines(strings.Split(c.said, "|")...)
			want := said
			if c.served != "" {
				want = lines(strings.Split(c.served, "|")...)
			}
			e := entryOf(t, origins[c.origin], said)
			if string(e.AMI()) != want {
				t.Errorf("served\n%s\nwant\n%s", e.AMI(), want)
			}
			if string(e.Uniqueid()) != c.uniqueid || string(e.Linkedid()) != c.linkedid {
				t.Errorf("keyed by %q, %q, want %q, %q", e.Uniqueid(), e.Linkedid(), c.uniqueid, c.linkedid)
			}
			name, _, _ := strings.Cut(strings.TrimPrefix(c.said, "Event: "), "|")
			if string(e.Name()) != name || e.HLC() != 0 {
				t.Errorf("name %q, hlc %d", e.Name(), e.HLC())
			}
		})
	}
}

func TestEntryClasses(t *testing.T) {
	t.Parallel()
	for privilege, want := range map[string]ami.Class{
		"Privilege: call,all": ami.ClassCall, "Privilege: system,user,all": ami.ClassSystem | ami.ClassUser, "Privilege: <none>": 0,
		"Privilege: root,all": 0, "Privilege: Call": 0, "X: y": 0,
	} {
		if e := entryOf(t, origins["auto"], lines("Event: A", privilege)); ami.Class(e.Classes()) != want {
			t.Errorf("%s: classes %d, want %d", privilege, e.Classes(), want)
		}
	}
}

func TestNotEvent(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Response: Success\r\n\r\n", "event: A\r\n\r\n", "Event: A\n\r\n", "Event:A\r\n\r\n", "\r\n"} {
		got, err := origins["auto"].AppendEntry([]byte("kept"), message(t, text))
		if !errors.Is(err, ErrNotEvent) || string(got) != "kept" {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := origins["auto"].AppendEntry(nil, &ami.Message{}); !errors.Is(err, ErrNotEvent) {
		t.Error(err)
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ origin, said, served string }{
		{"auto", "Event: Status|Privilege: Call|Channel: x|Uniqueid: 1.2|Linkedid: 1.1|BridgeUniqueid: 1.3|Variable: UNIQUEID=1.2",
			"Event: Status|Privilege: Call|Channel: x|Uniqueid: n-1.2|Linkedid: n-1.1|BridgeUniqueid: 1.3|Variable: UNIQUEID=1.2"},
		{"auto", "Response: Success|Variable: UNIQUEID|Value: 1.2", ""},
		{"auto", "Response: Success|Output: Uniqueid: 1.2", ""},
		{"auto", "Response: Follows|Uniqueid: 1.2|--END COMMAND--", ""},
		{"auto s", "Event: CoreShowChannel|Uniqueid: s-1.2|Linkedid: 1.1", ""},
		{"always s", "Event: CoreShowChannel|Uniqueid: s-1.2|Linkedid: 1.1", "Event: CoreShowChannel|Uniqueid: n-1.2|Linkedid: 1.1"},
		{"never", "Event: CoreShowChannel|Uniqueid: 1.2", ""},
		{"auto n", "Event: CoreShowChannel|Uniqueid: n-1.2", ""},
	} {
		said := lines(strings.Split(c.said, "|")...)
		want := said
		if c.served != "" {
			want = lines(strings.Split(c.served, "|")...)
		}
		if got := origins[c.origin].AppendAnswer([]byte("kept"), message(t, said)); string(got) != "kept"+want {
			t.Errorf("%s: answer %q, want %q", c.origin, got, want)
		}
	}
	follows := "Response: Follows\r\nUniqueid: 1.2\nUniqueid: 1.3\n--END COMMAND--\r\n\r\n"
	if got := origins["auto"].AppendAnswer(nil, message(t, follows)); string(got) != follows {
		t.Errorf("answer %q, want %q", got, follows)
	}
}

func TestAction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ origin, asked, told string }{
		{"auto", "Action: Hangup|ActionID: n-1.2|Channel: n-1.2|SystemName: n", "Action: Hangup|ActionID: n-1.2|Channel: 1.2"},
		{"auto", "Action: Hangup|Channel: 1.2", ""},
		{"auto", "Action: Hangup|Channel: m-1.2", ""},
		{"auto", "Action: Hangup|Channel: n-1.2x|Channel: PJSIP/n-1.2", ""},
		{"auto", "systemname:n|action:redirect|channel:n-1.2;1|ExtraChannel:\tn-1.3", "action:redirect|channel:1.2;1|ExtraChannel:\t1.3"},
		{"auto", "Action: Bridge|Channel1: n-1.2|Channel2: n-1.3;2", "Action: Bridge|Channel1: 1.2|Channel2: 1.3;2"},
		{"auto", "Action: Originate|ChannelId: n-1.2|OtherChannelId: n-1.3|Data: n-1.4|Variable: A=n-1.5",
			"Action: Originate|ChannelId: 1.2|OtherChannelId: 1.3|Data: n-1.4|Variable: A=n-1.5"},
		{"auto", "Action: Setvar|Channel: n-1.2|Variable: X|Value: n-1.2", "Action: Setvar|Channel: 1.2|Variable: X|Value: n-1.2"},
		{"auto", "Action: BridgeInfo|BridgeUniqueid: n-1.2", ""},
		{"auto", "Action: UserEvent|UserEvent: x|SystemName: n|Uniqueid: n-1.2|Channel: n-1.2", ""},
		{"auto", "no colon|Action: Ping", ""},
		{"auto n", "Action: Hangup|Channel: n-1.2", ""},
		{"auto s", "Action: Hangup|Channel: s-1.2|SystemName: s", "Action: Hangup|Channel: s-1.2"},
		{"always s", "Action: Hangup|Channel: n-1.2", "Action: Hangup|Channel: s-1.2"},
		{"always s", "Action: Hangup|Channel: s-1.2", ""},
		{"never", "Action: Hangup|Channel: n-1.2|SystemName: n", "Action: Hangup|Channel: n-1.2"},
	} {
		asked := lines(strings.Split(c.asked, "|")...)
		want := asked
		if c.told != "" {
			want = lines(strings.Split(c.told, "|")...)
		}
		m, err := ami.NewDecoder(strings.NewReader(asked), ami.Server).Decode()
		if err != nil {
			t.Fatal(err)
		}
		if got := origins[c.origin].AppendAction([]byte("kept"), m); string(got) != "kept"+want {
			t.Errorf("%s: action %q, want %q", c.origin, got, want)
		}
	}
	built := ami.New("Action", "Status", "SystemName", "n", "Channel", "n-1.2")
	if got := origins["auto"].AppendAction(nil, built); string(got) != lines("Action: Status", "Channel: 1.2") {
		t.Errorf("action %q", got)
	}
}

// TestCapturedAnswers: what the captures hold of answers comes back as it was.
func TestCapturedAnswers(t *testing.T) {
	t.Parallel()
	all, err := captures()
	if err != nil {
		t.Fatal(err)
	}
	n, changed := 0, 0
	for _, c := range all {
		o := &Origin{Node: "other", Qualify: Always, Systemname: c.SystemName()}
		for i := range c.Messages {
			for _, m := range append([]*ami.Message{c.Messages[i].Text}, c.Messages[i].Rest...) {
				// SystemName in CoreSettings is an answer, which no action holds.
				if c.Messages[i].Kind != capture.Answer || m.Has("SystemName") || bytes.Contains(m.Bytes(), []byte("other-")) {
					continue
				}
				n++
				answer := o.AppendAnswer(nil, m)
				if !bytes.Equal(answer, m.Bytes()) {
					changed++
				}
				if back := o.AppendAction(nil, message(t, string(answer))); !bytes.Equal(back, m.Bytes()) {
					t.Fatalf("%s/%s: %q came back as %q", c.Scenario, c.Instance, m.Bytes(), back)
				}
			}
		}
	}
	if n < 1000 || changed < 100 {
		t.Errorf("%d answers, %d with ids: not what the captures hold", n, changed)
	}
}

// FuzzQualify: an answer whose ids were qualified comes back as it was, whatever form its node serves.
func FuzzQualify(f *testing.F) {
	for _, g := range []string{lines("Uniqueid: 1.2", "Linkedid: s-1.2;1", "Channel: 1.2"), lines("A", ":", "BridgeUniqueid: 1.2"), mean} {
		f.Add([]byte(g))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ami.NewDecoder(bytes.NewReader(b), ami.Client).Decode()
		if err != nil || bytes.Contains(b, []byte("n-")) || m.Len() == 0 || bytes.HasPrefix(b, []byte("Response: Follows")) {
			return // no answer, or one that holds this node's prefix already
		}
		for i := range m.Len() {
			if isHeader(m.Line(i), "SystemName") || isHeader(m.Line(i), "Action") {
				return // an event or an action
			}
		}
		for name, o := range origins {
			answer := o.AppendAnswer(nil, m)
			q, err := ami.NewDecoder(bytes.NewReader(answer), ami.Client).Decode()
			if err != nil {
				t.Fatal(err)
			}
			if back := o.AppendAction(nil, q); !bytes.Equal(back, m.Bytes()) {
				t.Fatalf("%s: %q was served as %q and came back as %q", name, m.Bytes(), answer, back)
			}
		}
	})
}

func TestParseQualify(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Qualify{"auto": Auto, "always": Always, "never": Never} {
		if got, err := ParseQualify(s); got != want || err != nil {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Auto", "yes"} {
		if _, err := ParseQualify(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

// TestNoAllocation: nothing is allocated but room in dst.
func TestNoAllocation(t *testing.T) {
	for name, text := range map[string]string{"copy": mean, "qualify": string(bare)} {
		o, m := &Origin{Node: "alpha"}, message(t, text)
		buf, out := make([]byte, 0, 4096), make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(100, func() {
			raw, _ := o.AppendEntry(buf, m)
			e, _ := wire.ParseEntry(raw)
			event, _ := AppendEvent(out, testIdent, &e)
			_, _ = AppendText(buf, event)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
