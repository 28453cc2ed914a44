package verify_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami/verify"
)

// allowed are streams that look like a break of a rule and are none.
var allowed = []struct{ name, stream string }{
	{"54: what began before", "Newstate Channel=SIP/1 ChannelState=6 Uniqueid=1\nenter B 1 2\nend 1 2 ANSWER\nleave B 1 1\nhangup 1\ndestroy B\nUnParkedCall ParkeeUniqueid=1\nrest"},
	{"54: who was there before in a new bridge", "new 2\ncreate B\nenter B 1 1\nenter B 2 2\nleave B 1 1\nleave B 2 0\ndestroy B\nhangup 2\nhangup 1\nrest"},
	{"54: a list that had begun", "item Peer ActionID=7\nitem PeerDone ActionID=7 EventList=Complete ListItems=9"},
	{"53: one id on two nodes", "new 1 SystemName=a\nnew 1 SystemName=b\nhangup 1 SystemName=a\nNewCallerid SystemName=b Channel=SIP/1 Uniqueid=1\nhangup 1 SystemName=b\nrest"},
	{"2: a chosen id again", "new 1\nhangup 1\nnew 1\nhangup 1\nrest"},
	{"2: revived", "new 1700000000.1\nhangup 1700000000.1 Synthetic=yes\nnew 1700000000.1 Synthetic=yes\nhangup 1700000000.1\nrest"},
	{"2: made up for one that was there before", "new 1 Synthetic=yes\nhangup 1 Synthetic=yes\nrest"},
	{"19: began to be dialled unheard", "new 1 Synthetic=yes\nnew 2\nend 2 1 ANSWER\nhangup 1\nhangup 2\nrest"},
	{"25: revived", "create B\ndestroy B Synthetic=yes\ncreate B Synthetic=yes\ndestroy B"},
	{"4: stored snapshots", "new 1\nhangup 1\nBlindTransfer Result=Success TransfererUniqueid=1\nAttendedTransfer Result=Fail OrigTransfererUniqueid=1"},
	{"4: raised by others", "new 1\nhangup 1\nCEL UniqueID=1\nCdr UniqueID=1\nOriginateResponse Uniqueid=1\nParkedCallGiveUp Uniqueid=1\nMeetmeLeave Uniqueid=1"},
	{"4: named in a UserEvent", "new 1\nhangup 1\nUserEvent UserEvent=x Channel=SIP/9 Uniqueid=1 SystemName=evil EventID=a/b/1/1"},
	{"4: linked", "new 1\nnew 2\nhangup 1\nNewCallerid Channel=SIP/2 Uniqueid=2 Linkedid=1"},
	{"9: another application", "new 1\nNewexten Channel=SIP/1 Uniqueid=1 Priority=1 Application=A\nNewexten Channel=SIP/1 Uniqueid=1 Priority=1 Application=B"},
	{"9: something between", "new 1\nNewexten Channel=SIP/1 Uniqueid=1 Priority=1 Application=A\nNewCallerid Channel=SIP/1 Uniqueid=1\n" +
		"Newexten Channel=SIP/1 Uniqueid=1 Priority=1 Application=A"},
	{"10: renamed, and late with the old name", "new 1\nRename Channel=SIP/1 Newname=SIP/7 Uniqueid=1\nNewCallerid Channel=SIP/1 Uniqueid=1\nNewCallerid Channel=SIP/7 Uniqueid=1"},
	{"11: renamed", "new 1\nRename Channel=SIP/1 Newname=SIP/2 Uniqueid=1\nnew 2\nNewchannel Channel=SIP/1 ChannelState=0 Uniqueid=3"},
	{"13: without channel", "VarSet Channel=none Uniqueid=none Variable=A Value=1"},
	{"15: an end alone, two directions", "new 1\nDTMFEnd Channel=SIP/1 Uniqueid=1 Digit=5 Direction=Received DurationMs=0\n" +
		"DTMFBegin Channel=SIP/1 Uniqueid=1 Digit=5 Direction=Received\nDTMFBegin Channel=SIP/1 Uniqueid=1 Digit=5 Direction=Sent\nhangup 1"},
	{"16: the transferer", "new 1\nUnhold Channel=SIP/1 Uniqueid=1\nBlindTransfer Result=Success TransfererUniqueid=1\nhangup 1"},
	{"16: again and again", "new 1\nHold Channel=SIP/1 Uniqueid=1\nHold Channel=SIP/1 Uniqueid=1\nUnhold Channel=SIP/1 Uniqueid=1\nUnhold Channel=SIP/1 Uniqueid=1\nhangup 1"},
	{"17: moved by a masquerade", "new 1\nRename Channel=SIP/1 Newname=SIP/7 Uniqueid=1\nHangupHandlerRun Channel=SIP/7 Uniqueid=1 Handler=a"},
	{"18: Follow-Me", "new 1\nnew 2\ndial 1 2\nend 1 2 ANSWER\nend 1 2 NOANSWER\nhangup 2"},
	{"18: a queue", "new 1\nQueueCallerJoin Channel=SIP/1 Uniqueid=1 Queue=q\nnew 2\nAgentCalled Channel=SIP/1 Uniqueid=1 Queue=q DestChannel=SIP/2 DestUniqueid=2\n" +
		"dial 1 2\nend 1 2 NOANSWER\nend 1 2 NOANSWER\nend 1 2 CANCEL\nhangup 2"},
	{"18: no caller, no answer", "new 2\ndial 0 2\nHangup Channel=SIP/2 ChannelState=5 Uniqueid=2"},
	{"1: begun before", "new 1700000000.2\nnew 1700000000.3\nnew 1700000000.4\nNewCallerid Uniqueid=1700000000.1 Channel=SIP/x\nNewCallerid Uniqueid=1700000000.9x"},
	{"1: made up later", "new 1700000000.1 Synthetic=yes\nnew 1700000000.2 Synthetic=yes\nnew 1700000000.3 Synthetic=yes\nNewCallerid Uniqueid=1700000000.4 Channel=SIP/x"},
	{"19: transfer by feature code", "new 2\ncreate B\nenter B 2 1\nDialState DialStatus=RINGING DestChannel=SIP/2 DestUniqueid=2\nend 0 2 ANSWER"},
	{"20: Page", "new 1\nnew 2\ndial 0 2\nend 1 2 ANSWER"},
	{"21: forwarded", "new 1\nnew 2\nnew 3\ndial 1 2\nend 1 2 CANCEL Forward=a@b\ndial 1 3\nhangup 2\nend 1 3 BUSY\nhangup 3\nhangup 1\nrest"},
	{"22: one after the other", "new 1\nNewexten Channel=SIP/1 Uniqueid=1 Priority=1 Application=Dial\nnew 2\nnew 3\ndial 1 2\nend 1 2 ANSWER\ndial 1 3\nend 1 3 ANSWER"},
	{"24: through ARI", "new 1\nnew 2\ndial 1 2\ncreate B\nenter B 2 1"},
	{"26: stored snapshots", "create B\ndestroy B\nBlindTransfer Result=Success BridgeUniqueid=B\nConfbridgeEnd Conference=c BridgeUniqueid=B"},
	{"30: a recorder", "new 1\nnew 2\ncreate B\nenter B 1 2\nenter B 2 3\nleave B 1 1"},
	{"31: swapped", "new 1\nnew 2\ncreate B\nenter B 1 1\nleave B 1 0\nAttendedTransfer Result=Success OrigBridgeUniqueid=B\nenter B 2 1 SwapUniqueid=1"},
	{"34: merged", "new 1\ncreate B\ncreate C\nenter C 1 1\nBridgeMerge ToBridgeUniqueid=B FromBridgeUniqueid=C\nleave C 1 0\nenter B 1 1\ndestroy C"},
	{"39: asked for", "> LocalOptimizeAway Channel=x\nnew 1\nnew 2\nLocalBridge LocalOptimization=No" + pairOf12 + "\nLocalOptimizationBegin Id=1" + pairOf12},
	{"41: on a stream of its own", "ParkedCall ParkeeChannel=SIP/1 ParkeeUniqueid=1\nnew 1\nParkedCallTimeOut ParkeeUniqueid=1\nhangup 1\nrest"},
	{"42: replaced", "ParkedCall ParkeeUniqueid=1 Parkinglot=l ParkingSpace=7\nParkedCallSwap ParkeeUniqueid=2 Parkinglot=l ParkingSpace=7\nUnParkedCall ParkeeUniqueid=2\nrest"},
	{"43: twice in a queue", strings.Repeat("QueueCallerJoin Channel=SIP/1 Uniqueid=1 Queue=q\nQueueCallerLeave Channel=SIP/1 Uniqueid=1 Queue=q\n", 2)},
	{"45: OriginateResponse of another client", "> Originate ActionID=7 Async=yes\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1\n< ActionID=7"},
	{"46: an item with classes", "< ActionID=7 EventList=start\nQueueMember ActionID=7\nitem Done ActionID=7 EventList=complete ListItems=1"},
	{"46: the state at a login", "connected\n< ActionID=7 Message=Authentication_accepted\nitem CoreShowChannel ActionID=7\nitem SnapshotComplete ActionID=7 " +
		"EventList=Complete ListItems=1\nnew 1\nhangup 1"},
	{"47: two answers, none, and no ActionID", "> Events ActionID=1\n> ModuleLoad ActionID=2\n> Ping\n< ActionID=2\n< ActionID=2\n< Ping=Pong\nrest"},
	{"48: after the login", "connected\n< Message=Authentication_accepted\nnew 1\nhangup 1\nrest"},
	{"51: answered", "> Originate Async=true ActionID=7\n< ActionID=7\nnew 1\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1\nhangup 1\nrest"},
	{"51: refused", "OriginateResponse ActionID=7 Uniqueid=<null>\nOriginateResponse ActionID=7 Uniqueid=<null>"},
	{"51: a chosen id again", strings.Repeat("new 1\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1\nhangup 1\n", 3) + "rest"},
	{"51: a chosen id again, late", "new 1\nhangup 1\nnew 1\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1\nhangup 1\nrest"},
	{"2: a chosen id again, behind an end that was made up", "new 1\nDiscontinuity\nBridgeLeave Uniqueid=1 Channel=SIP/1 BridgeUniqueid=B Synthetic=yes\nhangup 1 Synthetic=yes\nnew 1\nhangup 1\nrest"},
	{"51: a chosen id again, and events were missed", "new 1\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1\nhangup 1\nDiscontinuity\n" +
		"new 1\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1\nhangup 1\nrest"},
	{"51: a chosen id that is taken", "new 1\nOriginateResponse Response=Failure Channel=SIP/1 Uniqueid=1\nOriginateResponse Response=Success Channel=SIP/1 Uniqueid=1\nhangup 1\nrest"},
	{"51: a chosen id that failed, again", strings.Repeat("OriginateResponse Response=Failure ActionID=7 Channel=SIP/1 Uniqueid=1\n", 2)},
	{"52: holes, and the next incarnation", "A EventID=s/n/1/5\nA EventID=s/n/1/9\nA EventID=s/n/2/1\nUserEvent UserEvent=x EventID=s/n/2/2\nA EventID=s/n/2/3"},
	{"52: raised directly", "A Timestamp=1700000000.000002\nCEL Timestamp=1700000000.000001\nB Timestamp=1700000000.000003"},
	{"52: two nodes", "A SystemName=a Timestamp=1700000000.000002\nA SystemName=b Timestamp=1700000000.000001"},
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for _, tt := range allowed {
		if got, text := check(t, verify.Config{}, tt.stream); len(got) > 0 {
			t.Errorf("%s: broken are %v\n%s", tt.name, got, text)
		}
	}
}

