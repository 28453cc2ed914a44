package pbx

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/verify"
	"github.com/amibus/amibus/translator"
)

var (
	seeds = flag.Int("seeds", 100, "how many random runs")
	seed0 = flag.Uint64("seed", 0, "the first one's seed")
)

// exchange is the dialplan of the simulation: everything dials everything.
var exchange = parsePlan(`
[test]
h: NoOp(bye)
answer: Answer(); Wait(8); Hangup()
ring: Ringing(); Wait(1); Answer(); Wait(5); Hangup()
busy: Busy(3)
congestion: Congestion(3)
reject: Hangup(21)
moh: Answer(); MusicOnHold(default,20)
echo: Answer(); Echo()
sim: Set(__TENANT=t); Dial(Sim/fast,10,g); NoOp(after); Hangup()
slow: Dial(Sim/slow,3); Goto(sim,1)
many: Dial(Sim/slow&Sim/busy&Local/ring@test&Sim/never&Sim/reject,6); Hangup()
forward: Dial(Sim/forward,6); Hangup()
chain: Dial(Local/sim@test,20); Hangup()
chains: Dial(Local/chain@test,20); Hangup()
cycle: Dial(Local/chain@test/n,20); Hangup()
park: Park(); Hangup()
parked: Park(default,rt(2)c(answer,1)); Hangup()
meet: BridgeWait(m,participant,S(4)e(r)); Hangup()
join: Dial(Sim/native,9); Hangup()
unpark: ParkedCall()
wait: BridgeWait(); Hangup()
read: Read(D,,3,,1,3); NoOp(${D}); Hangup()
digits: Answer(); SendDTMF(12#); Wait(3); Hangup()
sub: Gosub(subroutine,1(a,b)); Goto(answer,1)
subroutine: NoOp(${ARG1}); Return(x)
ivr: Background(hello); WaitExten(3)
1: Goto(sim,1)
t: Hangup()
fall: Dial(Sim/busy)
spin: NoOp(); Goto(spin,1)
`)

// hinting has hints on what is used most, and sets a state.
var hinting = hinted{exchange, []Hint{
	{"test", "600", "Sim/fast&Sim/slow"}, {"test", "601", "Custom:x&park:701@parkedcalls"}, {"test", "602", "Local/ring@test"}, {"test", "_9XX", "Sim/${EXTEN}"},
}}

