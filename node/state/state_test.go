package state

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

const captures = "../../testdata/captures"

var alpha = &merge.Node{Site: "default", Name: "alpha"}

// event makes an event of alpha of its text.
func event(t testing.TB, seq uint64, m *ami.Message) merge.Event {
	o := translator.Origin{Node: "alpha"}
	b, err := o.AppendEntry(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	e, err := wire.ParseEntry(b)
	if err != nil {
		t.Fatal(err)
	}
	return merge.Event{HLC: int64(seq), Node: alpha, Epoch: 1, Seq: seq, Entry: e}
}

func text(t testing.TB, lines ...string) *ami.Message {
	m, err := ami.ParseMessage([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *Store) one(e merge.Event) { s.Apply([]merge.Event{e}, func() {}) }

// TestCaptures: after each event of each recording the state has the channels between Newchannel and Hangup, in the bridges that they
// have entered and not left.
func TestCaptures(t *testing.T) {
	t.Parallel()
	all, err := capture.OpenAll(captures)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, c := range all {
		s, want, seq := New(), map[string]string{}, uint64(0)
		for _, m := range c.Events() {
			seq++
			id, bridge := plain(string(m.Get("Uniqueid"))), string(m.Get("BridgeUniqueid"))
			switch string(m.Get("Event")) {
			case "Newchannel":
				want[id] = ""
			case "Hangup":
				delete(want, id)
			case "BridgeEnter":
				want[id] = bridge
			case "BridgeLeave":
				want[id] = ""
			}
			e := event(t, seq, m)
			s.one(e)
			if seq > 1000 && seq%50 > 0 {
				continue // the large ones
			}
			got := map[string]string{}
			s.View(func(v View) {
				for _, c := range v.Channels(*alpha) {
					if _, known := want[plain(c.Uniqueid)]; known { // those that were there before the recording are not in want
						got[plain(c.Uniqueid)] = c.Bridge
					}
				}
			})
			if !maps.Equal(got, want) {
				t.Fatalf("%s/%s: after event %d, %s: %v, want %v", c.Scenario, c.Instance, seq, m.Get("Event"), got, want)
			}
			checked++
		}
	}
	if checked < 10_000 {
		t.Errorf("only %d events in the recordings", checked)
	}
}

// plain cuts the node's name that was put in front of the ids of an Asterisk without one.
func plain(id string) string { return strings.TrimPrefix(id, "alpha-") }

// TestListsAgree: where a recording has the answer of CoreShowChannels, the state has the same channels with the same headers.
func TestListsAgree(t *testing.T) {
	t.Parallel()
	c, err := capture.OpenDir(captures+"/list-actions-busy", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	s, seq, items := New(), uint64(0), 0
	for _, recorded := range c.Messages {
		if recorded.Kind == capture.Event {
			seq++
			s.one(event(t, seq, recorded.Text))
		}
		for _, m := range recorded.Rest {
			if string(m.Get("Event")) != "CoreShowChannel" {
				continue
			}
			items++
			s.View(func(v View) {
				got, ok := v.Channel(*alpha, string(m.Get("Uniqueid")))
				if !ok || got.Bridge != string(m.Get("BridgeId")) || got.App != string(m.Get("Application")) || !strings.Contains(string(m.Bytes()), "\r\n"+got.Text) {
					t.Errorf("%v %+v, listed as\n%s", ok, got, m.Bytes())
				}
			})
		}
	}
	if items == 0 {
		t.Error("nothing is listed")
	}
}

func TestEndedStaysEnded(t *testing.T) {
	t.Parallel()
	group := func(role, id string) []string {
		var out []string
		for line := range strings.SplitSeq("Channel: Local/1@x-1;1|ChannelState: 6|ChannelStateDesc: Up|CallerIDNum: <unknown>|CallerIDName: <unknown>|"+
			"ConnectedLineNum: <unknown>|ConnectedLineName: <unknown>|Language: en|AccountCode: |Context: x|Exten: 1|Priority: 1|Uniqueid: "+id+"|Linkedid: "+id, "|") {
			out = append(out, role+line)
		}
		return out
	}
	s, seq := New(), uint64(0)
	say := func(name, role, id string) {
		seq++
		s.one(event(t, seq, text(t, append([]string{"Event: " + name, "Privilege: call,all", "SystemName: a"}, group(role, id)...)...)))
	}
	there := func() (ids []string) {
		s.View(func(v View) {
			for _, c := range v.Channels(*alpha) {
				ids = append(ids, c.Uniqueid)
			}
		})
		return ids
	}
	say("Newchannel", "", "mine")
	say("DialBegin", "Dest", "other") // begun before this node listened
	if got := there(); !slices.Equal(got, []string{"mine", "other"}) {
		t.Errorf("%v", got)
	}
	s.View(func(v View) {
		if c, _ := v.Channel(*alpha, "other"); c.Name() != "Local/1@x-1;1" || strings.Contains(c.Text, "Dest") {
			t.Errorf("%+v", c)
		}
	})
	say("Hangup", "", "mine")
	say("AttendedTransfer", "Transferee", "mine") // made of a stored snapshot: ordering.md 4
	if got := there(); !slices.Equal(got, []string{"other"}) {
		t.Errorf("%v", got)
	}
	say("Newchannel", "", "mine")
	if got := there(); !slices.Equal(got, []string{"other", "mine"}) {
		t.Errorf("%v", got)
	}
	seq++
	s.one(event(t, seq, text(t, append([]string{"Event: UserEvent", "Privilege: user,all", "SystemName: a", "UserEvent: x"}, group("", "fake")...)...)))
	if got := there(); len(got) != 2 {
		t.Errorf("a UserEvent made a channel: %v", got)
	}
	if p := s.Stats(); p.Channels != 2 || p.Refused != 0 {
		t.Errorf("%+v", p)
	}
}

// BenchmarkApply is the cost of an event, and B/channel what a channel costs in memory at 100,000 of them.
func BenchmarkApply(b *testing.B) {
	c, err := capture.OpenDir(captures+"/busy-1", "alpha")
	if err != nil {
		b.Fatal(err)
	}
	var events []merge.Event
	for i, m := range c.Events() {
		events = append(events, event(b, uint64(i+1), m))
	}
	b.Run("event", func(b *testing.B) {
		s := New()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			e := events[i%len(events)]
			e.Epoch = uint64(1 + i/len(events))
			s.take(&e)
		}
	})
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			s := New()
			for i := range 100_000 {
				id := fmt.Sprintf("alpha-1700000000.%d", i)
				s.one(event(b, uint64(2*i+1), text(b, "Event: Newexten", "Privilege: dialplan,all", "SystemName: alpha", fmt.Sprintf("Channel: PJSIP/extension-%08x", i),
					"ChannelState: 6", "ChannelStateDesc: Up", "CallerIDNum: 4930123456", "CallerIDName: Somebody Else", "ConnectedLineNum: 4940654321",
					"ConnectedLineName: Nobody", "Language: en", "AccountCode: account", "Context: from-internal", "Exten: 4940654321", "Priority: 3",
					"Uniqueid: "+id, "Linkedid: "+id, "Extension: 4940654321", "Application: Dial", fmt.Sprintf("AppData: PJSIP/trunk/%d,30,tTkK", i))))
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/100_000, "B/channel")
			runtime.KeepAlive(s)
		}
	})
}