// TestResets: what says that events are missing makes the node, and only that one, one of which nothing is known.
func TestResets(t *testing.T) {
	t.Parallel()
	const before, after = "new 1 SystemName=a\nnew 1 SystemName=b\n", "\nnew 1 SystemName=a\nhangup 1 SystemName=b\nrest"
	for event, resets := range map[string]bool{
		"Discontinuity SystemName=a":                       true,
		"Gap SystemName=a Node=default/a First=5":          true,
		"Gap Node=default/a":                               true,
		"NodeState SystemName=a Node=default/a State=left": true,
		"NodeState SystemName=a State=booted":              true,
		"NodeState SystemName=a State=dropped":             false,
		"NodeState SystemName=a State=returned":            false,
		"NodeState SystemName=b State=booted":              false,
		"FullyBooted SystemName=a":                         true,
		"FullyBooted":                                      false, // of the login
		"Shutdown SystemName=a":                            true,
	} {
		got, _ := check(t, verify.Config{}, before+event+after)
		if was := !contains(got, 2); was != resets {
			t.Errorf("%s: reset %v, want %v: %v", event, was, resets, got)
		}
	}
}

func contains(list []verify.Rule, r verify.Rule) bool {
	for _, x := range list {
		if x == r {
			return true
		}
	}
	return false
}

