package manager

import (
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
)

const hints = `
[test]
exten => 1000,hint,Custom:lamp
exten => 1000,1,Answer
 same => n,Wait(60)
exten => _2XX,hint,Sim/${EXTEN}
[default]
include => test
`

func TestStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pbx.Config{Dialplan: lines(hints), Endpoints: map[string]pbx.Endpoint{"a": {}, "gone": {Unavailable: true}}}, Config{})
	expect(t, w, []string{"Action", "ExtensionState"}, "Response: Error\nMessage: Extension not specified\n\n")
	expect(t, w, []string{"Action", "ExtensionState", "ActionID", "1", "Exten", "1000"}, // by way of the context default
		"Response: Success\nActionID: 1\nMessage: Extension Status\nExten: 1000\nContext: default\nHint: Custom:lamp\nStatus: 0\nStatusText: Idle\n\n")
	expect(t, w, []string{"Action", "Setvar", "Variable", "DEVICE_STATE(Custom:lamp)", "Value", "BUSY"}, "Response: Success\nMessage: Variable Set\n\n")
	expect(t, w, []string{"Action", "ExtensionState", "Exten", "205", "Context", "test"},
		"Response: Success\nMessage: Extension Status\nExten: 205\nContext: test\nHint: Sim/205\nStatus: 0\nStatusText: Idle\n\n")
	expect(t, w, []string{"Action", "ExtensionState", "Exten", "x", "Context", "nowhere"},
		"Response: Success\nMessage: Extension Status\nExten: x\nContext: nowhere\nHint: \nStatus: -1\nStatusText: Unknown\n\n")
	w.step(0, 0, pbx.Incoming{Endpoint: "a", Context: "test", Exten: "1000"})
	w.run(time.Second)
	expect(t, w, []string{"Action", "ExtensionStateList", "ActionID", "7"}, "Response: Success\nActionID: 7\nEventList: start\nMessage: Extension Statuses will follow\n\n"+
		"Event: ExtensionStatus\nActionID: 7\nExten: 205\nContext: test\nHint: Sim/205\nStatus: 0\nStatusText: Idle\n\n"+
		"Event: ExtensionStatus\nActionID: 7\nExten: 1000\nContext: test\nHint: Custom:lamp\nStatus: 2\nStatusText: Busy\n\n"+
		"Event: ExtensionStateListComplete\nActionID: 7\nEventList: Complete\nListItems: 2\n\n")
	expect(t, w, []string{"Action", "DeviceStateList"}, "Response: Success\nEventList: start\nMessage: Device State Changes will follow\n\n"+
		"Event: DeviceStateChange\nDevice: Custom:lamp\nState: BUSY\n\n"+
		"Event: DeviceStateChange\nDevice: Sim/gone\nState: UNAVAILABLE\n\n"+
		"Event: DeviceStateChange\nDevice: Sim/a\nState: INUSE\n\n"+
		"Event: DeviceStateListComplete\nEventList: Complete\nListItems: 3\n\n")
	expect(t, w, []string{"Action", "PresenceState"}, "Response: Error\nMessage: No provider specified\n\n")
	expect(t, w, []string{"Action", "PresenceState", "Provider", "CustomPresence:x"}, "Response: Error\nMessage: Invalid provider CustomPresence:x or provider in invalid state\n\n")
	expect(t, w, []string{"Action", "PresenceStateList"}, "Response: Success\nEventList: start\nMessage: Presence State Changes will follow\n\n"+
		"Event: PresenceStateListComplete\nEventList: Complete\nListItems: 0\n\n")
	said := strings.Join(w.events, "")
	for _, want := range []string{
		"Exten: 1000\nContext: test\nHint: Custom:lamp\nStatus: 2\nStatusText: Busy\n\nEvent: DeviceStateChange\nPrivilege: call,all\nDevice: Custom:lamp\nState: BUSY\n",
		"Event: ExtensionStatus\nPrivilege: call,all\nExten: 205\n",
	} {
		if !strings.Contains(strings.ReplaceAll(said, "\r", ""), want) {
			t.Errorf("not said: %q", want)
		}
	}
}

