package pbx

import (
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/translator"
)

// lists are the lists of call-bridge-action, by name, as the recording has them.
func lists(t *testing.T) map[string][]event {
	c, err := capture.OpenDir("../../../../testdata/captures/call-bridge-action", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]event{}
	for _, m := range c.Messages {
		for _, item := range m.Rest {
			e := parseEvent(string(item.Bytes()))
			out[e.name] = append(out[e.name], e)
		}
	}
	return out
}

func texts(list []translator.Raised) (out []event) {
	for _, r := range list {
		out = append(out, parseEvent("Event: "+r.Name+"\r\n"+string(translator.AppendParts(nil, r.Parts))+"\r\n"))
	}
	return out
}

// same compares a list with a recorded one, in any order of the items: Asterisk's is that of a hash table.
func same(t *testing.T, list []translator.Raised, want []event) {
	t.Helper()
	lines := func(events []event) (out []string) {
		for i := range events {
			e := &events[i]
			var b strings.Builder
			for _, h := range e.headers {
				switch {
				case h.name == "ActionID" || h.name == "Privilege":
				case h.name == "Duration" || h.name == "Seconds" || strings.HasPrefix(h.name, "Bridge") && strings.Contains(strings.ToLower(h.name), "id"):
					b.WriteString(h.name + "~ ")
				default:
					b.WriteString(h.name + "=" + suffix.ReplaceAllString(h.value, "$1") + " ")
				}
			}
			out = append(out, e.name+" "+b.String())
		}
		slices.Sort(out)
		return out
	}
	if g, w := lines(texts(list)), lines(want); len(w) == 0 || !slices.Equal(g, w) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
}

func TestListsAreThoseOfAsterisk(t *testing.T) {
	t.Parallel()
	want := lists(t)
	w := newWorld(t, Config{ChannelVars: []string{"CALLTYPE", "TENANT"}})
	w.do(named(runs("Local/moh@test", "Wait", "60"), "chan-a"), named(runs("Local/echo@test", "Wait", "60"), "chan-b"))
	w.run(sec)
	w.do(Bridge{Channel1: "chan-b", Channel2: "chan-a"})
	w.run(sec)
	for _, c := range w.p.channels {
		if c.member != nil {
			c.linkedid = "chan-a" // of two that were made in one second Asterisk takes another one for the older
		}
	}
	same(t, w.p.CoreShowChannels(), want["CoreShowChannel"])
	status, ok := w.p.Status("", nil, false)
	if !ok {
		t.Error("no status")
	}
	same(t, status, want["Status"])
	same(t, w.p.BridgeList(""), want["BridgeListItem"])
	var id string
	for id = range w.p.bridges {
	}
	channels, _, ok := w.p.BridgeInfo(id)
	if !ok {
		t.Error("no bridge")
	}
	same(t, channels, want["BridgeInfoChannel"])
	connected, ok := w.p.CoreShowChannelMap("Local/echo@test-00000001;1")
	if !ok {
		t.Error("no map")
	}
	same(t, connected, want["CoreShowChannelMap"])
	if v, ok := w.p.Getvar("chan-a", "CHANNEL(state)"); v != "Up" || !ok {
		t.Errorf("Getvar: %q, %v", v, ok)
	}
	for _, missing := range []func() bool{
		func() bool { _, ok := w.p.Status("x", nil, false); return ok }, func() bool { _, _, ok := w.p.BridgeInfo("x"); return ok },
		func() bool { _, ok := w.p.CoreShowChannelMap("x"); return ok }, func() bool { _, ok := w.p.Getvar("x", "y"); return ok },
	} {
		if missing() {
			t.Error("found what is not there")
		}
	}
}
