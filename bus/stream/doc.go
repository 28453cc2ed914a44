// Package stream is one node's part in the merged stream: it drives the pure protocol of bus/merge with a clock, a bus and a
// journal.
//
// Everything goes through one lock, in which own events are stamped, frames are taken in and events are emitted; that is what
// gives the node its one manager stream. Nothing in the lock waits: outgoing messages pass through a bounded outbox to one
// goroutine that alone talks to the bus. A frame the outbox has no room for is dropped and counted; the others see the hole and
// fetch it from the journal.
package stream
