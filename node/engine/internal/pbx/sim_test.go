package pbx

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/verify"
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
sounds: Progress(); Proceeding(); Wait(1); Answer(); Playback(a&b); StartMusicOnHold(); Wait(1); StopMusicOnHold(); UserEvent(Sound,A: b); Hangup()
loops: Set(GLOBAL(LAST)=${CHANNEL}); MSet(I=0,J=1); While($[${I} < 4]); Set(I=$[${I} + 1]); GosubIf($[${I} = 1]?subroutine,1(c)); GotoIf($[${I} < 3]?more); ExecIf($[${I} = 3]?ExitWhile()); more:ContinueWhile(); EndWhile(); Goto(jumps,1)
endless: While(1); Wait(1); EndWhile()
once: Set(J=1); While(1); Wait(1); ExitWhile(); EndWhile(); Goto(jumps,1)
jumps: GotoIf($["${J}" = "1"]?last:answer,1); last:GotoIfTime(*,*,*,*?pushed,1:answer,1)
pushed: Gosub(pops,1)
pops: StackPop(); Log(NOTICE,popped); Verbose(1,popped); GotoIf(1?ring,1)
steal: Bridge(${LAST}); NoOp(${BRIDGERESULT}); Hangup()
queue: Set(GLOBAL(LAST)=${CHANNEL}); Answer(); Wait(9); Hangup()
lasts: Set(CHANNEL(hangup_handler_push)=last,s,1(a)); Set(CHANNEL(hangup_handler_push)=last,s,1(b)); Dial(Local/lasts2@test,5,g); Hangup()
lasts2: Set(CHANNEL(hangup_handler_push)=last,s,1(c)); Set(CHANNEL(hangup_handler_pop)=last,w,1); Dial(Sim/slow,8)
before: Dial(Sim/slow&Local/ring@test,9,B(last^s^1(x))b(last^p^1)mdg); Goto(answer,1)
between: Dial(Sim/digits&Sim/never,9,U(last^r)D(1w2:3:4)rS(3)F(test^answer^1)); Goto(answer,1)
verdict: Dial(Sim/fast,9,U(verdict)e); Goto(answer,1)
both: Dial(Sim/fast,9,G(test^answer^1)A(x:y)); Hangup()
announced: Dial(Sim/slow,9^2,A(x)L(2000)F); Goto(answer,1)
[last]
s: NoOp(${ARG1} ${HANGUPCAUSE}); Wait(1); Return()
w: Wait(2); Goto(s,1)
p: Set(CHANNEL(hangup_handler_push)=last,s,1(p)); Wait(1); Return()
r: Wait(1); Return()
[verdict]
s: Wait(1); Set(GOSUB_RESULT=BUSY); Return()
`)

// moved is the dialplan of a reload: some of it is gone, some is new.
var moved = hinted{parsePlan(`
[test]
h: NoOp(bye)
answer: Answer(); Wait(2); Hangup()
sim: Dial(Sim/fast&Sim/slow,4); Hangup()
subroutine: Return()
s: Hangup()
`), []Hint{{"test", "600", "Sim/fast"}, {"test", "603", "Sim/slow"}}}

// hinting has hints on what is used most, and sets a state.
var hinting = hinted{exchange, []Hint{
	{"test", "600", "Sim/fast&Sim/slow"}, {"test", "601", "Custom:x&park:701@parkedcalls"}, {"test", "602", "Local/ring@test"}, {"test", "_9XX", "Sim/${EXTEN}"},
}}

var endpoints = map[string]Endpoint{
	"fast": {Talk: 6 * sec}, "slow": {Ring: 4 * sec}, "busy": {Busy: true}, "congested": {Congestion: true}, "never": {NoAnswer: true},
	"reject": {Ring: sec, Reject: 21}, "forward": {Forward: "Local/sim@test"}, "gone": {Unavailable: true}, "native": {Native: true, Talk: 9 * sec}, "digits": {DTMF: "12#3", Talk: 9 * sec},
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
		if r.IntN(3) > 0 { // else it comes at the same moment
			w.run(time.Duration(r.IntN(1200)) * ms)
		}
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
	if !bytes.Equal(a.text, b.text) || !reflect.DeepEqual(a.replies, b.replies) {
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
	for seed := range uint64(100) {
		w := simulate(t, seed, 60)
		for name := range w.given {
			seen["input "+name]++
		}
		for _, e := range w.events {
			key := e.name
			if s := e.get("DialStatus"); e.name == "DialEnd" {
				key += " " + s
			}
			if t := e.get("BridgeTechnology"); e.name == "BridgeLeave" && t != "simple_bridge" {
				seen[t]++
			}
			switch e.name {
			case "Newexten":
				seen["application "+strings.ToLower(e.get("Application"))]++
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
	for _, name := range append(everything(t),
		"Newchannel", "Newstate", "Newexten", "NewCallerid", "NewConnectedLine", "VarSet", "HangupRequest", "SoftHangupRequest", "Hangup", "BridgeCreate",
		"BridgeEnter", "BridgeLeave", "BridgeDestroy", "DialBegin", "DialState", "DialEnd ANSWER", "DialEnd BUSY", "DialEnd CANCEL", "DialEnd NOANSWER",
		"DialEnd CONGESTION", "DialEnd Forward", "LocalBridge", "LocalOptimizationBegin", "LocalOptimizationEnd", "BlindTransfer Success", "BlindTransfer Invalid", "BlindTransfer Fail", "AttendedTransfer Success Bridge", "AttendedTransfer Success Threeway",
		"AttendedTransfer Fail Fail", "AttendedTransfer Invalid Fail", "BlindTransfer Not Permitted", "BridgeMerge", "ParkedCallSwap", "softmix", "native_rtp",

		"ParkedCall", "UnParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp", "MusicOnHoldStart", "MusicOnHoldStop", "DTMFBegin", "DTMFEnd", "Hold", "Unhold",
		"OriginateResponse", "DeviceStateChange RINGING", "DeviceStateChange RINGINUSE", "DeviceStateChange ONHOLD", "DeviceStateChange BUSY",
		"ExtensionStatus 600", "ExtensionStatus 601", "ExtensionStatus 602", "ExtensionStatus 900", "Flash", "HangupHandlerPush", "HangupHandlerPop", "HangupHandlerRun",
	) {
		if seen[name] == 0 {
			t.Errorf("never seen: %s", name)
		}
	}
}

// everything is each input that there is, and each application.
func everything(t *testing.T) (all []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inputType.FindAllSubmatch(text, -1) {
			if !strings.HasSuffix(file, "_test.go") {
				all = append(all, "input "+string(m[1]))
			}
		}
	}
	for _, name := range Apps() {
		all = append(all, "application "+name)
	}
	return all
}

var inputType = regexp.MustCompile(`(?m)^func \((\w+)\) input\(\)`)