var endpoints = map[string]Endpoint{
	"fast": {Talk: 6 * sec}, "slow": {Ring: 4 * sec}, "busy": {Busy: true}, "congested": {Congestion: true}, "never": {NoAnswer: true},
	"reject": {Ring: sec, Reject: 21}, "forward": {Forward: "Local/sim@test"}, "gone": {Unavailable: true}, "native": {Native: true, Talk: 9 * sec}, "digits": {DTMF: "12#3", Talk: 9 * sec},
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

func pickInput(r *rand.Rand, of ...Input) Input { return of[r.IntN(len(of))] }

// random makes any input, often one that makes no sense.
func random(r *rand.Rand, w *world, id uint64) Input {
	all := w.p.all()
	some := func() string {
		if len(all) == 0 || r.IntN(40) == 0 {
			return "nobody"
		}
		return all[r.IntN(len(all))].name
	}
	talking := func() string {
		for range 20 {
			if len(all) > 0 && r.IntN(10) > 0 {
				if c := all[r.IntN(len(all))]; c.member != nil {
					return c.name
				}
			}
		}
		return some()
	}
	place := func() string {
		return pick(r, "answer", "ring", "busy", "congestion", "reject", "moh", "echo", "sim", "slow", "many", "forward", "chain", "chains", "cycle",
			"park", "unpark", "wait", "read", "digits", "sub", "ivr", "fall", "nowhere", "parked", "meet", "join")
	}
	switch r.IntN(23) {
	case 22:
		return pickInput(r, SendFlash{ID: id, Channel: some(), Receive: r.IntN(2) == 0}, ExtensionState{ID: id, Context: "test", Exten: pick(r, "600", "900", "901", "none")},
			DBPut{ID: id, Family: pick(r, "f", "f/g"), Key: pick(r, "a", "b"), Value: "v"}, DBDel{ID: id, Family: "f", Key: pick(r, "", "a"), Tree: r.IntN(2) == 0})
	case 0, 1, 2:
		o := Originate{ID: id, Channel: "Local/" + place() + "@test", Context: "test", Exten: place(), Async: r.IntN(2) == 0, Timeout: time.Duration(r.IntN(9)) * sec}
		if r.IntN(2) == 0 {
			o.Channel += "/n"
		}
		if r.IntN(3) == 0 {
			o.Application, o.Data = pick(r, "Wait", "Park", "Dial", "Nothing", "Echo"), pick(r, "3", "Sim/fast", "")
		}
		return o
	case 3:
		return Originate{ID: id, Channel: "Sim/" + pick(r, "fast", "slow", "busy", "never", "reject", "gone", "digits"), Context: "test", Exten: place(), Async: true,
			ChannelID: pick(r, "", "", fmt.Sprint("chosen-", id/4)), Variables: []translator.Variable{{Name: "__A", Value: "1"}, {Name: "_B", Value: "2"}}}
	case 4, 5, 6, 7:
		return Incoming{Endpoint: pick(r, "fast", "slow", "digits", "native"), Context: "test", Exten: place(), CallerNum: "100", CallerName: "O'Hara"}
	case 8, 9:
		return Hangup{ID: id, Channel: some(), Cause: r.IntN(40)}
	case 10:
		return Redirect{ID: id, Channel: some(), Context: "test", Exten: place()}
	case 11:
		return Redirect{ID: id, Channel: some(), Context: "test", Exten: place(), Extra: some(), ExtraContext: "test", ExtraExten: place()}
	case 12:
		return Bridge{ID: id, Channel1: some(), Channel2: some()}
	case 13:
		return BlindTransfer{ID: id, Channel: talking(), Context: "test", Exten: place()}
	case 14:
		return Park{ID: id, Channel: talking(), Return: some(), Timeout: time.Duration(r.IntN(5)) * sec}
	case 15:
		return PlayDTMF{ID: id, Channel: some(), Digit: "0123456789*#"[r.IntN(12)], Receive: r.IntN(2) == 0}
	case 16:
		return Hold{ID: id, Channel: talking(), On: r.IntN(2) == 0}
	case 17:
		return SetVar{ID: id, Channel: some(), Name: pick(r, "X", "CALLERID(num)", "CHANNEL(language)", "NOPE(1)", "DEVICE_STATE(Custom:x)"), Value: pick(r, "v", "BUSY", "ringing")}
	case 20:
		if r.IntN(2) == 0 {
			return LocalOptimizeAway{ID: id, Channel: talking()}
		}
		return AbsoluteTimeout{ID: id, Channel: some(), After: time.Duration(r.IntN(5)) * sec}
	case 18, 19:
		switch r.IntN(8) {
		case 0:
			return AttendedTransfer{ID: id, Channel: talking(), Second: talking()}
		case 1:
			for _, c := range all {
				if c.member != nil && c.member.b.transfer != nil && c.member.b.transfer.by == c {
					w.do(PlayDTMF{Channel: c.name, Digit: '*', Receive: true})
					return PlayDTMF{ID: id, Channel: c.name, Digit: "1234"[r.IntN(4)], Receive: true}
				}
			}
		}
		if r.IntN(4) == 0 {
			return CancelAtxfer{ID: id, Channel: some()}
		}
		return Atxfer{ID: id, Channel: talking(), Context: "test", Exten: place()}
	default:
		for _, c := range all {
			if c.member != nil && r.IntN(2) == 0 {
				if r.IntN(2) == 0 {
					return BridgeKick{ID: id, Bridge: c.member.b.id, Channel: c.name}
				}
				return BridgeDestroy{ID: id, Bridge: c.member.b.id}
			}
		}
		return HangupFar{Channel: some()}
	}
}

// simulate runs a random exchange of a seed and returns what it said.
func simulate(t testing.TB, seed uint64, inputs int) *world {
	w := newWorld(t, Config{Dialplan: hinting, Seed: seed, ChannelVars: []string{"TENANT"}, Endpoints: endpoints, Lots: []Lot{{Name: "default", First: 701, Last: 703, Timeout: 3 * sec}}})
	r := rand.New(rand.NewPCG(seed, 1))
	for id := range uint64(inputs) {
		w.do(random(r, w, id+1))
		if t, ok := t.(*testing.T); ok && id%8 == 0 {
			checkDevices(t, w.p)
		}
		w.run(time.Duration(r.IntN(800)) * ms)
	}
	w.run(60 * sec)
	w.act(hangupAll{})
	w.run(60 * sec)
	w.act(hangupAll{})
	w.run(60 * sec)
	for _, b := range w.p.allBridges() { // that of a lot stays
		w.do(BridgeDestroy{Bridge: b.id})
	}
	return w
}

// check holds what a PBX said, all calls ended, against the rules of ami/ordering.md.
func check(t *testing.T, text []byte) {
	t.Helper()
	bad := 0
	c := verify.New(verify.Config{
		Report: func(v verify.Violation) {
			if bad++; bad <= 3 {
				t.Error(v.String())
			}
		},
		Ignore: []verify.Rule{39}, // it does not see the action that allows it
	})
	for d := ami.NewDecoder(bytes.NewReader(text), ami.Client); ; {
		m, err := d.Decode()
		if err != nil {
			break
		}
		c.Next(m)
	}
	c.End(true)
}

func TestNoOrderIsBrokenWhateverHappens(t *testing.T) {
	t.Parallel()
	for i := range *seeds {
		seed := *seed0 + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := simulate(t, seed, 60)
			check(t, w.text)
			checkDevices(t, w.p)
			for id, n := range w.answered {
				if n != 1 {
					t.Errorf("input %d has %d answers", id, n)
				}
			}
			if s := w.p.Stats(); s.Channels > 0 || s.Bridges > 0 {
				t.Errorf("left behind: %+v", s)
			}
			if n := len(w.p.timers.heap); n > 0 {
				t.Errorf("%d timers left", n)
			}
		})
	}
}

