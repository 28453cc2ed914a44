package manager

import (
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/node/engine/internal/plan"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/translator"
)

// recordings are those whose answers the engine has to give, as far as it has the actions.
var recordings = []string{
	"call-answered", "call-bridge-action", "call-busy", "call-failed", "call-noanswer", "call-parallel", "command-action", "config-actions",
	"db-actions", "device-states", "dtmf", "getvar-setvar", "hangup-variants", "list-actions-busy", "list-actions-idle",
	"list-actions-no-actionid", "local-chain", "media-actions", "originate-async", "originate-sync", "parking-retrieve", "redirect",
	"transfer-blind", "userevent-action", "userevent-dialplan", "varset-heavy",
}

const (
	noModule = "there are no such channels, queues, mailboxes, conferences, media or presence: the module is not there"
	toCome   = "not built yet"
)

// notBuilt are the recorded actions that the engine does not have, and why. One that it has may not be here.
var notBuilt = map[string]string{
	"IAXnetstats": noModule, "IAXpeerlist": noModule, "IAXpeers": noModule, "IAXregistry": noModule, "Agents": noModule,
	"QueueStatus": noModule, "QueueSummary": noModule, "ConfbridgeListRooms": noModule, "MailboxCount": noModule,
	"MailboxStatus": noModule, "VoicemailUserStatus": noModule, "VoicemailUsersList": noModule, "ControlPlayback": noModule,
	"MixMonitor": noModule, "MixMonitorMute": noModule, "StopMixMonitor": noModule, "MessageSend": noModule,
	"SorceryMemoryCacheStale": noModule,

	"DialplanExtensionAdd": toCome, "DialplanExtensionRemove": toCome,
}

// apart are the recorded actions that console_test.go compares: their answers tell of the machine, its files and its clock.
var apart = map[string]bool{
	"Command": true, "CoreSettings": true, "CoreStatus": true, "CreateConfig": true, "GetConfig": true, "GetConfigJSON": true,
	"PresenceState": true, "PresenceStateList": true, // state_test.go: there was a provider
	"ListCategories": true, "LoggerRotate": true, "ModuleCheck": true, "ShowDialPlan": true, "UpdateConfig": true,
}

// differences are the recorded answers that the engine gives otherwise, by recording and ActionID, and why.
var differences = map[string]string{
	"call-bridge-action alpha-16": chance,
	"redirect alpha-7":            chance,
	"getvar-setvar alpha-17":      "there is no CDR",
	"getvar-setvar alpha-22":      "no SHELL: the engine runs no commands",
	"media-actions alpha-14":      "no TALK_DETECT: there is no media",
	"list-actions-idle alpha-5":   "the parking lot's bridge is of calls before the recording",
}

const chance = "the second half of a Local channel was gone when the list came to it"

// TestRecordedAnswers: to every action of the recordings, at its time, the engine gives the answer that Asterisk gave, byte for byte but
// for clocks, counters, and the order of lists, which is that of hash tables there.
func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	if len(differences) > 10 {
		t.Errorf("%d differences", len(differences))
	}
	for name := range notBuilt {
		if actions[strings.ToLower(name)] != nil {
			t.Errorf("%s is answered: take it off the list", name)
		}
	}
	var compared atomic.Int32
	t.Cleanup(func() {
		if n := compared.Load(); n < 170 {
			t.Errorf("only %d answers compared", n)
		}
	})
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compared.Add(replay(t, name))
		})
	}
}

// replay plays the actions of a recording, and returns how many answers it compared.
func replay(t *testing.T, name string) (compared int32) {
	r, w := openRecording(t, name), officeWorld(t)
	began := w.now
	for _, d := range r.dialogues {
		if wait := d.at - w.now.Sub(began); wait > 0 {
			w.run(wait)
		}
		if ofTheSession[strings.ToLower(d.action.Action())] || notBuilt[d.action.Action()] != "" || apart[d.action.Action()] {
			continue
		}
		ours := namesIn(w.events)
		action, err := ami.ParseMessage([]byte(r.names.translate(string(d.action.Bytes()), ours)))
		if err != nil {
			t.Fatal(err)
		}
		without := foreign[name]
		if action := d.action.Action(); action == "DeviceStateList" || action == "ExtensionStateList" {
			without = foreignDevices
		}
		got, want := mask(w.send(action), ours, without), mask(d.answer, r.names, without)
		compared++
		id := string(d.action.Get("ActionID"))
		switch reason := differences[name+" "+id]; {
		case got == want && reason != "":
			t.Errorf("%s: equal, needs no excuse", id)
		case got != want && reason == "":
			t.Errorf("%s%s", d.action.Bytes(), firstDifference(got, want))
		}
	}
	return compared
}

