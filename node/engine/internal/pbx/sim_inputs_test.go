package pbx

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

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
		if r.IntN(6) == 0 {
			return pick(r, "lasts", "before", "between", "verdict", "both", "announced")
		}
		return pick(r, "answer", "ring", "busy", "congestion", "reject", "moh", "echo", "sim", "slow", "many", "forward", "chain", "chains", "cycle",
			"park", "unpark", "wait", "read", "digits", "sub", "ivr", "fall", "nowhere", "parked", "meet", "join", "sounds", "loops", "once", "endless", "jumps", "steal", "queue", "meet", "meet", "wait")
	}
	switch r.IntN(24) {
	case 23:
		return seldom(r, id)
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

// seldom makes one of the inputs that are about no channel, or about many.
func seldom(r *rand.Rand, id uint64) Input {
	switch r.IntN(8) {
	case 0, 1:
		return UserEvent{ID: id, Name: "Any", Body: []translator.Part{translator.Header("A", "b")}}
	case 2, 3:
		return Announce{ID: id, Event: translator.Raised{Name: "Reload", Parts: []translator.Part{translator.Header("Module", "All"), translator.Header("Status", "0")}}}
	case 4:
		return Reload{ID: id, Plan: pickPlan(r), Globals: []translator.Variable{{Name: "LAST", Value: "nobody"}}, Clear: r.IntN(2) == 0}
	case 5: // all calls end at one moment
		return HangupMatching{ID: id, Match: func(string) bool { return true }, Cause: 16 * r.IntN(2)}
	default:
		begin := pick(r, "Sim/fast", "Sim/slow", "Local/", "Local/sim", "None/")
		return HangupMatching{ID: id, Match: func(name string) bool { return strings.HasPrefix(name, begin) }, Cause: r.IntN(40)}
	}
}

// pickPlan takes the usual one most of the time: in the other one little happens.
func pickPlan(r *rand.Rand) Dialplan {
	if r.IntN(4) == 0 {
		return moved
	}
	return hinting
}
