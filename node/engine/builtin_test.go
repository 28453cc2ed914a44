package engine

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/engine/internal/pbx"
)

// behaviour is what an extension of the built-in dialplan does with a call within two minutes.
type behaviour struct {
	exten, dial string        // the second: what is dialled, if the first is a pattern
	before      []pbx.Input   // what comes first
	during      []pbx.Input   // what comes after four seconds
	says        []string      // in this order; each is a name and lines of an event
	never       string        // a name
	lasts       time.Duration // of the call; 0: it stays
}

const (
	stays  = 0
	atOnce = time.Nanosecond
)

var behaviours = []behaviour{
	{exten: "answer", says: []string{"OriginateResponse Response: Success"}, never: "Hangup", lasts: stays},
	{exten: "_a[n]swer-X!", dial: "answer-5", says: []string{"OriginateResponse Response: Success", "Hangup Cause: 16"}, lasts: 5 * time.Second},
	{exten: "ring", says: []string{"Newstate ChannelStateDesc: Ringing", "OriginateResponse Response: Success"}, never: "Hangup", lasts: stays},
	{exten: "no-answer", says: []string{"Newstate ChannelStateDesc: Ringing", "OriginateResponse Reason: 3"}, lasts: 30 * time.Second},
	{exten: "busy", says: []string{"OriginateResponse Reason: 5", "Hangup Cause: 17"}, lasts: atOnce},
	{exten: "congestion", says: []string{"OriginateResponse Reason: 8", "Hangup Cause: 34"}, lasts: atOnce},
	{exten: "reject", says: []string{"Hangup Cause: 21", "OriginateResponse Response: Failure"}, lasts: atOnce},
	{exten: "_cause-X!", dial: "cause-34", says: []string{"Hangup Cause: 34"}, lasts: atOnce},
	{exten: "echo", says: []string{"OriginateResponse Response: Success"}, never: "Hangup", lasts: stays},
	{exten: "music", says: []string{"MusicOnHoldStart"}, never: "Hangup", lasts: stays},
	{exten: "announce", says: []string{"Newexten Application: Playback", "Hangup Cause: 16"}, lasts: 3 * time.Second},
	{exten: "dtmf", says: []string{"DTMFEnd Digit: 0", "DTMFEnd Digit: #"}, never: "Hangup", lasts: stays},
	{exten: "digits", during: digits("42#"), says: []string{"UserEvent Digits: 42", "Hangup"}, lasts: 3 * time.Second},
	{exten: "_dial-.", dial: "dial-answer", says: []string{"DialEnd DialStatus: ANSWER", "BridgeEnter"}, never: "Hangup", lasts: stays},
	{exten: "_dial-.", dial: "dial-busy", says: []string{"DialEnd DialStatus: BUSY", "Newexten Application: NoOp"}, lasts: atOnce},
	{exten: "_dial-.", dial: "dial-cause-17", says: []string{"DialEnd DialStatus: BUSY"}, lasts: atOnce},
	{exten: "_sim-.", dial: "sim-alice", says: []string{"DialBegin DestChannel: Sim/alice-00000000", "DialEnd DialStatus: ANSWER", "BridgeEnter"}, never: "Hangup", lasts: stays},
	{exten: "_sim-.", dial: "sim-carol", says: []string{"DialEnd DialStatus: BUSY"}, lasts: atOnce},
	{exten: "group", says: []string{"DialBegin", "DialBegin", "DialBegin", "DialEnd DialStatus: ANSWER", "BridgeEnter"}, lasts: stays},
	{exten: "optimize", says: []string{"LocalOptimizationBegin", "LocalOptimizationEnd"}, lasts: stays},
	{exten: "700", says: []string{"ParkedCall ParkingSpace: 701", "ParkedCallTimeOut"}, lasts: stays},
	{exten: "_7[0-2]X", dial: "701", before: []pbx.Input{parked}, says: []string{"UnParkedCall ParkingSpace: 701"}, lasts: stays},
	{exten: "pick", before: []pbx.Input{parked}, says: []string{"UnParkedCall ParkingSpace: 701"}, lasts: stays},
	{exten: "_1XX", dial: "100", says: []string{"ExtensionStatus Exten: 100", "DialEnd DialStatus: ANSWER"}, never: "Hangup", lasts: stays},
	{exten: "_1XX", dial: "155", says: []string{"DialEnd DialStatus: BUSY", "Newexten Application: Busy"}, lasts: atOnce},
	{exten: "state", says: []string{"ExtensionStatus Hint: Custom:lamp\r\nStatus: 1", "DeviceStateChange State: INUSE",
		"DeviceStateChange State: NOT_INUSE"}, lasts: 3 * time.Second},
	{exten: "menu", during: digits("1"), says: []string{"Newexten Application: Background", "Newexten Extension: group"}, lasts: stays},
	{exten: "1", says: []string{"Newexten Extension: group"}, lasts: stays},
	{exten: "2", says: []string{"MusicOnHoldStart"}, lasts: stays},
	{exten: "t", dial: "menu", says: []string{"Newexten Extension: t", "Hangup"}, lasts: 11 * time.Second},
	{exten: "i", dial: "menu", during: digits("9"), says: []string{"Newexten Extension: i", "Newexten Extension: menu", "Newexten Extension: t"}, lasts: 15 * time.Second},
	{exten: "h", dial: "answer-5", says: []string{"Newexten Extension: h"}, lasts: 5 * time.Second},
}