// ofTheSession are the actions that do not come to the engine.
var ofTheSession = map[string]bool{"login": true, "logoff": true, "challenge": true, "events": true, "filter": true, "waitevent": true, "listcommands": true}

// lines is a dialplan of a text.
func lines(text string) pbx.Dialplan {
	d, _ := dialplan.Parse("lines", text, dialplan.Options{})
	return plan.Of(d)
}

// officeWorld runs the dialplan of the recorded Asterisk.
func officeWorld(t *testing.T) *world {
	t.Helper()
	d, problems := dialplan.Load("testdata/office.conf", dialplan.Options{Apps: pbx.Apps(), Functions: pbx.Functions()})
	if d == nil {
		t.Fatal(problems)
	}
	cfg := pbx.Config{
		SystemName: "alpha", Dialplan: plan.Of(d), ChannelVars: []string{"CALLTYPE", "TENANT"}, Seed: 1,
		Endpoints: map[string]pbx.Endpoint{"nosuchpeer": {Unavailable: true}},
		Lots: []pbx.Lot{{Name: "default", First: 701, Last: 720, Timeout: 45 * time.Second},
			{Name: "short", First: 801, Last: 805, Timeout: 4 * time.Second}},
	}
	for _, g := range d.Globals {
		cfg.Globals = append(cfg.Globals, translator.Variable{Name: g.Name, Value: g.Value})
	}
	return newWorld(t, cfg, Config{SystemName: "alpha", Version: "22.10.1", Plan: func() *dialplan.Dialplan { return d }})
}

// send gives the engine an action, and returns the text of the answer.
func (w *world) send(action *ami.Message) string {
	var out strings.Builder
	if err := w.m.Do(w.t.Context(), action, func(m *ami.Message) error { out.Write(m.Bytes()); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return out.String()
}

// clocks are what depends on when it is asked, and the space of a parked call: the recorded lot gave out one after the other, an
// Asterisk that is not told so gives the first that is free.
var clocks = regexp.MustCompile(`(?m)^(Duration|Seconds|ParkingTimeout|ParkingDuration|ParkingSpace|Timestamp): .*\r$`)

// foreign are the items about a call of a queue and one over IAX2, which are in one of the recordings.
var foreign = map[string]*regexp.Regexp{"list-actions-busy": regexp.MustCompile(`IAX2/|Sim/|@agents|test-local [13];`)}

// foreignDevices are those of modules that are not there, parking spaces (which one is taken depends on what was before), and the
// endpoints that only the engine has.
var foreignDevices = regexp.MustCompile(`: (IAX2/|Agent:|Queue:|park:|confbridge:|Sim/)`)

// mask makes two answers comparable: names that do not depend on what was before, no clocks, the items of a list in one order, and
// without some, which are then not counted.
func mask(answer string, n *names, without *regexp.Regexp) string {
	answer = clocks.ReplaceAllString(n.masked(answer), "$1: ~\r")
	all := strings.SplitAfter(answer, "\r\n\r\n")
	if len(all) < 4 || !strings.Contains(all[0], "\r\nEventList: start\r\n") {
		return answer
	}
	end := len(all) - 2
	slices.Sort(all[1:end])
	if without == nil {
		return strings.Join(all, "")
	}
	kept := slices.DeleteFunc(slices.Clone(all[1:end]), without.MatchString)
	return all[0] + strings.Join(kept, "") + items.ReplaceAllString(all[end], "")
}

var items = regexp.MustCompile(`(?m)^(ListItems|Items|Total): .*\r\n`)

func firstDifference(got, want string) string {
	g, w := strings.SplitAfter(got, "\r\n\r\n"), strings.SplitAfter(want, "\r\n\r\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			return strings.ReplaceAll("got message "+strings.Join(g[min(i, len(g)):min(i+1, len(g))], "")+"want "+strings.Join(w[min(i, len(w)):min(i+1, len(w))], ""), "\r", "")
		}
	}
	return ""
}
