// Package owner knows which node has which channel and which bridge. It is a pure data structure: time comes in, nothing is read,
// started or sent.
//
// # Feeding
//
// Add takes the events of all nodes in the order of their arrival, each node's in its own order, before any session sees them: who acts
// on what he has seen finds its owner here. A channel is known from its Newchannel on, by its id and by its name (Rename changes that);
// a bridge from its BridgeCreate on. What a node says of a channel or bridge that was never heard of before counts as well, since this
// node may have joined later, unless the event is of a kind that may come behind the last one of its channel (ami/ordering.md 4, 26). The
// body of a UserEvent is data and never looked at. After Hangup and BridgeDestroy a record is kept for Config.Keep.
//
// # Asking
//
// Channel and Bridge tell all nodes that would take a key for one of theirs: a channel's name or an id, in letters of any case, as
// Asterisk does (ami/behaviour.md 16.1), the id as it is served or as the node's own Asterisk has it. More than one node is an ambiguity,
// which the caller decides. Those that live go before those that have ended, nodes in view before those that are lost.
//
// A key that nobody knows is asked for elsewhere by the caller; if nobody there has it, AbsentChannel keeps that in mind until a channel
// of that key comes, or a node, at most for Config.Keep.
//
// # Concurrency and bounds
//
// Channel and Bridge may be called from any goroutine; they take no lock, so they wait for nobody and nobody waits for them. They see a
// change once the call that made it has returned. The other methods exclude each other, for moments only.
//
// There are at most Config.Max records. Beyond it those that ended longest ago are evicted; when none is left, new ones are refused and
// counted, and are asked for elsewhere.
package owner
