package manager

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

// message is what an answer says: its Message, or all of it if there is none.
func message(answer string) string {
	_, after, ok := strings.Cut(answer, "\r\nMessage: ")
	if !ok {
		return answer
	}
	return strings.TrimSuffix(after, "\r\n\r\n")
}

// calls is a world with a call of Local/ans-60 that has dialled another, and one that waits.
func calls(t *testing.T) *world {
	w := officeWorld(t)
	w.do("Action", "Originate", "Channel", "Local/ans-60@test/n", "Exten", "dial-ans-60", "Context", "test", "Priority", "1", "Async", "1", "ChannelId", "one")
	w.do("Action", "Originate", "Channel", "Local/moh@test/n", "Application", "Wait", "Data", "100", "Async", "t", "ChannelId", "Two")
	w.run(2 * time.Second)
	return w
}

// What the recordings do not have: each action with its complaints, in Asterisk's order and words (manager.c, bridge.c, features.c,
// parking_manager.c of 22).
func TestComplaints(t *testing.T) {
	t.Parallel()
	w := calls(t)
	long := strings.Repeat("x", 150)
	originate := []string{"Action", "Originate", "Channel", "Local/ans-60@test"}
	redirect := []string{"Action", "Redirect", "Channel", "one", "Context", "test", "Exten", "moh"}
	extra := append(slices.Clone(redirect), "Priority", "1", "ExtraChannel", "two", "ExtraContext", "test")
	for _, c := range []struct {
		want   string
		action []string
	}{
		{"Uniqueid length exceeds maximum of 149\n", []string{"Action", "Originate", "ChannelId", long}},
		{"Uniqueid length exceeds maximum of 149\n", []string{"Action", "Originate", "OtherChannelId", long}},
		{"Channel not specified", []string{"Action", "Originate", "Priority", "x"}},
		{"Invalid priority", append(slices.Clone(originate), "Exten", "moh", "Context", "test", "Priority", "label", "Timeout", "x")},
		{"Invalid timeout", append(slices.Clone(originate), "Timeout", "x")},
		{"Invalid channel", []string{"Action", "Originate", "Channel", "Local", "Exten", "none", "Context", "test", "Priority", "1"}},
		{"Extension does not exist.", append(slices.Clone(originate), "Exten", "none", "Context", "test", "Priority", "1")},
		{"Extension does not exist.", append(slices.Clone(originate), "Exten", "moh", "Context", "test", "Priority", "9", "Application", "Wait")},
		{"Originate with 'Exten' requires 'Context' and 'Priority'", append(slices.Clone(originate), "Exten", "moh", "Context", "test")},
		{"Originate successfully queued", append(slices.Clone(originate), "Exten", "moh", "Context", "test", "Async", "ON", "Codecs", "none")},
		{"Originate failed", append(slices.Clone(originate), "Application", "Wait", "Data", "1", "ChannelId", "one")},
		{"Regex format invalid, Channel param should be /regex/", []string{"Action", "Hangup", "Channel", "/abc"}},
		{"Regex format invalid, Channel param should be /regex/", []string{"Action", "Hangup", "Channel", "/"}},
		{"Channel not specified", []string{"Action", "Redirect"}},
		{"Context not specified", redirect[:4]},
		{"Exten not specified", redirect[:6]},
		{"Priority not specified", redirect},
		{"Priority is invalid", append(slices.Clone(redirect), "Priority", "0")},
		{"ExtraExten not specified", extra},
		{"ExtraPriority not specified", append(slices.Clone(extra), "ExtraExten", "moh")},
		{"ExtraPriority is invalid", append(slices.Clone(extra), "ExtraExten", "moh", "ExtraPriority", "nolabel")},
		{"ExtraChannel does not exist: three", append(slices.Clone(redirect), "Priority", "1", "ExtraChannel", "three")},
		{"No channel specified", []string{"Action", "BlindTransfer"}},
		{"No channel specified", []string{"Action", "Atxfer"}},
		{"No extension specified", []string{"Action", "Atxfer", "Channel", "one"}},
		{"Channel specified does not exist", []string{"Action", "Atxfer", "Channel", "three", "Exten", "1"}},
		{"Atxfer successfully queued", []string{"Action", "Atxfer", "Channel", "two", "Exten", "2000", "Context", "transfer"}},
		{"No channel specified", []string{"Action", "CancelAtxfer"}},
		{"Channel specified does not exist", []string{"Action", "CancelAtxfer", "Channel", "three"}},
		{"CancelAtxfer successfully queued", []string{"Action", "CancelAtxfer", "Channel", "two"}},
		{"Missing channel parameter in request", []string{"Action", "Bridge", "Channel1", "Local/ans-60"}},
		{"Channel1 does not exist: one", []string{"Action", "Bridge", "Channel1", "one", "Channel2", "Local/moh"}},
		{"Channel2 does not exist: x", []string{"Action", "Bridge", "Channel1", "Local/ans-60", "Channel2", "x"}},
		{"BridgeUniqueid must be provided", []string{"Action", "BridgeInfo"}},
		{"BridgeUniqueid must be provided", []string{"Action", "BridgeDestroy"}},
		{"Channel must be provided", []string{"Action", "BridgeKick", "BridgeUniqueid", "x"}},
		{"Bridge not found", []string{"Action", "BridgeKick", "BridgeUniqueid", "x", "Channel", "one"}},
		{"Channel is not in a bridge", []string{"Action", "BridgeKick", "Channel", "two"}},
		{"BridgeTechnology must be provided", []string{"Action", "BridgeTechnologySuspend"}},
		{"BridgeTechnology not found", []string{"Action", "BridgeTechnologyUnsuspend", "BridgeTechnology", "x"}},
		{"Channel not specified", []string{"Action", "Park"}},
		{"Invalid Timeout value.", []string{"Action", "Park", "Channel", "one", "Timeout", "-1"}},
		{"Park action failed\n", []string{"Action", "Park", "Channel", "one", "Parkinglot", "none"}},
		{"CoreShowChannelMap requires a channel.\n", []string{"Action", "CoreShowChannelMap"}},
		{"Could not get channel snapshot\n", []string{"Action", "CoreShowChannelMap", "Channel", "one"}},
		{"No such channel", []string{"Action", "Status", "Channel", "three"}},
		{"Channel Hungup", []string{"Action", "Hangup", "Channel", "TWO", "Cause", " 17"}},
	} {
		if got := message(w.do(c.action...)); got != c.want {
			t.Errorf("%q: %q, want %q", c.action, got, c.want)
		}
	}
}

