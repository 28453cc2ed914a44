// Package engine is the built-in call engine: a PBX without media, for a node without an Asterisk.
//
// internal/pbx is its core, one pure state machine: channels, dialplan threads, dialing, bridges, transfers, parking. Time, randomness and
// I/O come in; its doc.go says how it runs and what it promises. An Engine drives it: one goroutine owns the PBX, gives it the clock and
// what it is asked (at most maxBatch requests a step; a caller waits while queueLen others do), renders what it says, and publishes that on
// one topic, in one order.
//
// # How the parts fit
//
//	action ─ ask ─▶ Engine.Run ─ Step(now, inputs) ─▶ pbx.PBX ─▶ []Output ─▶ translator.Writer ─▶ Events (bus/stasis)
//	             ◀─ Reply ────────────────────────────────────┘
//
// An Output is an event made of parts (groups and headers, package translator), with the pair of snapshots it came from if it is about a
// channel's change; or the Reply to the input of an id. Every input with an id gets exactly one, an Originate that is not asynchronous when
// the call was answered or failed. What only asks is looked up between two steps (pbx: query.go).
//
// # Around it
//
// internal/dialplan is the language of extensions.conf, and internal/plan what the PBX sees of it; a reload puts another one in its place.
// internal/manager answers the AMI actions, internal/conffile keeps the files that some of them read and write. internal/load makes calls that
// nobody asks for. docs/engine.md tells users what there is.
//
// # Not built yet
//
// CDR, CEL, presence; queues, conferences and voicemail.
package engine
