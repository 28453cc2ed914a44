// Package membus is the bus.Bus in memory: a Net joins any number of them, and can cut, delay and lose between any two. It is
// for tests and simulation: it uses nothing but goroutines, channels and the clock, so it runs under testing/synctest.
//
// The faults are those of a network. A cut loses what is published meanwhile, and breaks off the answers under way; a delay
// keeps the order. Messages are not lost otherwise, except by a subscription whose queue is full (Bus.Dropped).
package membus