// Originate takes all it is told to the channel.
func TestOriginate(t *testing.T) {
	t.Parallel()
	w := officeWorld(t)
	w.do("Action", "Originate", "Channel", "Local/moh@test/n", "Exten", "moh", "Context", "test", "Priority", "2x", "Async", "Y",
		"ChannelId", "a", "CallerID", `"Last\, First" <(030) 12-34>`, "Account", "acc", "Variable", " A=1,B=2,C", "Variable", `D="x,y",CALLERID(dnid)=1,E=`)
	w.run(time.Second)
	got := w.do("Action", "Status", "Channel", "A", "Variables", "A,B,C,D,E,CALLERID(num),CALLERID(name)")
	for _, want := range []string{"\r\nCallerIDNum: 0301234\r\nCallerIDName: Last, First\r\n", "\r\nAccountCode: acc\r\nContext: test\r\nExten: moh\r\nPriority: 2\r\n",
		"\r\nVariable: A=1\r\nVariable: B=2\r\nVariable: C=(null)\r\nVariable: D=x,y\r\nVariable: E=\r\n" +
			"Variable: CALLERID(num)=0301234\r\nVariable: CALLERID(name)=Last, First\r\n\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if got := w.do("Action", "Status", "Channel", "a", "AllVariables", "yes"); !strings.Contains(got, "\r\nVariable: A=1\r\nVariable: B=2\r\nVariable: D=x,y\r\nVariable: E=\r\n") {
		t.Errorf("all variables: %q", got)
	}
}

// Progress is as good as an answer with EarlyMedia, no time-out means for ever, and an unknown technology fails at once.
func TestOriginateWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pbx.Config{Dialplan: lines("[c]\nexten => p,1,Progress()\n same => n,Wait(60)\nexten => r,1,Ringing()\n same => n,Wait(50)\n same => n,Answer()\n" +
		" same => n,Wait(60)\n")}, Config{})
	at := func(pairs ...string) (string, time.Duration) {
		began := w.now
		return message(w.do(append([]string{"Action", "Originate", "Exten", "r", "Context", "c", "Priority", "1"}, pairs...)...)), w.now.Sub(began)
	}
	const queued, failed = "Originate successfully queued", "Originate failed"
	for _, c := range []struct {
		want    string
		d       time.Duration
		channel string
		pairs   []string
	}{
		{queued, 0, "Local/p@c", []string{"EarlyMedia", "true"}},
		{failed, 3 * time.Second, "Local/p@c", []string{"Timeout", "3000"}},
		{failed, 30 * time.Second, "Local/r@c", nil},
		{queued, 50 * time.Second, "Local/r@c", []string{"Timeout", "0"}},
		{failed, 0, "None/1", nil},
	} {
		if got, d := at(append([]string{"Channel", c.channel}, c.pairs...)...); got != c.want || d != c.d {
			t.Errorf("%s %q: %q after %v, want %q after %v", c.channel, c.pairs, got, d, c.want, c.d)
		}
	}
}

