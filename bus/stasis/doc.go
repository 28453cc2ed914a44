// Package stasis is the local message bus of one node, after Asterisk's Stasis.
//
// A message is immutable once published. A topic delivers in the goroutine of the publisher, under the topic's lock, so all
// subscriptions of a topic see its messages in one order, and a subscription sees them one at a time. Nothing is promised
// between topics.
//
// Every subscription has a bounded queue of its own. One whose queue is full is closed and told so by ErrOverflow: a publisher
// never waits for a subscriber, and a subscriber never misses a message without knowing it.
package stasis