func TestTheSameSeedSaysTheSame(t *testing.T) {
	t.Parallel()
	a, b, c := simulate(t, 7, 100), simulate(t, 7, 100), simulate(t, 8, 100)
	if !bytes.Equal(a.text, b.text) {
		t.Error("two runs of one seed differ")
	}
	if bytes.Equal(a.text, c.text) || len(a.text) < 10_000 {
		t.Errorf("the seed does not matter, or nothing happens: %d bytes", len(a.text))
	}
}

// A rule that is never put to the test proves nothing: the simulation must come across everything.
func TestTheSimulationSeesEverything(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(40) {
		for _, e := range simulate(t, seed, 60).events {
			key := e.name
			if s := e.get("DialStatus"); e.name == "DialEnd" {
				key += " " + s
			}
			if t := e.get("BridgeTechnology"); e.name == "BridgeLeave" && t != "simple_bridge" {
				seen[t]++
			}
			switch e.name {
			case "AttendedTransfer":
				key += " " + e.get("Result") + " " + e.get("DestType")
			case "BlindTransfer":
				key += " " + e.get("Result")
			case "DeviceStateChange":
				key += " " + e.get("State")
			case "ExtensionStatus":
				key += " " + e.get("Exten")
			}
			if e.get("Forward") != "" {
				key = "DialEnd Forward"
			}
			seen[key]++
		}
	}
	for _, name := range []string{
		"Newchannel", "Newstate", "Newexten", "NewCallerid", "NewConnectedLine", "VarSet", "HangupRequest", "SoftHangupRequest", "Hangup", "BridgeCreate",
		"BridgeEnter", "BridgeLeave", "BridgeDestroy", "DialBegin", "DialState", "DialEnd ANSWER", "DialEnd BUSY", "DialEnd CANCEL", "DialEnd NOANSWER",
		"DialEnd CONGESTION", "DialEnd Forward", "LocalBridge", "LocalOptimizationBegin", "LocalOptimizationEnd", "BlindTransfer Success", "BlindTransfer Invalid", "BlindTransfer Fail", "AttendedTransfer Success Bridge", "AttendedTransfer Success Threeway",
		"AttendedTransfer Fail Fail", "AttendedTransfer Invalid Fail", "BlindTransfer Not Permitted", "BridgeMerge", "ParkedCallSwap", "softmix", "native_rtp",

		"ParkedCall", "UnParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp", "MusicOnHoldStart", "MusicOnHoldStop", "DTMFBegin", "DTMFEnd", "Hold", "Unhold",
		"OriginateResponse", "DeviceStateChange RINGING", "DeviceStateChange RINGINUSE", "DeviceStateChange ONHOLD", "DeviceStateChange BUSY",
		"ExtensionStatus 600", "ExtensionStatus 601", "ExtensionStatus 602", "ExtensionStatus 900", "Flash",
	} {
		if seen[name] == 0 {
			t.Errorf("never seen: %s", name)
		}
	}
}