var parked = pbx.Incoming{Endpoint: "parked", Context: "test", Exten: "700"}

func digits(all string) (in []pbx.Input) {
	for i := range len(all) {
		in = append(in, pbx.PlayDTMF{Channel: "the-call", Digit: all[i], Receive: true})
	}
	return in
}

func (b behaviour) run(t *testing.T) {
	e, err := New(Config{SystemName: "alpha", Settings: config.Engine{Endpoints: map[string]config.Endpoint{
		"carol": {Result: config.ResultBusy}, "155": {Result: config.ResultBusy},
	}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var events []Event
	e.Events().Handle(func(more []Event) { events = append(events, more...) })
	began := time.Unix(1_700_000_000, 0)
	e.step(began, b.before)
	began = e.advance(began, time.Second)
	events = nil
	exten := b.exten
	if b.dial != "" {
		exten = b.dial
	}
	e.step(began, []pbx.Input{pbx.Originate{Channel: "Local/" + exten + "@test/n", ChannelID: "the-other", OtherChannelID: "the-call", Async: true,
		Application: "Wait", Data: "1000", Timeout: 30 * time.Second}})
	now := e.advance(began, 4*time.Second)
	e.step(now, b.during)
	e.advance(now, 2*time.Minute)
	rest := b.says
	var took time.Duration
	for _, ev := range events {
		if len(rest) > 0 && is(ev, rest[0]) {
			rest = rest[1:]
		}
		if ev.Name == b.never {
			t.Errorf("%s: %s", exten, ev.Text)
		}
		if is(ev, "Hangup Uniqueid: the-call") {
			took = ev.At.Sub(began)
		}
	}
	if len(rest) > 0 {
		t.Errorf("%s: no %q in", exten, rest)
		for _, ev := range events {
			t.Logf("%s", ev.Text)
		}
	}
	if took < b.lasts || took > b.lasts+3*time.Second || b.lasts == stays && took != 0 {
		t.Errorf("%s: the call lasts %v, want %v", exten, took, b.lasts)
	}
}

// is tells whether an event has this name and these lines.
func is(ev Event, want string) bool {
	name, lines, _ := strings.Cut(want, " ")
	return ev.Name == name && (lines == "" || strings.Contains(string(ev.Text), "\r\n"+lines+"\r\n"))
}

// TestBuiltinDialplan: every extension does what docs/engine.md says.
func TestBuiltinDialplan(t *testing.T) {
	t.Parallel()
	var tested []string
	for _, b := range behaviours {
		tested = append(tested, b.exten)
		t.Run(b.exten+" "+b.dial, func(t *testing.T) {
			t.Parallel()
			b.run(t)
		})
	}
	for _, m := range regexp.MustCompile(`(?m)^exten => ([^,]+),1,`).FindAllStringSubmatch(builtin, -1) {
		if !slices.Contains(tested, m[1]) {
			t.Errorf("nobody tests extension %s", m[1])
		}
	}
}
