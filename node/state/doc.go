// Package state knows what is going on in the whole cluster: the channels and bridges of every node, as the merged stream shows them.
//
// A Store is fed with the stream, in order, and is at each moment exactly what the events so far say. Apply holds the lock while it hands
// the same events on, so that whoever subscribes inside View starts exactly where what it sees ends: that is the consistent cut.
//
// A channel lives from its first event to its Hangup, a bridge from its first event to its BridgeDestroy; what an event says of one that
// has just ended does not bring it back. Each group of headers is the newest word about its channel or bridge. Of several thousand that
// a node has more than maxChannels are counted (Stats.Refused) and not kept.
//
// A node that starts does not see how the channels that there are began. Expect tells where the stream stands then; of each node that had
// said something before, the events are kept until its past has come from another node (Adopt), which may be behind, level or ahead: what
// is in both counts once, and over a hole nothing is adopted. Until then the state is not Whole. Who cannot get a past in time gives up.
//
// The package is pure: the only time is that of the events.
package state
