// Package reconcile makes true again what listeners believe of an Asterisk that nobody has listened to for a while. It is pure: texts in,
// texts out.
//
// # What is believed
//
// A View is fed with the events that were published, as they are served, and has what they say: channels, bridges and who is in them, dials
// under way, and as far as events have shown them parked calls, callers in queues, conferences, and Local channels being optimized away.
//
// # What is so
//
// Lists are what the Asterisk answers to CoreShowChannels and BridgeList once it is being listened to again. What it says meanwhile is held. A
// list is as of some moment between the first held event and the last one, so it is the word about everything that no held event is about;
// of the rest the first held event tells how it was before: who has a Newchannel there was not, who has a BridgeLeave was in that bridge.
// That is why no held event has to be undone or left out, and nobody needs to know how many of them a list has in it already. All that is asked
// of the caller is that the last event before the list has been read: the fence of node/upstream.
//
// # What is made up
//
// Plan returns the events that lead from the one to the other, in an order that breaks no rule (proto/ami/verify), "Synthetic: yes" as the last
// line: what has ended first (DialEnd, LocalOptimizationEnd, ParkedCallGiveUp, QueueCallerLeave, ConfbridgeLeave and End, BridgeLeave and
// Destroy, Hangup with cause 0), then what has changed (Newstate before all, Rename), then what is new (Newchannel, BridgeCreate, BridgeEnter).
// Nothing else is made up: a dial, a wait in a queue or a conference that has begun unheard shows when it ends.
//
// A list cannot say everything: whether somebody still waits in a queue is taken from the application that his channel runs; a dial whose
// destination is up or in a bridge was answered.
package reconcile
