package actions

import (
	"bytes"

	"github.com/amibus/amibus/proto/ami"
)

// reads are the actions that only tell, beside those that list the cluster. Whatever is not known changes something.
var reads = set("BridgeInfo", "BridgeTechnologyList", "ConfbridgeList", "CoreSettings", "CoreShowChannelMap", "CoreStatus", "DataGet", "DBGet",
	"DBGetTree", "ExtensionState", "FAXSession", "FAXStats", "GetConfig", "GetConfigJSON", "Getvar", "IAXnetstats", "ListCategories", "MailboxCount",
	"MailboxStatus", "ModuleCheck", "PJSIPShowEndpoint", "PresenceState", "QueueRule", "Queues", "ShowDialPlan", "SIPshowpeer", "SKINNYshowdevice",
	"SKINNYshowline", "VoicemailBoxSummary", "VoicemailUserStatus")

func set(names ...string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	return all
}

// Reads tells whether an action only tells: it may be repeated, and needs no account of who sent it.
func Reads(action *ami.Message) bool {
	a := Lookup(action.Action())
	return a != nil && (a.Scope == ami.ScopeClusterList || reads[a.Name]) && !calls(action)
}

// Shared tells whether who asks for the same at the same time may have the same answer.
func Shared(action *ami.Message) bool {
	a := Lookup(action.Action())
	return a != nil && a.Scope == ami.ScopeClusterList && !calls(action)
}

// calls tells whether an action evaluates a function, which may do anything: DB_DELETE, LOCK and SHELL do.
func calls(action *ami.Message) bool {
	return bytes.IndexByte(action.Get("Variable"), '(') >= 0 || bytes.IndexByte(action.Get("Variables"), '(') >= 0
}
