package verify_test

import (
	"slices"
	"testing"

	"github.com/amibus/amibus/proto/ami/verify"
)

const pairOf12 = " LocalOneChannel=SIP/1 LocalOneUniqueid=1 LocalTwoChannel=SIP/2 LocalTwoUniqueid=2 "

// broken are streams that break a rule, by the rule; the other rules they break with it follow.
var broken = []struct {
	rule   verify.Rule
	name   string
	stream string
	also   []verify.Rule // in the order they are reported; nil: only rule, once
}{
	{1, "an event before Newchannel", "Newstate Channel=SIP/1 ChannelState=4 Uniqueid=1 \n new 1", nil},
	{1, "no Newchannel", "new 1700000000.2\nnew 1700000000.3\nnew 1700000000.1\nNewCallerid Uniqueid=1700000000.4 Channel=SIP/x\n" +
		"NewCallerid Uniqueid=1700000000.4 Channel=SIP/x\nnew 1700000000.4", nil},
	{2, "twice", "new 1\nnew 1", nil},
	{2, "a whole life twice", "new 1700000000.1\nhangup 1700000000.1\nnew 1700000000.1", nil},
	{2, "synthetic after a Hangup that is not", "new 1\nhangup 1\nnew 1 Synthetic=yes", nil},
	{3, "no channel", "Newchannel Uniqueid=1", nil},
	{3, "no id", "Newchannel Channel=SIP/1", nil},
	{4, "after Hangup", "new 1\nhangup 1\nNewCallerid Channel=SIP/1 Uniqueid=1", nil},
	{4, "after Hangup, with a prefix", "new 1\nhangup 1\nChanSpyStop SpyeeChannel=SIP/1 SpyeeUniqueid=1", nil},
	{5, "twice", "new 1\nhangup 1\nhangup 1", nil},
	{5, "never", "new 1\nrest", nil},
	{7, "the same", "new 1\nNewstate Channel=SIP/1 ChannelState=4 Uniqueid=1\nNewstate Channel=SIP/1 ChannelState=4 Uniqueid=1", nil},
	{7, "that of Newchannel", "new 1\nNewstate Channel=SIP/1 ChannelState=0 Uniqueid=1", nil},
	{9, "the same place", "new 1\nNewexten Channel=SIP/1 Uniqueid=1 Context=a Extension=s Priority=1 Application=Wait\n" +
		"Newexten Channel=SIP/1 Uniqueid=1 Context=a Extension=s Priority=1 Application=Wait", nil},
	{9, "no application", "new 1\nNewexten Channel=SIP/1 Uniqueid=1 Context=a Exten=s Priority=1 Application=", nil},
	{10, "another name", "new 1\nNewCallerid Channel=SIP/9 Uniqueid=1", nil},
	{10, "another name than after Rename", "new 1\nRename Channel=SIP/1 Newname=SIP/7 Uniqueid=1\nNewCallerid Channel=SIP/9 Uniqueid=1", nil},
	{11, "two of a name", "new 1\nNewchannel Channel=SIP/1 ChannelState=0 Uniqueid=2", nil},
	{13, "before Newchannel", "VarSet Channel=SIP/1 Uniqueid=1 Variable=A\nnew 1", nil},
	{13, "after Hangup", "new 1\nhangup 1\nVarSet Channel=SIP/1 Uniqueid=1 Variable=A", nil},
	{13, "half of none", "VarSet Channel=none Uniqueid=1 Variable=A", nil},
	{14, "after Hangup", "new 1\nhangup 1\nHangupRequest Channel=SIP/1 Uniqueid=1", nil},
	{14, "soft, after Hangup", "new 1\nhangup 1\nSoftHangupRequest Channel=SIP/1 Uniqueid=1", nil},
	{15, "two begins", "new 1\nDTMFBegin Channel=SIP/1 Uniqueid=1 Digit=5 Direction=Received\nDTMFBegin Channel=SIP/1 Uniqueid=1 Digit=5 Direction=Received", nil},
	{15, "duration", "new 1\nDTMFEnd Channel=SIP/1 Uniqueid=1 Digit=5 Direction=Received DurationMs=-1", nil},
	{16, "unhold", "new 1\nUnhold Channel=SIP/1 Uniqueid=1\nhangup 1", nil},
	{16, "music", "new 1\nMusicOnHoldStop Channel=SIP/1 Uniqueid=1", nil},
	{17, "run", "new 1\nHangupHandlerPush Channel=SIP/1 Uniqueid=1 Handler=a\nHangupHandlerRun Channel=SIP/1 Uniqueid=1 Handler=b", nil},
	{17, "pop", "new 1\nHangupHandlerPop Channel=SIP/1 Uniqueid=1 Handler=b", nil},
	{18, "no end", "new 1\nnew 2\ndial 1 2\nhangup 2", nil},
	{18, "no caller, answered", "new 2\ndial 0 2\nhangup 2", nil},
	{18, "two begins", "new 1\nnew 2\ndial 1 2\ndial 1 2", nil},
	{18, "the same end twice", "new 1\nnew 2\ndial 1 2\nend 1 2 BUSY\nend 1 2 BUSY", nil},
	{19, "before Newchannel", "new 1\ndial 1 2\nnew 2", nil},
	{19, "end without begin", "new 1\nnew 2\nend 1 2 BUSY", nil},
	{19, "end without begin and caller", "new 2\nend 0 2 BUSY", nil},
	{19, "state without begin", "new 1\nnew 2\nDialState DialStatus=RINGING Channel=SIP/1 Uniqueid=1 DestChannel=SIP/2 DestUniqueid=2", nil},
	{19, "state after end", "new 1\nnew 2\ndial 1 2\nend 1 2 BUSY\nDialState DialStatus=RINGING Channel=SIP/1 Uniqueid=1 DestChannel=SIP/2 DestUniqueid=2", nil},
	{19, "state that is none", "DialState DialStatus=BUSY DestChannel=SIP/2 DestUniqueid=2", nil},
	{20, "another caller", "new 1\nnew 2\nnew 3\ndial 1 2\nend 3 2 BUSY", nil},
	{20, "no caller any more", "new 1\nnew 2\ndial 1 2\nend 0 2 BUSY", nil},
	{21, "status", "new 1\nnew 2\ndial 1 2\nend 1 2 BUSY Forward=a@b", nil},
	{21, "nobody dialed", "new 1\nnew 2\ndial 1 2\nend 1 2 CANCEL Forward=a@b\nhangup 1", nil},
	{22, "two answers", "new 1\nNewexten Channel=SIP/1 Uniqueid=1 Priority=1 Application=Dial\nnew 2\nnew 3\ndial 1 2\ndial 1 3\nend 1 2 ANSWER\nend 1 3 ANSWER", nil},
	{23, "no destination", "new 1\nDialBegin Channel=SIP/1 Uniqueid=1", nil},
	{23, "half a caller", "new 2\nDialBegin Channel=SIP/1 DestChannel=SIP/2 DestUniqueid=2", nil},
	{24, "bridged first", "new 1\nNewexten Channel=SIP/1 Uniqueid=1 Priority=1 Application=Dial\nnew 2\ndial 1 2\ncreate B\nenter B 2 1", nil},
	{25, "an event before", "enter B 1 1\ncreate B", nil},
	{25, "twice", "create B\ncreate B", nil},
	{26, "after", "create B\ndestroy B\nBridgeVideoSourceUpdate BridgeUniqueid=B", nil},
	{26, "created again", "create B\ndestroy B\ncreate B", nil},
	{26, "never", "create B\nrest", nil},
	{27, "twice", "new 1\ncreate B\nenter B 1 1\nenter B 1 1", nil},
	{27, "two bridges", "new 1\ncreate B\ncreate C\nenter B 1 1\nenter C 1 1", nil},
	{27, "leave first", "new 1\ncreate B\nleave B 1 0", nil},
	{27, "leave of a stranger", "create B\nleave B 1 0", nil},
	{27, "twice, of a bridge that was there", "new 1\nenter B 1 2\nenter B 1 2", nil},
	{27, "leave of a bridge that was there", "new 1\nleave B 1 2", nil},
	{28, "hung up in a bridge that was there", "new 1\nenter B 1 2\nhangup 1", nil},
	{28, "hung up inside", "new 1\ncreate B\nenter B 1 1\nhangup 1", nil},
	{29, "destroyed around one", "new 1\ncreate B\nenter B 1 1\ndestroy B", nil},
	{29, "destroyed around a guest", "create B\nenter B 1 1\ndestroy B", nil},
	{29, "number", "BridgeDestroy BridgeUniqueid=B BridgeNumChannels=1", nil},
	{30, "too low", "new 1\nnew 2\ncreate B\nenter B 1 1\nenter B 2 1", nil},
	{30, "too high", "new 1\nnew 2\ncreate B\nenter B 1 1\nenter B 2 3", nil},
	{31, "still there", "new 1\nnew 2\ncreate B\nenter B 1 1\nenter B 2 2 SwapUniqueid=1", nil},
	{31, "another between", "new 1\nnew 2\nnew 3\ncreate B\nenter B 1 1\nenter B 3 2\nleave B 1 1\nleave B 3 0\nenter B 2 1 SwapUniqueid=1", nil},
	{32, "any", "BridgeUpdate BridgeUniqueid=B", nil},
	{34, "one bridge", "create B\nBridgeMerge ToBridgeUniqueid=B", nil},
	{34, "itself", "create B\nBridgeMerge ToBridgeUniqueid=B FromBridgeUniqueid=B", nil},
	{34, "destroyed", "create B\ncreate C\ndestroy C\nBridgeMerge ToBridgeUniqueid=B FromBridgeUniqueid=C", nil},
	{34, "entered later", "new 1\ncreate B\ncreate C\nBridgeMerge ToBridgeUniqueid=B FromBridgeUniqueid=C\nenter C 1 1", nil},
	{34, "never destroyed", "create B\ncreate C\nBridgeMerge ToBridgeUniqueid=B FromBridgeUniqueid=C\ndestroy B\nrest", nil},
	{34, "twice", "create B\ncreate C\nBridgeMerge ToBridgeUniqueid=B FromBridgeUniqueid=C\nBridgeMerge ToBridgeUniqueid=B FromBridgeUniqueid=C", nil},
	{35, "blind", "BlindTransfer Result=", nil},
	{35, "attended", "AttendedTransfer Result=Perhaps", nil},
	{36, "enter first", "create B\nenter B 1 1\nnew 1", nil},
	{36, "leave last", "new 1\ncreate B\nenter B 1 1\nhangup 1\nleave B 1 0", []verify.Rule{28, 36}},
	{37, "before Newchannel", "LocalBridge LocalOptimization=Yes" + pairOf12 + "\nnew 1\nnew 2", []verify.Rule{37, 37}},
	{37, "optimized without", "new 1\nnew 2\nLocalOptimizationBegin Id=1" + pairOf12, nil},
	{37, "twice", "new 1\nnew 2\nLocalBridge LocalOptimization=Yes" + pairOf12 + "\nLocalBridge LocalOptimization=Yes" + pairOf12, nil},
	{38, "id in use", "LocalOptimizationBegin Id=1" + pairOf12 + "\nLocalOptimizationBegin Id=1" + pairOf12, nil},
	{38, "no begin", "new 1\nnew 2\nLocalOptimizationEnd Id=1 Success=No" + pairOf12, nil},
	{38, "no end", "LocalOptimizationBegin Id=1" + pairOf12 + "\nrest", nil},
	{38, "other halves", "LocalOptimizationBegin Id=1" + pairOf12 + "\nLocalOptimizationEnd Id=1 Success=No LocalOneUniqueid=1 LocalTwoUniqueid=3", nil},
	{39, "not to be optimized", "new 1\nnew 2\nLocalBridge LocalOptimization=No" + pairOf12 + "\nLocalOptimizationBegin Id=1" + pairOf12, nil},
	{40, "enters", "new 1\nnew 2\nLocalBridge LocalOptimization=Yes" + pairOf12 + "\nLocalOptimizationBegin Id=1" + pairOf12 +
		"\nLocalOptimizationEnd Id=1 Success=Yes" + pairOf12 + "\ncreate B\nenter B 1 1", nil},
	{40, "stays", "new 1\nnew 2\nLocalBridge LocalOptimization=Yes" + pairOf12 + "\nLocalOptimizationBegin Id=1" + pairOf12 +
		"\nLocalOptimizationEnd Id=1 Success=Yes" + pairOf12 + "\nhangup 1\nrest", []verify.Rule{5, 40}},
	{42, "twice", "ParkedCall ParkeeChannel=SIP/1 ParkeeUniqueid=1\nParkedCall ParkeeChannel=SIP/1 ParkeeUniqueid=1", nil},
	{42, "two ends", "new 1\nParkedCall ParkeeChannel=SIP/1 ParkeeUniqueid=1\nUnParkedCall ParkeeUniqueid=1\nParkedCallGiveUp ParkeeUniqueid=1", nil},
	{42, "no end", "ParkedCall ParkeeChannel=SIP/1 ParkeeUniqueid=1\nrest", nil},
	{43, "not joined", "new 1\nAgentCalled Channel=SIP/1 Uniqueid=1 Queue=q DestUniqueid=2", nil},
	{43, "abandoned, not joined", "new 1\nQueueCallerAbandon Channel=SIP/1 Uniqueid=1 Queue=q", nil},
	{43, "left twice", "new 1\nQueueCallerJoin Channel=SIP/1 Uniqueid=1 Queue=q\nQueueCallerLeave Channel=SIP/1 Uniqueid=1 Queue=q\n" +
		"QueueCallerLeave Channel=SIP/1 Uniqueid=1 Queue=q", nil},
	{43, "joined twice", "new 1\nQueueCallerJoin Channel=SIP/1 Uniqueid=1 Queue=q\nQueueCallerJoin Channel=SIP/1 Uniqueid=1 Queue=q", nil},
	{43, "not connected", "new 1\nQueueCallerJoin Channel=SIP/1 Uniqueid=1 Queue=q\nAgentComplete Channel=SIP/1 Uniqueid=1 Queue=q", nil},
	{44, "two starts", "ConfbridgeStart Conference=c\nConfbridgeStart Conference=c", nil},
	{44, "joined after the end", "ConfbridgeStart Conference=c\nConfbridgeEnd Conference=c\nConfbridgeJoin Conference=c Uniqueid=1", nil},
	{44, "left before", "ConfbridgeStart Conference=c\nConfbridgeLeave Conference=c Uniqueid=1", nil},
	{44, "not left", "ConfbridgeStart Conference=c\nConfbridgeJoin Conference=c Uniqueid=1\nConfbridgeEnd Conference=c", nil},
	{44, "joined twice", "ConfbridgeStart Conference=c\nConfbridgeJoin Conference=c Uniqueid=1\nConfbridgeJoin Conference=c Uniqueid=1", nil},
	{44, "no end", "ConfbridgeStart Conference=c\nrest", nil},
	{45, "item first", "connected\nitem Peer ActionID=7\n< ActionID=7", nil},
	{45, "event first", "> Foo ActionID=7\nFooDone ActionID=7\n< ActionID=7", nil},
	{46, "one too many", "< ActionID=7 EventList=start\nitem Peer ActionID=7\nitem PeerDone ActionID=7 EventList=Complete ListItems=2", nil},
	{46, "an event within", "< ActionID=7 EventList=start\nnew 1\nitem PeerDone ActionID=7 EventList=Complete ListItems=0", nil},
	{46, "an answer within", "< ActionID=7 EventList=start\n< ActionID=8", nil},
	{46, "an end alone", "connected\n< ActionID=7\nitem PeerDone ActionID=7 EventList=Complete ListItems=0", nil},
	{46, "no end", "< ActionID=7 EventList=start\nrest", nil},
	{47, "out of order", "> A ActionID=1\n> B ActionID=2\n< ActionID=2", nil},
	{47, "never", "> A ActionID=1\nrest", nil},
	{47, "unasked", "> A ActionID=1\n< ActionID=1\n< ActionID=1", nil},
	{48, "before the login", "connected\nnew 1", nil},
	{49, "after the logoff", "goodbye\nnew 1", nil},
	{50, "another ActionID", "< ActionID=7 EventList=start\nitem Peer ActionID=8\nitem PeerDone ActionID=7 EventList=Complete ListItems=1", nil},
	{50, "none", "< ActionID=7 EventList=start\nitem Peer\nitem PeerDone ActionID=7 EventList=Complete ListItems=1", nil},
	{50, "one, though the action had none", "< EventList=start\nitem Peer ActionID=8\nitem PeerDone EventList=Complete ListItems=1", nil},
	{51, "never", "> Originate Async=true ActionID=7\n< ActionID=7\nnew 1\nhangup 1\nrest", nil},
	{51, "twice", "OriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1700000000.1\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1700000000.1", nil},
	{51, "twice, of a chosen id", "new 1\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1\nhangup 1\nOriginateResponse ActionID=7 Channel=SIP/1 Uniqueid=1", nil},
	{52, "EventID twice", "A EventID=s/n/1/5\nA EventID=s/n/1/5", nil},
	{52, "EventID backwards", "A EventID=s/n/1/5\nA EventID=s/n/1/4", nil},
	{52, "epoch backwards", "A EventID=s/n/2/5\nA EventID=s/n/1/6", nil},
	{52, "time backwards", "A Timestamp=1700000000.000002\nB Timestamp=1700000000.000001", nil},
	{52, "the same event twice", "A Timestamp=1700000000.000002\nA Timestamp=1700000000.000002", nil},
}

func TestBroken(t *testing.T) {
	t.Parallel()
	tested := map[verify.Rule]bool{}
	for _, tt := range broken {
		tested[tt.rule] = true
		got, text := check(t, verify.Config{}, tt.stream)
		want := tt.also
		if want == nil {
			want = []verify.Rule{tt.rule}
		}
		if !slices.Equal(got, want) {
			t.Errorf("rule %d, %s: broken are %v, want %v\n%s", tt.rule, tt.name, got, want, text)
		}
		if got, text := check(t, verify.Config{Ignore: want}, tt.stream); len(got) > 0 {
			t.Errorf("rule %d, %s: ignored, but reported\n%s", tt.rule, tt.name, text)
		}
	}
	for _, r := range verify.Rules() {
		if !tested[r] {
			t.Errorf("rule %d is not tested: %s", r, r)
		}
	}
}