// TestBounds: what is remembered is bounded, and what was forgotten is no violation.
func TestBounds(t *testing.T) {
	t.Parallel()
	limits := verify.Limits{Nodes: 3, Live: 10, Ended: 5}
	c := verify.New(verify.Config{Limits: limits, Report: func(v verify.Violation) { t.Error(v) }})
	for i := range 1000 {
		for _, line := range []string{"new %d", "create B%[1]d", "enter B%[1]d %[1]d 1", "Early Channel=SIP/x Uniqueid=x%d", "ParkedCall ParkeeUniqueid=%d",
			"LocalOptimizationBegin Id=%d", "ConfbridgeStart Conference=%d"} {
			step(c, fmt.Sprintf(line, i)+fmt.Sprintf(" SystemName=%d", i/100%5))
		}
		s := c.Stats()
		if s.Nodes > limits.Nodes || s.Live > limits.Nodes*limits.Live || s.Bridges > limits.Nodes*limits.Live {
			t.Fatalf("%+v", s)
		}
	}
	if s := c.Stats(); s.Forgotten == 0 {
		t.Errorf("nothing was forgotten: %+v", s)
	}
	for i := range 100 {
		step(c, fmt.Sprintf("new y%d", i))
		step(c, fmt.Sprintf("hangup y%d", i))
	}
	step(c, "hangup y1") // forgotten
	before := c.Stats().Live
	for range 100 {
		step(c, "new chosen")
		step(c, "hangup chosen")
	}
	if s := c.Stats(); s.Live != before {
		t.Errorf("%d live channels, there were %d", s.Live, before)
	}
	if s := c.Stats(); s.Live > limits.Nodes*limits.Live {
		t.Errorf("%+v", s)
	}
}
