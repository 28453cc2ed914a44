// Package pbx is the call engine's core: channels, dialplan threads, dialing, bridges, transfers, parking. No media.
//
// A PBX is one pure state machine. Step takes the time and what happened, and returns what is to be said: events in order, answers, and
// when it wants to be called again. Time, randomness (a seed) and I/O come in; one goroutine owns it. The same seed and the same inputs
// give the same events, byte for byte.
//
// # How it runs
//
// Where Asterisk has threads, this has tasks. A task runs until it has to wait: it leaves a reader on its channel, and perhaps a timer,
// and returns. Frames (answer, ringing, digits, hangup …) are queued on a channel and handed to its reader in the order in which they
// came; what is due runs first come, first served, which stands for the threads of Asterisk that run at the same time. A dialplan that
// never waits is made to: after maxSteps priorities at one instant it sleeps for pauseFor.
//
// # What it promises
//
// The order of events is that of ami/ordering.md. A channel says Newchannel first and Hangup last, leaves its bridge before it ends, and
// every
// DialBegin gets its DialEnd, but for an Originate that times out, where Asterisk says none. capture_test.go re-enacts recordings of a
// real Asterisk, and compares. Queues are bounded: a channel that nobody reads drops frames beyond maxFrames, counted in Stats.
package pbx
