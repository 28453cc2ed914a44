// Package engine is the built-in call engine: a PBX without media, for a node without an Asterisk.
//
// internal/pbx is its core, one pure state machine: channels, dialplan threads, dialing, bridges, transfers, parking. Time, randomness and
// I/O come in; see its doc.go. This package is to become its driver: a goroutine that owns the PBX, feeds it actions and the clock,
// publishes what it says on the topics of bus/stasis, and answers the actions of AMI clients.
package engine
