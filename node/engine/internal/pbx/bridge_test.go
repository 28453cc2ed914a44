package pbx

import (
	"slices"
	"strings"
	"testing"
)

// last returns the last event of a name, or fails.
func (w *world) last(name string) *event {
	w.t.Helper()
	for i := range slices.Backward(w.events) {
		if w.events[i].name == name {
			return &w.events[i]
		}
	}
	w.t.Fatalf("no %s", name)
	return nil
}

func (w *world) is(name string, pairs ...string) {
	w.t.Helper()
	e := w.last(name)
	for i := 0; i < len(pairs); i += 2 {
		if got := e.get(pairs[i]); got != pairs[i+1] {
			w.t.Errorf("%s: %s is %q, want %q", name, pairs[i], got, pairs[i+1])
		}
	}
}

// digits sends what the far end of a channel dials.
func (w *world) digits(channel, digits string) {
	for _, d := range []byte(digits) {
		w.do(PlayDTMF{Channel: channel, Digit: d, Receive: true})
		w.run(ms)
	}
}

func TestThreeInABridgeMix(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Atxfer{Channel: b, Context: "test", Exten: "ring"})
	w.run(5 * sec)
	w.digits(b, "*3")
	w.is("AttendedTransfer", "Result", "Success", "DestType", "Threeway", "DestTransfererChannel", b, "OrigBridgeNumChannels", "3", "SecondBridgeNumChannels", "0",
		"TransfereeChannel", a, "TransferTargetChannel", "Local/ring@test-00000000;1", "IsExternal", "No")
	w.is("BridgeMerge", "ToBridgeNumChannels", "1", "FromBridgeNumChannels", "2")
	w.is("BridgeEnter", "BridgeNumChannels", "3", "BridgeTechnology", "simple_bridge") // it changes afterwards
	w.do(Hangup{Channel: b})
	w.is("BridgeLeave", "BridgeNumChannels", "2", "BridgeTechnology", "softmix")
	w.do(Hangup{Channel: a})
	w.is("BridgeLeave", "BridgeNumChannels", "0", "BridgeTechnology", "simple_bridge")
	w.is("BridgeDestroy", "BridgeNumChannels", "0")
}

func TestATransfererGoesToAndFro(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Atxfer{Channel: b, Context: "test", Exten: "ring"})
	w.run(5 * sec)
	w.digits(b, "*4")
	w.is("BridgeEnter", "Channel", b, "BridgeNumChannels", "2")
	w.do(Hangup{Channel: b})
	w.is("AttendedTransfer", "Result", "Success", "DestType", "Bridge", "OrigTransfererChannel", b, "OrigBridgeNumChannels", "2")
	w.is("BridgeEnter", "Channel", "Local/ring@test-00000000;1")
}

func TestATransferFailsWithWhomItWasFor(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Atxfer{Channel: b, Context: "test", Exten: "ring"})
	w.run(sec)
	w.do(Hangup{Channel: a})
	w.run(sec)
	w.is("AttendedTransfer", "Result", "Fail", "DestType", "Fail", "OrigTransfererChannel", b)
	if s := w.p.Stats(); s.Bridges > 0 {
		t.Errorf("left behind: %+v", s)
	}
}

func TestWhoTransferredIsCalledBackIfNobodyAnswers(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Atxfer{Channel: b, Context: "test", Exten: "never"})
	w.run(sec)
	w.do(Hangup{Channel: b})
	w.run(20 * sec)
	w.is("DialBegin", "DestChannel", "Sim/b-00000002")
	w.is("BridgeEnter", "Channel", "Sim/b-00000002", "BridgeNumChannels", "2")
}

func TestBlindTransferOfThreePutsALocalChannelInPlace(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Atxfer{Channel: b, Context: "test", Exten: "ring"})
	w.run(5 * sec)
	w.digits(b, "*3")
	id := w.last("BridgeEnter").get("BridgeUniqueid")
	w.do(BlindTransfer{ID: 1, Channel: b, Context: "test", Exten: "ring"})
	w.is("BlindTransfer", "Result", "Success", "TransfererChannel", b, "TransfereeChannel", "", "BridgeUniqueid", id, "Extension", "ring")
	w.is("BridgeEnter", "Channel", "Local/ring@test-00000001;1", "BridgeNumChannels", "3", "SwapUniqueid", w.last("BlindTransfer").get("TransfererUniqueid"))
	w.do(BlindTransfer{ID: 2, Channel: a, Context: "test", Exten: "nowhere"})
	w.is("BlindTransfer", "Result", "Fail")
	if got := w.replies[2].Error; got != "Transfer failed" {
		t.Errorf("answer: %q", got)
	}
}

