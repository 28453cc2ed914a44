// Package merge is the protocol that makes one ordered stream of the streams of all nodes, as one pure state machine: time
// and messages go into Step, decisions come out. It does no I/O, reads no clock and starts nothing; bus/stream drives it.
//
// # Algorithm
//
// Every node stamps its own events with a hybrid clock and a dense seq and sends them in frames. A frame carries a mark W:
// "every event of this (node, epoch) that is not in this or an earlier frame is above W". It is believed once everything up to
// it has arrived. The machine emits the smallest queued event as soon as every node it waits for (the wait set) has an event
// queued or a mark at or above it. Then no event that is still to come can be smaller, so what is emitted is the sorted
// sequence of all events: the same at every node with the same wait set.
//
// # Invariants
//
//  1. Events of one (node, epoch) are emitted in the order of their seq, each at most once. Epochs of a node do not interleave.
//  2. An event that is not emitted although it exists lies in a gap that was emitted, exactly once, in its place.
//  3. Events not flagged late are emitted in ascending key order.
//  4. An awaited node that blocks an event for longer than Hold since the event's arrival leaves the wait set. An event behind a hole
//     has not arrived.
//  5. No event of the own node is stamped at or below a mark it has sent, nor at or below a floor it was told in a join.
//
// # Joining
//
// A new incarnation asks everybody (Join) and stamps its first event above all floors it is told; who is asked waits for the
// joiner from then on. It adopts the positions of one settled answer, so that its stream continues where that one stands.
//
// # Clocks and rest
//
// The clock of the events follows the wall clock, but never in a jump, and is led to that of the other nodes when it differs by more
// than half a second (docs/adr/0005). A node for which nothing happens sends marks seldom and says so (rest.go); an event wakes all.
//
// # Losses
//
// A hole is filled by asking the origin, then the peers that said (Seen) they have it. Whoever is silent for two thirds of Hold
// makes everybody say what they have seen of it, so that the survivors of a crash end up with the same events. A Seen also tells
// where the last closed incarnations ended: who heard nobody meanwhile fetches what it missed of them, or declares it.
package merge
