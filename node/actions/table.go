package actions

import (
	"slices"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// Action is an entry of the table.
type Action struct {
	ami.Action          // with the Scope that holds here
	Params     []Param  // that decide where it runs, in the order in which Asterisk looks them up
	Group      string   // of a list: an item of this name and those behind it, up to the next one, belong together
	None       []string // errors that say no more than that a node has nothing of the kind
	Why        string   // the Scope is not that of actions.json
}

// Param is a parameter that says where an action runs.
type Param struct {
	Name    string
	Is      Thing
	Unknown string // what Asterisk says if there is no such thing; %s stands for the value
	Pattern bool   // "/…/" is a regular expression for the channels of all nodes
}

// Thing is what a parameter names.
type Thing uint8

// The things.
const (
	Channel    Thing = iota // a channel, by name or id
	Bridge                  // a bridge, by id
	Conference              // a conference of ConfBridge
	Meetme                  // a conference of MeetMe
	Agent                   // an agent
	Number                  // something that each node numbers for itself: the own node's is meant
)

var things = [...]string{"channel", "bridge", "conference", "conference", "agent", "number"}

// String returns the name of the thing.
func (t Thing) String() string { return things[t] }

// detail is what the table has beside proto/ami.
type detail struct {
	params []Param
	scope  ami.Scope
	why    string
	group  string
	none   []string
}

func channel(unknown string) detail { return detail{params: channelIn("Channel", unknown)} }

func channelIn(param, unknown string) []Param {
	return []Param{{Name: param, Is: Channel, Unknown: unknown}}
}

func bridge(unknown string) detail {
	return detail{params: []Param{{Name: "BridgeUniqueid", Is: Bridge, Unknown: unknown}}}
}

func named(param string, is Thing) detail { return detail{params: []Param{{Name: param, Is: is}}} }

// safe is an action that actions.json gives one node, although it is harmless to repeat it on all of them.
func safe(none ...string) detail {
	return detail{scope: ami.ScopeBroadcastSafe, none: none, why: "setting it twice is setting it once: all nodes may be told, if that is asked for"}
}

func (d detail) with(params ...Param) detail { d.params = append(d.params, params...); return d }

const (
	noSuchChannel = "No such channel"
	noChannel     = "Channel specified does not exist"
	notFound      = "Channel not found"
	noBridge      = "Specified BridgeUniqueid not found"
	noConferences = "No active conferences."
)

// details are in the order of the scopes, by the name of the action.
var details = map[string]detail{
	"AbsoluteTimeout":           channel(noSuchChannel),
	"AGI":                       channel("Channel %s does not exist."),
	"AOCMessage":                channel(noSuchChannel),
	"Atxfer":                    channel(noChannel),
	"BlindTransfer":             channel(noChannel),
	"Bridge":                    detail{}.with(channelIn("Channel1", "Channel1 does not exist: %s")...).with(channelIn("Channel2", "Channel2 does not exist: %s")...),
	"CancelAtxfer":              channel(noChannel),
	"ChangeMonitor":             channel(noSuchChannel),
	"ControlPlayback":           channel(noSuchChannel),
	"CoreShowChannelMap":        channel("Could not get channel snapshot"),
	"Hangup":                    {params: []Param{{Name: "Channel", Unknown: noSuchChannel, Pattern: true}}},
	"LocalOptimizeAway":         channel("Channel does not exist."),
	"MixMonitor":                channel(noSuchChannel),
	"MixMonitorMute":            channel(noSuchChannel),
	"Monitor":                   channel(noSuchChannel),
	"MuteAudio":                 channel(noSuchChannel),
	"Park":                      channel("Channel does not exist: %s").with(channelIn("AnnounceChannel", "AnnounceChannel does not exist")...),
	"PauseMonitor":              channel(noSuchChannel),
	"PJSIPHangup":               {params: []Param{{Name: "Channel", Unknown: noSuchChannel, Pattern: true}}},
	"PlayDTMF":                  channel(notFound),
	"PlayMF":                    channel(notFound),
	"QueueChangePriorityCaller": {params: channelIn("Caller", "Unable to change priority caller on queue: No such caller")},
	"QueueWithdrawCaller":       {params: channelIn("Caller", "Unable to request withdraw from queue: No such caller")},
	"Redirect":                  channel("Channel does not exist: %s").with(channelIn("ExtraChannel", "ExtraChannel does not exist: %s")...),
	"SendFlash":                 channel(notFound),
	"SendText":                  channel(noSuchChannel),
	"StopMixMonitor":            channel(noSuchChannel),
	"StopMonitor":               channel(noSuchChannel),
	"UnpauseMonitor":            channel(noSuchChannel),

	"BridgeDestroy": bridge(noBridge),
	"BridgeInfo":    bridge(noBridge),
	"BridgeKick":    channel("Channel does not exist").with(bridge("Bridge not found").params...),

	"Getvar": channel(noSuchChannel),
	"Setvar": channel(noSuchChannel),
	"PJSIPNotify": {params: channelIn("Channel", notFound), scope: ami.ScopeChannelOrNode,
		why: "it may name a channel, and then that channel's node alone can do it"},

	"Status":            channel(noSuchChannel),
	"DAHDIShowChannels": {params: []Param{{Name: "DAHDIChannel", Is: Number}}},
	"PRIShowSpans":      {params: []Param{{Name: "Span", Is: Number}}},
	"MeetmeList": {params: []Param{{Name: "Conference", Is: Meetme}}, scope: ami.ScopeClusterList, none: []string{noConferences},
		why: "without a Conference it lists those of all nodes"},
	"ConfbridgeListRooms":            {none: []string{noConferences}},
	"DAHDIShowStatus":                {none: []string{"No DAHDI detected"}},
	"ExtensionStateList":             {none: []string{"No dialplan hints are available"}},
	"MeetmeListRooms":                {none: []string{noConferences}},
	"ParkedCalls":                    {none: []string{"Requested parking lot could not be found."}},
	"PJSIPShowAors":                  {none: []string{"No AORs found"}},
	"PJSIPShowAuths":                 {none: []string{"No Auths found"}},
	"PJSIPShowContacts":              {none: []string{"No Contacts found"}},
	"PJSIPShowEndpoints":             {none: []string{"No endpoints found"}},
	"PJSIPShowRegistrationsOutbound": {group: "OutboundRegistrationDetail"},
	"PJSIPShowResourceLists":         {none: []string{"No resource lists found"}},
	"QueueStatus":                    {group: "QueueParams"},
	"SIPpeerstatus":                  {none: []string{"No such peer"}},

	"AgentLogoff":                 named("Agent", Agent),
	"ConfbridgeKick":              named("Conference", Conference),
	"ConfbridgeList":              named("Conference", Conference),
	"ConfbridgeLock":              named("Conference", Conference),
	"ConfbridgeMute":              named("Conference", Conference),
	"ConfbridgeSetSingleVideoSrc": named("Conference", Conference),
	"ConfbridgeStartRecord":       named("Conference", Conference),
	"ConfbridgeStopRecord":        named("Conference", Conference),
	"ConfbridgeUnlock":            named("Conference", Conference),
	"ConfbridgeUnmute":            named("Conference", Conference),
	"MeetmeMute":                  named("Meetme", Meetme),
	"MeetmeUnmute":                named("Meetme", Meetme),

	"BridgeTechnologySuspend":   safe(),
	"BridgeTechnologyUnsuspend": safe(),
	"DBDel":                     safe("Database entry not found", "Database entry could not be deleted"), // 12 and 22
	"DBDelTree":                 safe("Database entry not found"),
	"DBPut":                     safe(),
	"QueueAdd":                  {none: []string{"Unable to add interface to queue: No such queue"}},
	"QueueMemberRingInUse":      {none: []string{"Invalid interface, queuename, or ringinuse value"}},
	"QueuePause":                {none: []string{"Interface not found"}},
	"QueuePenalty":              {none: []string{"Invalid interface, queuename or penalty"}},
	"QueueRemove":               {none: []string{"Unable to remove interface: Not there", "Unable to remove interface from queue: No such queue"}},
}

// table is sorted by name without case.
var table = build()

func build() []Action {
	known := ami.Actions()
	all := make([]Action, len(known))
	for i, a := range known {
		d := details[a.Name]
		if d.scope != "" {
			a.Scope = d.scope
		}
		all[i] = Action{Action: a, Params: d.params, Group: d.group, None: d.none, Why: d.why}
	}
	return all
}

//go:generate go run ./internal/gen ../../docs/actions.md

// All returns the whole table, sorted by name without case. Not to be changed.
func All() []Action { return table }

// Lookup returns the entry of that name, compared without case (ami/behaviour.md 3.6); nil if there is none.
func Lookup(name string) *Action {
	i, ok := slices.BinarySearchFunc(table, name, func(a Action, name string) int { return compareFold(a.Name, name) })
	if !ok {
		return nil
	}
	return &table[i]
}

func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// none tells whether the text of an error says no more than that a node has nothing of the kind, which is no failure when others have.
func (a *Action) none(text string) bool {
	return a != nil && slices.Contains(a.None, strings.TrimSpace(text))
}