func TestHangupMatching(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]int{"/^Local/(moh|ans)[^;]+;1$/": 3, "/moh/": 2, "/MOH/": 0, "//": 6, `/\;2/`: 3} {
		w := calls(t)
		got := w.do("Action", "Hangup", "Channel", pattern, "ActionID", "7", "Cause", "38")
		if n := strings.Count(got, "Event: ChannelHungup\r\nChannel: Local/"); n != want {
			t.Errorf("%s: %d channels, want %d: %q", pattern, n, want, got)
		}
		w.run(time.Second)
		if n := strings.Count(strings.Join(w.events, ""), "\r\nCause: 38\r\n"); (n > 0) != (want > 0) {
			t.Errorf("%s: the cause is in %d events", pattern, n)
		}
	}
}

// Without a channel only what belongs to no channel can be set and asked for.
func TestGlobalVariables(t *testing.T) {
	t.Parallel()
	w := officeWorld(t)
	for _, c := range []struct{ name, set, value string }{
		{"A", "Variable Set", "1"}, {"DB(f/k)", "Variable Set", "1"}, {"GLOBAL(B)", "Variable Set", "1"}, {"DEVICE_STATE(Custom:x)", "Variable Set", "INUSE"},
		{"CALLERID(num)", "Variable not set", ""}, {"CHANNEL(language)", "Variable not set", ""}, {"NONE(x)", "Variable not set", ""}, {"LEN(x)", "Variable not set", "1"},
	} {
		value := c.value
		if value == "" {
			value = "x"
		}
		if got := message(w.do("Action", "Setvar", "Variable", c.name, "Value", value)); got != c.set {
			t.Errorf("Setvar %s: %q", c.name, got)
		}
		if got, want := w.do("Action", "Getvar", "Variable", c.name), "Response: Success\r\nVariable: "+c.name+"\r\nValue: "+c.value+"\r\n\r\n"; got != want {
			t.Errorf("Getvar %s: %q", c.name, got)
		}
	}
}

func TestBridgeTechnologies(t *testing.T) {
	t.Parallel()
	w := officeWorld(t)
	if got := message(w.do("Action", "BridgeTechnologySuspend", "BridgeTechnology", "SOFTMIX")); got != "Suspended bridge technology" {
		t.Error(got)
	}
	if got := w.do("Action", "BridgeTechnologyList"); !strings.Contains(got, "softmix\r\nBridgeType: MultiMix\r\nBridgePriority: 10\r\nBridgeSuspended: Yes\r\n") ||
		strings.Count(got, "BridgeSuspended: No\r\n") != 3 {
		t.Error(got)
	}
	if got := message(w.do("Action", "BridgeTechnologyUnsuspend", "BridgeTechnology", "softmix")); got != "Unsuspended bridge technology" {
		t.Error(got)
	}
}

// A UserEvent says what the recorded ones say, byte for byte.
func TestUserEvents(t *testing.T) {
	t.Parallel()
	r, w := openRecording(t, "userevent-action"), officeWorld(t)
	w.w.Timestamps = true
	for _, d := range r.dialogues {
		if d.action.IsAction("UserEvent") {
			w.send(d.action)
		}
	}
	var want []string
	c, err := capture.OpenDir(captures+"userevent-action", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Events() {
		if text := string(m.Bytes()); strings.HasPrefix(text, "Event: UserEvent\r\n") {
			want = append(want, clocks.ReplaceAllString(text, ""))
		}
	}
	for i := range w.events {
		w.events[i] = clocks.ReplaceAllString(w.events[i], "")
	}
	if len(want) < 6 || !slices.Equal(w.events, want) {
		t.Errorf("%q, want %q", w.events, want)
	}
	w.events = nil
	line, err := ami.ParseMessage([]byte("Action: UserEvent\r\nuserevent: x\r\nKey:no blank\r\nno colon\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	w.send(line)
	if got := strings.Join(w.events, ""); !strings.HasSuffix(got, "\r\nUserEvent: x\r\nKey:no blank\r\nno colon\r\n\r\n") {
		t.Errorf("%q", got)
	}
}
