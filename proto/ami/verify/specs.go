package verify

// spec is what the rules say of the events of a name.
type spec struct {
	name string

	// aside: the event does not come by the main stream, so its place there means nothing: raised directly (Cdr, CEL, Rename …), by
	// subscriptions of their own (parking, conferences, MeetMe) or without any channel.
	aside bool
	// late: it is made from stored snapshots, so it may come after the Hangup or BridgeDestroy of what it names.
	late bool
	// before and after are the rules it breaks before the Newchannel and after the Hangup of a channel it names; 0 stands for 1 and 4.
	// beforeDest is before for the group Dest.
	before, beforeDest, after Rule

	about about
	run   func(*Checker, *event) // what else there is to check
}

// about tells of events that are about the stream.
type about uint8

const (
	aboutNothing  about = iota
	aboutAsterisk       // an Asterisk starts or stops; without SystemName it is the one that has none
	aboutNode           // a node, or all nodes if it does not say which
)

// anyEvent stands for the events that no rule names.
var anyEvent = spec{name: "event"}

// specs is by the name of the event.
var specs = byName(
	// The stream itself.
	spec{name: "FullyBooted", about: aboutAsterisk},
	spec{name: "Shutdown", about: aboutAsterisk},
	spec{name: "NodeState", about: aboutNode},
	spec{name: "Gap", about: aboutNode},
	spec{name: "Discontinuity", about: aboutNode},

	// Channels.
	spec{name: "Newchannel", run: (*Checker).newchannel},
	spec{name: "Hangup", after: 5, run: (*Checker).hangup},
	spec{name: "Newstate", run: (*Checker).newstate},
	spec{name: "Newexten", run: (*Checker).newexten},
	spec{name: "Rename", aside: true, run: (*Checker).rename},
	spec{name: "VarSet", before: 13, after: 13, run: (*Checker).varset},
	spec{name: "HangupRequest", after: 14},
	spec{name: "SoftHangupRequest", after: 14},
	spec{name: "DTMFBegin", run: (*Checker).dtmfBegin},
	spec{name: "DTMFEnd", run: (*Checker).dtmfEnd},
	spec{name: "Hold", run: func(_ *Checker, e *event) { e.mark(func(ch *channel) { ch.held = true }) }},
	spec{name: "Unhold", run: (*Checker).unheld},
	spec{name: "MusicOnHoldStart", run: func(_ *Checker, e *event) { e.mark(func(ch *channel) { ch.music = true }) }},
	spec{name: "MusicOnHoldStop", run: func(c *Checker, e *event) {
		c.needs(e, 16, "MusicOnHoldStart", func(ch *channel) bool { return ch.music })
	}},
	spec{name: "HangupHandlerPush", run: (*Checker).handlerPush},
	spec{name: "HangupHandlerRun", run: (*Checker).handlerUse},
	spec{name: "HangupHandlerPop", run: (*Checker).handlerUse},

	// Dialing.
	spec{name: "DialBegin", beforeDest: 19, run: (*Checker).dialBegin},
	spec{name: "DialState", beforeDest: 19, run: (*Checker).dialState},
	spec{name: "DialEnd", beforeDest: 19, run: (*Checker).dialEnd},

	// Bridges.
	spec{name: "BridgeCreate", run: (*Checker).bridgeCreate},
	spec{name: "BridgeDestroy", run: (*Checker).bridgeDestroy},
	spec{name: "BridgeEnter", before: 36, run: (*Checker).bridgeEnter},
	spec{name: "BridgeLeave", before: 36, after: 36, run: (*Checker).bridgeLeave},
	spec{name: "BridgeMerge", run: (*Checker).bridgeMerge},
	spec{name: "BridgeUpdate", run: (*Checker).bridgeUpdate},
	spec{name: "BlindTransfer", late: true, run: (*Checker).transfer},
	spec{name: "AttendedTransfer", late: true, run: (*Checker).transfer},

	// Local channels.
	spec{name: "LocalBridge", before: 37, run: (*Checker).localBridge},
	spec{name: "LocalOptimizationBegin", before: 37, run: (*Checker).optimizationBegin},
	spec{name: "LocalOptimizationEnd", before: 37, run: (*Checker).optimizationEnd},

	// Parking, queues, conferences.
	spec{name: "ParkedCall", aside: true, run: (*Checker).park},
	spec{name: "UnParkedCall", aside: true, run: (*Checker).unpark},
	spec{name: "ParkedCallTimeOut", aside: true, run: (*Checker).unpark},
	spec{name: "ParkedCallGiveUp", aside: true, run: (*Checker).unpark},
	spec{name: "ParkedCallSwap", aside: true, run: (*Checker).parkSwap},
	spec{name: "QueueCallerJoin", run: (*Checker).queueJoin},
	spec{name: "QueueCallerLeave", run: (*Checker).queueLeave},
	spec{name: "QueueCallerAbandon", run: (*Checker).queueUse},
	spec{name: "AgentCalled", run: (*Checker).queueUse},
	spec{name: "AgentRingNoAnswer", run: (*Checker).queueUse},
	spec{name: "AgentConnect", run: (*Checker).queueUse},
	spec{name: "AgentComplete", late: true, run: (*Checker).agentComplete},
	spec{name: "ConfbridgeStart", aside: true, run: (*Checker).roomStart},
	spec{name: "ConfbridgeJoin", aside: true, run: (*Checker).roomJoin},
	spec{name: "ConfbridgeLeave", aside: true, run: (*Checker).roomLeave},
	spec{name: "ConfbridgeEnd", aside: true, run: (*Checker).roomEnd},
	spec{name: "ConfbridgeTalking", aside: true}, spec{name: "ConfbridgeMute", aside: true}, spec{name: "ConfbridgeUnmute", aside: true},
	spec{name: "ConfbridgeLock", aside: true}, spec{name: "ConfbridgeUnlock", aside: true}, spec{name: "ConfbridgeRecord", aside: true},
	spec{name: "ConfbridgeStopRecord", aside: true}, spec{name: "ConfbridgeList", aside: true}, spec{name: "ConfbridgeWelcome", aside: true},

	// The rest of what goes beside the main stream.
	spec{name: "OriginateResponse", aside: true, run: (*Checker).originated},
	spec{name: "UserEvent"},
	spec{name: "Cdr", aside: true}, spec{name: "CEL", aside: true}, spec{name: "ExtensionStatus", aside: true},
	spec{name: "PresenceStatus", aside: true}, spec{name: "LogChannel", aside: true}, spec{name: "JabberStatus", aside: true},
	spec{name: "PeerStatus", aside: true}, spec{name: "ContactStatus", aside: true}, spec{name: "DeviceStateChange", aside: true},
	spec{name: "MeetmeJoin", aside: true}, spec{name: "MeetmeLeave", aside: true}, spec{name: "MeetmeEnd", aside: true},
	spec{name: "MeetmeMute", aside: true}, spec{name: "MeetmeTalking", aside: true}, spec{name: "MeetmeTalkRequest", aside: true},
)

func byName(list ...spec) map[string]*spec {
	m := make(map[string]*spec, len(list))
	for i := range list {
		s := &list[i]
		orElse := func(r *Rule, els Rule) {
			if *r == 0 {
				*r = els
			}
		}
		orElse(&s.before, 1)
		orElse(&s.beforeDest, s.before)
		orElse(&s.after, 4)
		m[s.name] = s
	}
	return m
}

func init() { anyEvent.before, anyEvent.beforeDest, anyEvent.after = 1, 1, 4 }
