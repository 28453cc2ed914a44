package pbx

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami/capture"
)

// hinted is a dialplan with hints. One whose extension begins with "_" is a pattern of that many digits.
type hinted struct {
	plan
	hints []Hint
}

func (h hinted) Hints() (out []Hint) {
	for _, one := range h.hints {
		if one.Exten[0] != '_' {
			out = append(out, one)
		}
	}
	return out
}

func (h hinted) Hint(context, exten string, _ Vars) (Hint, bool) {
	for _, one := range h.hints {
		switch {
		case one.Context != context:
		case one.Exten == exten:
			return one, true
		case one.Exten[0] == '_' && len(one.Exten) == len(exten)+1 && one.Exten[1] == exten[0]:
			return Hint{context, exten, strings.ReplaceAll(one.Devices, "${EXTEN}", exten)}, true
		}
	}
	return Hint{}, false
}

// Set knows DEVICE_STATE.
func (h hinted) Set(name, value string, vars Vars) bool {
	if device, ok := strings.CutPrefix(name, "DEVICE_STATE(Custom:"); ok {
		return vars.SetDeviceState(strings.TrimSuffix(device, ")"), value)
	}
	return h.plan.Set(name, value, vars)
}

// theirs are the hints the captures were made with, and the extension that sets states.
var theirs = hinted{parsePlan(`
[test]
devstate: Answer(); Wait(0.5); Set(DEVICE_STATE(Custom:dev1)=INUSE); Wait(0.3); Set(DEVICE_STATE(Custom:dev1)=RINGING); Wait(0.3); Set(DEVICE_STATE(Custom:dev1)=NOT_INUSE); Wait(0.5); Hangup()
ans-30: Answer(); Wait(30); Hangup()
ring: Ringing(); Wait(2); Answer(); Wait(3)
sim: Dial(Sim/bob,20)
both: Dial(Sim/bob&Sim/carol,20)
park: Answer(); Park(); Hangup()
`), []Hint{
	{"test", "1000", "Custom:dev1,CustomPresence:dev1"}, {"test", "1001", "Custom:agent1"}, {"test", "1002", "Custom:agent2&Custom:dev1"},
	{"test", "1003", "Sim/bravo"}, {"test", "1004", "park:701@parkedcalls"}, {"test", "1005", "Local/ans-30@test"},
	{"test", "1006", "Sim/bob&Sim/carol"}, {"test", "_2XXX", "Sim/x${EXTEN}"},
}}

// stateEvents are the events about devices and extensions of a list, as one line each.
func stateEvents(events []event) (out []string) {
	for i := range events {
		switch e := &events[i]; e.name {
		case "DeviceStateChange":
			out = append(out, e.get("Device")+" "+e.get("State"))
		case "ExtensionStatus":
			out = append(out, fmt.Sprintf("%s@%s %s %s (%s)", e.get("Exten"), e.get("Context"), e.get("Status"), e.get("StatusText"), e.get("Hint")))
		}
	}
	return out
}

// captured reads all events of a recording.
func captured(t *testing.T, scenario string) (out []event) {
	t.Helper()
	c, err := capture.OpenDir("../../../../testdata/captures/"+scenario, "alpha")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Events() {
		out = append(out, parseEvent(string(m.Bytes())))
	}
	return out
}

// Both of a Local pair report each change of theirs and their end, whatever it is worth. What they report when the second half has not yet
// its thread is a race in Asterisk; how often they do, and how it ends, is not.
func TestDevicesReportAsOftenAsInAsterisk(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Config{Endpoints: map[string]Endpoint{"nosuchpeer": {Unavailable: true}}})
			for _, a := range s.acts {
				w.run(a.after)
				w.act(a.input)
			}
			w.run(200 * sec)
			reports := func(events []event) (n map[string]int, last map[string]string) {
				n, last = map[string]int{}, map[string]string{}
				for _, line := range stateEvents(events) {
					device, state, _ := strings.Cut(line, " ")
					if strings.HasPrefix(device, "Local/") {
						n[device]++
						last[device] = state
					}
				}
				return n, last
			}
			got, end := reports(w.events)
			want, theirs := reports(captured(t, s.name))
			for device := range want {
				if got[device] != want[device] || end[device] != theirs[device] {
					t.Errorf("%s: %d reports, the last one %s, want %d, %s", device, got[device], end[device], want[device], theirs[device])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d devices, want %d: %v, %v", len(got), len(want), got, want)
			}
		})
	}
}

func TestCustomStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Dialplan: theirs})
	w.do(runs("Local/devstate@test/n", "Wait", "2"))
	w.run(10 * sec)
	if got, want := stateEvents(w.events), stateEvents(captured(t, "device-states")); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if v, _ := w.p.DBGet("CustomDevstate", "dev1"); v != "NOT_INUSE" {
		t.Errorf("the database has %q", v)
	}
	w.events = nil
	w.p.soon(func() {
		for _, v := range []string{"UNKNOWN", "nonsense", ""} {
			if w.p.setCustom("dev1", v) {
				t.Errorf("%q was taken", v)
			}
		}
		if !w.p.setCustom("dev1", "Not_InUse") || w.p.deviceState("custom:none") != unknown || w.p.deviceState("Custom:dev1") != notInUse {
			t.Error("states are wrong")
		}
	})
	w.do()
	if len(w.events) > 0 {
		t.Errorf("said without a change: %v", w.events)
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func TestEndpointStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Dialplan: theirs, Endpoints: map[string]Endpoint{"bob": {Ring: 2 * sec}, "carol": {Ring: 9 * sec}, "dave": {Unavailable: true}}})
	for name, want := range map[string]state{"Sim/bob": notInUse, "Sim/dave": unavailable, "sim/anybody": notInUse, "Sim/": invalid, "Sim": invalid, "SIP/x": invalid,
		"Local/ring@test": notInUse, "Local/ring@test/n": notInUse, "Local/701@parkedcalls": notInUse, "Local/none@test": invalid, "Local/ring": invalid,
		"Custom:x": unknown, "park:701@parkedcalls": notInUse, "nothing:x": invalid, "": invalid} {
		if got := w.p.deviceState(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	w.do(Incoming{Endpoint: "alice", Context: "test", Exten: "both"})
	w.run(sec)
	w.do(Incoming{Endpoint: "bob", Context: "test", Exten: "ans-30"}) // while it rings
	w.run(4 * sec)
	w.do(Hangup{Channel: "Sim/bob-00000003"})
	w.run(sec)
	w.do(Hold{Channel: "Sim/alice-00000000", On: true})
	w.run(sec)
	w.do(Hold{Channel: "Sim/alice-00000000"})
	w.run(sec)
	w.act(hangupAll{})
	w.run(sec)
	want := []string{
		"1006@test 8 Ringing (Sim/bob&Sim/carol)", "Sim/bob RINGING", "Sim/carol RINGING", "Sim/alice INUSE",
		"1006@test 9 InUse&Ringing (Sim/bob&Sim/carol)", "Sim/bob RINGINUSE", // he calls out meanwhile
		"Sim/bob INUSE", "1006@test 1 InUse (Sim/bob&Sim/carol)", "Sim/carol NOT_INUSE", // and answers
		"1006@test 16 Hold (Sim/bob&Sim/carol)", "Sim/bob ONHOLD", "1006@test 1 InUse (Sim/bob&Sim/carol)", "Sim/bob INUSE",
		"1006@test 0 Idle (Sim/bob&Sim/carol)", "Sim/bob NOT_INUSE", "Sim/alice NOT_INUSE",
	}
	if got := stateEvents(w.events); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestParkingSpacesAreDevices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Dialplan: theirs})
	w.do(dials("Local/ans-30@test/n", "park"))
	w.run(60 * sec)
	var got []string
	for _, line := range stateEvents(w.events) {
		if !strings.HasPrefix(line, "Local/") && !strings.HasPrefix(line, "1005") {
			got = append(got, line)
		}
	}
	want := []string{"1004@test 1 InUse (park:701@parkedcalls)", "park:701@parkedcalls INUSE", "1004@test 0 Idle (park:701@parkedcalls)", "park:701@parkedcalls NOT_INUSE"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Dialplan: theirs})
	order := func() (out []string) {
		for _, item := range w.p.ExtensionStates() {
			out = append(out, item.Parts[0].Value+" "+item.Parts[4].Value)
		}
		return out
	}
	if got, want := strings.Join(order(), ", "), "1004 Idle, 1005 Idle, 1006 Idle, 1000 Idle, 1001 Idle, 1002 Idle, 1003 Idle"; got != want {
		t.Errorf("got %s", got)
	}
	w.do(Incoming{Endpoint: "x2001", Context: "test", Exten: "ans-30"})
	w.run(sec)
	if got := stateEvents(w.events); !slices.Equal(got, []string{"Sim/x2001 INUSE"}) {
		t.Errorf("nobody has asked for 2001: %q", got)
	}
	ask := func(id uint64, exten, want string) {
		t.Helper()
		w.do(ExtensionState{ID: id, Context: "test", Exten: exten})
		item := w.replies[id].Items[0]
		if got := fmt.Sprint(item.Parts[2].Value, " ", item.Parts[3].Value, " ", item.Parts[4].Value); got != want {
			t.Errorf("%s is %q, want %q", exten, got, want)
		}
	}
	w.events = nil
	ask(1, "2001", "Sim/x2001 1 InUse")
	ask(2, "2001", "Sim/x2001 1 InUse")
	ask(3, "none", " -1 Unknown")
	w.act(hangupAll{})
	w.run(sec)
	if got := stateEvents(w.events); !slices.Equal(got, []string{"2001@test 1 InUse (Sim/x2001)", "2001@test 0 Idle (Sim/x2001)", "Sim/x2001 NOT_INUSE"}) {
		t.Errorf("got %q", got)
	}
	w.events = nil
	w.p.soon(func() { w.p.readHints(true) })
	w.do()
	if got := stateEvents(w.events); len(got) != 7 || got[0] != "1000@test 0 Idle (Custom:dev1,CustomPresence:dev1)" {
		t.Errorf("a reload says %q", got)
	}
	if len(w.p.hints) != 7 || w.p.devices["Sim/x2001"].hints != nil {
		t.Error("a reload keeps the extension of a pattern")
	}
}

// The lists come in the order of Asterisk's hash tables.
func TestListsAreInAsterisksOrder(t *testing.T) {
	t.Parallel()
	c, err := capture.OpenDir("../../../../testdata/captures/device-states", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	var devices, extens []string
	for _, m := range c.Messages {
		if m.Kind != capture.Answer {
			continue
		}
		for _, item := range m.Rest {
			switch e := parseEvent(string(item.Bytes())); e.name {
			case "DeviceStateChange":
				devices = append(devices, e.get("Device"))
			case "ExtensionStatus":
				extens = append(extens, e.get("Exten"))
			}
		}
	}
	by := func(bucket func(string) int) func(a, b string) int {
		return func(a, b string) int { return bucket(a) - bucket(b) }
	}
	if len(devices) != 19 || len(extens) != 6 {
		t.Fatalf("recorded %d devices, %d extensions", len(devices), len(extens))
	}
	if !slices.IsSortedFunc(devices, by(cacheBucket)) || !slices.IsSortedFunc(extens, by(hintBucket)) {
		t.Errorf("another order: %q, %q", devices, extens)
	}
}
