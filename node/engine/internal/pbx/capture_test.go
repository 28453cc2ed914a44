package pbx

import (
	"testing"
	"time"

	"github.com/amibus/amibus/translator"
)

// act is one input of a scenario, and how long to wait before it.
type act struct {
	after time.Duration
	input Input
}

const (
	sec = time.Second
	ms  = time.Millisecond
)

// The differences that are not the engine's fault, or are known.
const (
	atOnce = "both halves of a Local channel were hung up in one action: which thread came first was chance"
	iax    = "the far end is an IAX2 channel there, which rings, changes context, and repeats HangupRequest"
	clock  = "two senders' digits interleave as the clocks had it: the same events, in another order"
)

func variable(name, value string) SetVar {
	return SetVar{Channel: "Local/ans-20@test-00000000;1", Name: name, Value: value}
}

// inexact are the scenarios whose values differ too; the others are the same to the last one but for clocks and counters.
var inexact = map[string]string{
	"call-failed":        "an IAX2 channel is dialled there; OriginateResponse overtook or was overtaken",
	"dtmf":               clock,
	"local-chain":        atOnce,
	"local-optimization": iax,
	"iax-interbox":       iax,
	"redirect":           "OriginateResponse overtook",
	"transfer-blind":     "OriginateResponse overtook; who of two that are sent away leaves first is chance",
	"call-parallel":      "the called channels rang before their DialBegin",
}

func digit(d byte, length time.Duration) PlayDTMF {
	return PlayDTMF{Channel: "Local/senddtmf@test-00000000;2", Digit: d, Duration: length}
}

func runs(channel, application, data string) Originate {
	return Originate{Channel: channel, Application: application, Data: data, Async: true, ActionID: "x"}
}

func dials(channel, exten string) Originate {
	return Originate{Channel: channel, Context: "test", Exten: exten, Priority: 1, Async: true, ActionID: "x"}
}

func with(o Originate, set func(*Originate)) Originate {
	set(&o)
	return o
}

func named(o Originate, id string) Originate {
	o.ChannelID = id
	return o
}

func unnamed(o Originate) Originate {
	o.ActionID = ""
	return o
}

func sync(o Originate) Originate {
	o.Async = false
	return o
}

// hangupAll is the action Hangup with /.*/, kick a BridgeKick out of the only bridge.
type (
	hangupAll struct{}
	kick      struct{}
)

func (hangupAll) input() {}
func (kick) input()      {}

func (w *world) act(in Input) {
	switch in.(type) {
	case hangupAll:
		var all []Input
		for _, c := range w.p.all() {
			all = append(all, Hangup{Channel: c.uniqueid})
		}
		w.do(all...)
	case kick:
		for id, b := range w.p.bridges {
			w.do(BridgeKick{Bridge: id, Channel: b.members[0].c.name})
		}
	default:
		w.do(in)
	}
}

