package verify

import (
	"cmp"
	"maps"
	"slices"
)

// Rule is the number of a rule in ami/ordering.md.
type Rule int

// String is the rule in a few words.
func (r Rule) String() string { return titles[r] }

// Rules returns the rules that are checked, in order.
func Rules() []Rule { return sortedKeys(titles) }

var titles = map[Rule]string{
	1:  "the first event of a channel is its Newchannel",
	2:  "one Newchannel for each Uniqueid",
	3:  "Newchannel has Channel and Uniqueid",
	4:  "nothing of a channel comes after its Hangup",
	5:  "one Hangup for each channel",
	7:  "Newstate changes the state",
	9:  "Newexten means that the place changed",
	10: "a channel keeps its name, but for Rename",
	11: "one live channel for each name",
	13: "VarSet comes between Newchannel and Hangup",
	14: "HangupRequest comes before Hangup",
	15: "DTMFBegin and DTMFEnd alternate",
	16: "no Unhold or MusicOnHoldStop before the first Hold or Start",
	17: "a hangup handler is pushed before it is run or popped",
	18: "DialBegin has its DialEnd before the Hangup of the destination",
	19: "Newchannel, DialBegin, DialState, DialEnd, in this order",
	20: "DialEnd has the caller of its DialBegin",
	21: "a forwarded dial is cancelled and begun anew",
	22: "one destination of a parallel dial is answered",
	23: "without a caller a dial event has the Dest group only",
	24: "DialEnd ANSWER comes before BridgeEnter",
	25: "the first event of a bridge is its BridgeCreate",
	26: "the last event of a bridge is its BridgeDestroy",
	27: "BridgeEnter and BridgeLeave alternate, in one bridge at a time",
	28: "BridgeLeave comes before Hangup",
	29: "all leave a bridge before it is destroyed",
	30: "BridgeNumChannels counts the channels",
	31: "the channel whose place is taken leaves just before",
	32: "there is no BridgeUpdate",
	34: "BridgeMerge is of two bridges, and the second one is destroyed",
	35: "a transfer has a Result",
	36: "BridgeEnter comes after Newchannel, BridgeLeave before Hangup",
	37: "LocalBridge comes after both Newchannel and before LocalOptimizationBegin",
	38: "LocalOptimizationBegin has its LocalOptimizationEnd",
	39: "no LocalOptimizationBegin where LocalBridge says No",
	40: "an optimized Local channel is hung up",
	42: "one event ends each ParkedCall",
	43: "QueueCallerJoin, AgentCalled, AgentConnect, AgentComplete, in this order, and one QueueCallerLeave",
	44: "ConfbridgeStart, Join, Leave, End, in this order",
	45: "the answer comes first",
	46: "a list has its start, its items and its end, and nothing else",
	47: "one answer for each action, in their order",
	48: "no event comes before the answer to the login",
	49: "nothing comes after the answer to Logoff",
	50: "list items have the ActionID of their action",
	51: "one OriginateResponse for each asynchronous Originate",
	52: "the events of a node are in their order, each once",
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
