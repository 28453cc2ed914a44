package ami

import (
	"cmp"
	"slices"
)

//go:generate go run ./internal/gen ../../testdata/ami/actions.json actions_gen.go

// Scope says where in a cluster an action runs.
type Scope string

// The scopes.
const (
	ScopeSession       Scope = "session"                // about the connection itself: answered by the node it is on
	ScopeChannel       Scope = "channel"                // where the channel lives
	ScopeChannelOrNode Scope = "channel-or-node"        // with a channel: where it lives; without: one node
	ScopeBridge        Scope = "bridge"                 // where the bridge lives
	ScopeOriginate     Scope = "originate"              // makes something: one chosen node
	ScopeNode          Scope = "node"                   // about exactly one Asterisk
	ScopeClusterList   Scope = "cluster-list"           // every node, answered as one list
	ScopeOwnerLookup   Scope = "owner-lookup"           // where a named thing lives, to be found first
	ScopeBroadcastSafe Scope = "cluster-broadcast-safe" // one node, and may be sent to all
	ScopeLocalPublish  Scope = "local-publish"          // one node; the event it raises reaches all
)

// Action is what is known of an action of Asterisk.
type Action struct {
	Name     string // as Asterisk spells it
	Synopsis string
	Class    Class // a user may run it who has any of these (ami/behaviour.md 3.7); ClassNone: everybody who is logged in
	Scope    Scope
	Only12   bool   // gone in 22
	Complete string // the event that ends its answer where that is a list; "" if it never is
}

// LookupAction returns the action of that name, compared without case (ami/behaviour.md 3.6).
func LookupAction(name string) (Action, bool) {
	i, ok := slices.BinarySearchFunc(actions, name, func(a Action, name string) int { return compareFold(a.Name, name) })
	if !ok {
		return Action{}, false
	}
	return actions[i], true
}

// Actions returns all actions, sorted by name without case, as ListCommands does (ami/behaviour.md 4.11). Those of 12 alone are
// among them.
func Actions() []Action { return slices.Clone(actions) }

// compareFold orders ASCII without case.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}