func TestBlindTransferOutOfAWaitingRoomIsNotPermitted(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Incoming{Endpoint: "c", Context: "test", Exten: "meet"})
	w.do(BlindTransfer{ID: 1, Channel: "Sim/c-00000002", Context: "test", Exten: "ring"})
	w.is("BlindTransfer", "Result", "Invalid", "BridgeType", "base", "BridgeNumChannels", "1")
	w.do(Incoming{Endpoint: "d", Context: "test", Exten: "meet"})
	w.do(BlindTransfer{ID: 2, Channel: "Sim/c-00000002", Context: "test", Exten: "ring"})
	w.is("BlindTransfer", "Result", "Not Permitted", "BridgeNumChannels", "2")
	if one, two := w.replies[1].Error, w.replies[2].Error; one != "Transfer invalid" || two != "Transfer not permitted" {
		t.Errorf("answers: %q %q", one, two)
	}
	w.do(AttendedTransfer{ID: 3, Channel: b, Second: "Sim/c-00000002"})
	w.is("AttendedTransfer", "Result", "Success", "IsExternal", "Yes", "DestType", "Link", "LocalOneChannel", "Local/_attended@transfer-00000000;1",
		"LocalTwoChannel", "Local/_attended@transfer-00000000;2")
	w.run(sec)
	w.is("BridgeEnter", "Channel", "Local/_attended@transfer-00000000;1", "BridgeNumChannels", "2")
	w.do(Hangup{Channel: a})
	w.run(sec)
	if n := w.p.Stats().Channels; n != 1 {
		t.Errorf("%d channels left, want who waits", n)
	}
}

func TestATelephoneJoinsItsTwoCalls(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Incoming{Endpoint: "c", Context: "test", Exten: "call"})
	w.run(sec)
	w.do(AttendedTransfer{ID: 1, Channel: b, Second: "Sim/b-00000003"})
	w.run(sec)
	w.is("AttendedTransfer", "Result", "Success", "DestType", "Bridge", "TransfereeChannel", a, "TransferTargetChannel", "Sim/c-00000002")
	w.is("BridgeEnter", "Channel", a, "BridgeUniqueid", w.last("AttendedTransfer").get("DestBridgeUniqueid"), "BridgeNumChannels", "2")
	if n := w.p.Stats().Channels; n != 2 {
		t.Errorf("%d channels left, want the two who talk", n)
	}
}

func TestATransferToTheParkingLotParks(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(BlindTransfer{ID: 1, Channel: b, Context: "test", Exten: "park"})
	w.run(sec)
	w.is("BlindTransfer", "Result", "Success")
	w.is("ParkedCall", "ParkeeChannel", a, "ParkerDialString", "Sim/b", "ParkingSpace", "701")
	w.is("Hangup", "Channel", b)
}

func TestWhoIsBehindAParkedLocalChannelTakesItsPlace(t *testing.T) {
	t.Parallel()
	w := talks(t)
	w.do(Incoming{Endpoint: "c", Context: "test", Exten: "lot"})
	w.run(sec)
	w.is("ParkedCallSwap", "ParkeeChannel", "Sim/c-00000002", "ParkingSpace", "701")
	w.is("BridgeEnter", "Channel", "Sim/c-00000002", "BridgeType", "parking", "BridgeNumChannels", "1")
	w.do(Hangup{Channel: "Sim/c-00000002"})
	w.is("ParkedCallGiveUp", "ParkeeChannel", "Sim/c-00000002")
}

func TestLotsFromTheConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{
		Lots: []Lot{{Name: "short", First: 801, Last: 802, Timeout: 2 * sec, FindNext: true, Comeback: "back", Music: "jazz"}},
		Dialplan: parsePlan(`
[test]
park: Park(short); Hangup()
[back]
s: Answer(); Wait(9); Hangup()
`)})
	w.do(Incoming{Endpoint: "a", Context: "test", Exten: "park"})
	w.is("MusicOnHoldStart", "Class", "jazz")
	w.do(Hangup{Channel: a})
	w.do(Incoming{Endpoint: "b", Context: "test", Exten: "park"})
	w.is("ParkedCall", "ParkingSpace", "802", "ParkingTimeout", "2")
	w.run(3 * sec)
	w.is("ParkedCallTimeOut", "ParkeeChannel", b)
	w.is("Newexten", "Channel", b, "Context", "back", "Extension", "s", "Application", "Wait")
	var set []string
	for i := range w.events {
		if e := &w.events[i]; e.name == "VarSet" && strings.HasPrefix(e.get("Variable"), "PARK") {
			set = append(set, e.get("Variable")+"="+e.get("Value"))
		}
	}
	if got := strings.Join(set, " "); got != "PARKING_SPACE=802 PARKEDLOT=short PARKER=Sim/b PARKER_FLAT=Sim_b" {
		t.Errorf("variables: %s", got)
	}
}

func TestMediaGoAroundTheExchange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{
		Endpoints: map[string]Endpoint{"a": {Native: true}, "b": {Native: true}},
		Dialplan:  parsePlan("[test]\ncall: Dial(Sim/b); Hangup()"),
	})
	w.do(Incoming{Endpoint: "a", Context: "test", Exten: "call"})
	w.run(sec)
	w.is("BridgeEnter", "BridgeTechnology", "simple_bridge", "BridgeNumChannels", "2")
	w.do(Hangup{Channel: b})
	w.run(sec)
	w.is("BridgeLeave", "BridgeTechnology", "native_rtp", "BridgeNumChannels", "0")
}