func TestDatabaseActions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pbx.Config{Dialplan: lines(hints)}, Config{})
	for _, c := range [][2]string{
		{"DBPut", "No family specified"}, {"DBGet", "No family specified."}, {"DBDel", "No family specified."}, {"DBDelTree", "No family specified."},
	} {
		expect(t, w, []string{"Action", c[0], "Key", "k"}, "Response: Error\nMessage: "+c[1]+"\n\n")
	}
	expect(t, w, []string{"Action", "DBDel", "Family", "f"}, "Response: Error\nMessage: No key specified.\n\n")
	expect(t, w, []string{"Action", "DBPut", "Family", "f", "Key", "k", "Val", strings.Repeat("x", 65<<10)}, "Response: Error\nMessage: Failed to update entry\n\n")
	for _, family := range []string{"Fam", "fam/sub", "family"} {
		expect(t, w, []string{"Action", "DBPut", "Family", family, "Key", "k", "Val", "v"}, "Response: Success\nMessage: Updated database successfully\n\n")
	}
	expect(t, w, []string{"Action", "DBGetTree", "Family", "fam"}, "Response: Success\nEventList: start\nMessage: Result will follow\n\n"+
		"Event: DBGetTreeResponse\nKey: /Fam/k\nVal: v\n\nEvent: DBGetTreeResponse\nKey: /fam/sub/k\nVal: v\n\n"+
		"Event: DBGetTreeComplete\nEventList: Complete\nListItems: 2\n\n")
	if got := w.do("Action", "DBGetTree"); !strings.Contains(got, "ListItems: 3\r\n") {
		t.Errorf("the whole database is %q", got)
	}
	expect(t, w, []string{"Action", "DBDelTree", "Family", "fam", "Key", "sub"}, "Response: Success\nMessage: Key tree deleted successfully\n\n")
	expect(t, w, []string{"Action", "DBDelTree", "Family", "fam", "Key", "sub"}, "Response: Error\nMessage: Database entry not found\n\n")
	expect(t, w, []string{"Action", "DBGet", "Family", "family", "Key", "k", "ActionID", "9"}, "Response: Success\nActionID: 9\nEventList: start\nMessage: Result will follow\n\n"+
		"Event: DBGetResponse\nFamily: family\nKey: k\nVal: v\nActionID: 9\n\nEvent: DBGetComplete\nActionID: 9\nEventList: Complete\nListItems: 1\n\n")
}

func TestMediaActions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pbx.Config{Dialplan: lines(hints)}, Config{})
	w.step(0, 0, pbx.Incoming{Endpoint: "a", Context: "test", Exten: "1000"})
	w.run(time.Second)
	const there = "Sim/a-00000000"
	for _, c := range []struct{ action, want string }{
		{"SendText", "No channel specified"}, {"SendText|Channel|x", "No Message specified"}, {"SendText|Channel|x|Message|m", "No such channel"},
		{"MuteAudio", "Channel not specified"}, {"MuteAudio|Channel|x", "State not specified"}, {"MuteAudio|Channel|x|State|on", "Direction not specified"},
		{"MuteAudio|Channel|x|State|on|Direction|up", "No such channel"}, {"MuteAudio|Channel|" + there + "|State|on|Direction|up", "Failed to mute/unmute stream"},
		{"PlayDTMF|Digit|1", "Channel not found"}, {"PlayDTMF|Channel|" + there, "No digit specified"},
		{"PlayMF|Channel|" + there + "|Digit|1|Duration|long", "Could not convert Duration parameter"}, {"PlayMF|Channel|x", "Channel not found"},
		{"SendFlash", "Channel not found"}, {"LocalOptimizeAway", "'Channel' not specified."}, {"LocalOptimizeAway|Channel|x", "Channel does not exist."},
		{"LocalOptimizeAway|Channel|" + there, "Unable to find channel"}, {"AbsoluteTimeout", "No channel specified"},
		{"AbsoluteTimeout|Channel|x", "No timeout specified"}, {"AbsoluteTimeout|Channel|x|Timeout|-1", "No timeout specified"},
		{"AbsoluteTimeout|Channel|x|Timeout|NaN", "No timeout specified"}, {"AbsoluteTimeout|Channel|x|Timeout|1e99", "No such channel"},
	} {
		expect(t, w, strings.Split("Action|"+c.action, "|"), "Response: Error\nMessage: "+c.want+"\n\n")
	}
	expect(t, w, []string{"Action", "MuteAudio", "Channel", there, "State", "on", "Direction", "all"}, "Response: Success\n\n")
	expect(t, w, []string{"Action", "PlayMF", "Channel", there, "Digit", "5"}, "Response: Success\nMessage: MF successfully queued\n\n")
	expect(t, w, []string{"Action", "SendFlash", "Channel", there, "Receive", "yes"}, "Response: Success\nMessage: Flash successfully queued\n\n")
	expect(t, w, []string{"Action", "PlayDTMF", "Channel", there, "Digit", "5", "Duration", " 40ms", "Receive", "1"}, "Response: Success\nMessage: DTMF successfully queued\n\n")
	w.run(time.Second)
	expect(t, w, []string{"Action", "AbsoluteTimeout", "Channel", there, "Timeout", "1.5 s"}, "Response: Success\nMessage: Timeout Set\n\n")
	w.run(1400 * time.Millisecond)
	if said := strings.Join(w.events, ""); !strings.Contains(said, "Event: Flash\r\n") || !strings.Contains(said, "DurationMs: 40\r\n") || strings.Contains(said, "Event: Hangup\r\n") {
		t.Errorf("said: %q", said)
	}
	w.run(200 * time.Millisecond)
	if said := strings.Join(w.events, ""); !strings.Contains(said, "Event: Hangup\r\n") {
		t.Error("the timeout ended nothing")
	}
}

func expect(t *testing.T, w *world, action []string, want string) {
	t.Helper()
	if got := strings.ReplaceAll(w.do(action...), "\r\n", "\n"); got != want {
		t.Errorf("%q: got\n%swant\n%s", action, got, want)
	}
}
