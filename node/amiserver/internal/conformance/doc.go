// Package conformance writes docs/ami-conformance.md: every item of testdata/ami/behaviour.md and every point of clients.md, what amibus
// makes of it, and the tests that show it. It knows that from directives in the doc comments of the tests of the whole module:
//
//	//ami:same 5.6 5.7               as Asterisk 22.10.1 does
//	//ami:differs 2.6 the reason     on purpose not as Asterisk does
//	//ami:na 16.15 the reason        nothing that a client could see amibus do
//	//ami:client 3 4                 points of clients.md
//
// Nothing in the document is written by hand, and whatever is left out or contradicts itself is a Problem. The files stay what they are
// here: an item is shown when a test says so, not when somebody remembers.
package conformance

//go:generate go run ./gen ../../../..