// scenarios are the captures that the engine re-enacts.
var scenarios = []struct {
	name    string
	acts    []act
	excused map[string]string
}{
	{"call-answered", []act{{0, with(runs("Local/dial-ring-3@test/n", "Wait", "10"), func(o *Originate) {
		o.CallerNum, o.CallerName = "1234", "Test Caller"
		o.Variables = []translator.Variable{{Name: "CALLTYPE", Value: "demo"}, {Name: "TENANT", Value: "acme"}}
	})}}, nil},
	{"call-busy", []act{{0, dials("Local/moh@test/n", "dial-busy")}}, nil},
	{"call-noanswer", []act{{0, dials("Local/moh@test/n", "dial2s-noanswer")},
		{5 * sec, with(runs("Local/noanswer@test/n", "Wait", "1"), func(o *Originate) { o.Timeout = 1500 * time.Millisecond })}}, nil},
	{"call-failed", []act{{0, dials("Local/ans-30@test/n", "nopeer")}, {4 * sec, dials("Local/ans-30@test/n", "dial-congestion")},
		{4 * sec, dials("Local/ans-1@test/n", "dial-cause-1")}, {sec, dials("Local/ans-1@test/n", "dial-cause-17")},
		{sec, dials("Local/ans-1@test/n", "dial-cause-21")}, {sec, dials("Local/ans-1@test/n", "dial-cause-34")},
		{sec, dials("Local/ans-1@test/n", "dial-cause-38")}, {2 * sec, dials("Local/ans-1@test/n", "dial-cause-127")},
		{4 * sec, runs("NoTech/1", "Wait", "1")}, {0, runs("Local/nothere@nowhere/n", "Wait", "1")},
		{0, runs("IAX2/nosuchpeer/1", "Wait", "1")}}, nil},
	{"originate-async", []act{{0, with(dials("Local/ring-1@test/n", "ans-2"), func(o *Originate) {
		o.CallerNum, o.CallerName, o.Account, o.ChannelID, o.OtherChannelID = "42", "Näme", "acc1", "my-id-1", "my-id-2"
		o.Variables = []translator.Variable{{Name: "V1", Value: "one"}, {Name: "V2", Value: "two"}, {Name: "V3", Value: "three"}}
	})}, {0, unnamed(runs("Local/ring-1@test/n", "Wait", "1"))}, {0, runs("Local/busy@test/n", "Wait", "1")},
		{0, unnamed(runs("Local/congestion@test/n", "Wait", "1"))},
		{0, with(runs("Local/noanswer@test/n", "Wait", "1"), func(o *Originate) { o.Timeout = sec })}}, nil},
	{"originate-sync", []act{{0, sync(runs("Local/ring-2@test/n", "Wait", "2"))}, {sec, sync(runs("Local/busy@test/n", "Wait", "2"))},
		{0, sync(runs("Local/nothere@nowhere", "Wait", "2"))},
		{0, with(sync(runs("Local/ring-2@test/n", "Wait", "2")), func(o *Originate) { o.Timeout = sec / 2 })},
		{sec, sync(runs("Local/ring-2@test/n", "Wait", "2"))}}, nil},
	{"hangup-variants", []act{
		{0, named(runs("Local/moh@test/n", "Wait", "60"), "hup-0")}, {0, named(runs("Local/moh@test/n", "Wait", "60"), "hup-1")},
		{0, named(runs("Local/moh@test/n", "Wait", "60"), "hup-2")}, {0, named(runs("Local/moh@test/n", "Wait", "60"), "hup-3")},
		{0, named(runs("Local/moh@test/n", "Wait", "60"), "hup-4")}, {sec, Hangup{Channel: "hup-0", Cause: 17}}, {sec, Hangup{Channel: "hup-1"}},
		{sec, Hangup{Channel: "hup-2"}}, {sec, AbsoluteTimeout{Channel: "hup-3", After: sec}}, {2 * sec, Hangup{Channel: "hup-4", Cause: 38}}}, nil},
	{"dtmf", []act{{0, dials("Local/senddtmf@test/n", "dtmf")}, {1000 * ms, digit('1', 120*ms)}, {421 * ms, digit('2', 120*ms)},
		{421 * ms, digit('*', 120*ms)}, {413 * ms, digit('#', 120*ms)}, {421 * ms, digit('A', 120*ms)},
		{421 * ms, PlayDTMF{Channel: "Local/senddtmf@test-00000000;1", Digit: '7', Receive: true}},
		{0, SendFlash{Channel: "Local/senddtmf@test-00000000;1"}}}, map[string]string{
		"Local/senddtmf@test-1;1": clock}},
	{"getvar-setvar", []act{{0, named(runs("Local/ans-20@test/n", "Wait", "20"), "")}, {sec, variable("FOO", "bar: baz")},
		{0, SetVar{Name: "GLOB", Value: "1"}}, {0, variable("NOFUNC(x)", "x")}, {0, variable("UNI", "ü ☎")}, {0, variable("CALLTYPE", "changed")},
		{sec, hangupAll{}}}, map[string]string{"Local/ans-20@test-1;2": atOnce}},
	{"varset-heavy", []act{{0, with(runs("Local/vars@test/n", "Wait", "1"), func(o *Originate) {
		o.Variables = []translator.Variable{{Name: "A", Value: "1"}, {Name: "B", Value: "with space"}, {Name: "__C", Value: "inherit"}, {Name: "D"},
			{Name: "E", Value: "a=b=c"}, {Name: "F", Value: "x"}, {Name: "G", Value: "y"}, {Name: "CALLTYPE", Value: "heavy"}}
	})}}, nil},
	{"userevent-dialplan", []act{{0, runs("Local/uevents@test/n", "Wait", "1")}}, nil},
	{"local-chain", []act{{0, dials("Local/moh@test", "dialopt-play")}, {3 * sec, hangupAll{}}}, map[string]string{
		"Local/moh@test-1;1": atOnce, "Local/moh@test-1;2": atOnce, "Local/play@test-2;2": atOnce}},
	{"local-optimization", []act{{0, Incoming{Endpoint: "charlie", Context: "test", Exten: "optbravo-play"}},
		{8 * sec, HangupFar{Channel: "Sim/bravo-00000001"}}}, map[string]string{"Sim/bravo": iax, "Sim/charlie": iax}},
	{"call-bridge-action", []act{{0, named(runs("Local/moh@test", "Wait", "60"), "chan-a")},
		{0, named(runs("Local/echo@test", "Wait", "60"), "chan-b")}, {sec, Bridge{Channel1: "chan-b", Channel2: "chan-a"}},
		{sec, kick{}}, {sec, Hangup{Channel: "chan-b;2"}}, {0, hangupAll{}}}, map[string]string{"Local/moh@test-1;2": atOnce}},
	{"redirect", []act{{0, dials("Local/ans-60@test/n", "dial-ans-60")},
		{2 * sec, Redirect{Channel: "Local/ans-60@test-00000000;1", Context: "test", Exten: "moh", Extra: "Local/ans-60@test-00000001;1",
			ExtraContext: "test", ExtraExten: "echo"}},
		{sec, Redirect{Channel: "Local/ans-60@test-00000000;1", Context: "test", Exten: "nothere"}}, {sec, Hangup{Channel: "Local/ans-60@test-00000001;2"}},
		{sec, dials("Local/ans-60@test/n", "dial-ans-60")},
		{2 * sec, Redirect{Channel: "Local/ans-60@test-00000002;1", Context: "test", Exten: "hello"}}, {sec, Hangup{Channel: "Local/ans-60@test-00000002;2"}}}, nil},
	{"transfer-blind", []act{{0, dials("Local/ans-60@test/n", "dial-ans-60")},
		{2 * sec, BlindTransfer{Channel: "Local/ans-60@test-00000001;1", Context: "transfer", Exten: "2000"}}, {sec, Hangup{Channel: "Local/ans-60@test-00000000;2"}},
		{sec, named(dials("Local/ans-60@test/n", "dial-ans-60"), "alone")},
		{2 * sec, BlindTransfer{Channel: "alone", Context: "transfer", Exten: "9999"}}, {sec, hangupAll{}},
		{sec, named(runs("Local/moh@test/n", "Wait", "20"), "unbridged")},
		{sec, BlindTransfer{Channel: "unbridged", Context: "transfer", Exten: "2000"}},
		{0, BlindTransfer{Channel: "unbridged", Context: "nocontext", Exten: "2000"}}, {sec, hangupAll{}}}, map[string]string{
		"Local/moh@test-5;2": atOnce}},
	{"parking-retrieve", []act{{0, dials("Local/ans-60@test/n", "park")}, {sec, Originate{Channel: "Local/ans-60@test/n", Context: "parkedcalls",
		Exten: "701", Priority: 1, Async: true, ActionID: "x"}}, {2 * sec, Hangup{Channel: "Local/ans-60@test-00000001;1"}},
		{sec, dials("Local/ans-60@test/n", "dial-ans-60")},
		{2 * sec, Park{Channel: "Local/ans-60@test-00000003;1", Return: "Local/ans-60@test-00000002;1", Timeout: 20 * sec}}, {12 * sec, Hangup{Channel: "Local/ans-60@test-00000003;2"}}}, nil},
	{"unicode-callerid", []act{{0, runs("Local/named@test/n", "Wait", "2")}}, nil},
	{"iax-interbox", []act{{0, with(dials("Local/ans-20@test/n", "simbravo-hello"), func(o *Originate) {
		o.CallerNum, o.CallerName = "777", "Inter Box"
	})}, {5500 * ms, HangupFar{Channel: "Sim/bravo-00000000"}}}, map[string]string{"Sim/bravo": iax}},
	{"call-parallel", []act{{0, dials("Local/ans-30@test/n", "par")}, {9 * sec, dials("Local/ans-30@test/n", "parfail")}}, nil},
}

func TestTheEngineDoesWhatAsteriskDid(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Config{ChannelVars: []string{"CALLTYPE", "TENANT"}, Endpoints: map[string]Endpoint{"nosuchpeer": {Unavailable: true}}})
			for _, a := range s.acts {
				w.run(a.after)
				w.act(a.input)
			}
			w.run(200 * sec)
			want := recorded(t, s.name, "alpha")
			compare(t, w.events, want, shape, s.excused)
			if inexact[s.name] == "" {
				compare(t, w.events, want, whole, s.excused)
			}
		})
	}
}
