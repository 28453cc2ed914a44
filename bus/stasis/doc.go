// Package stasis is the local message bus of one node, after Asterisk's Stasis.
//
// # Messages
//
// A message is immutable once published. T is anything; a package with many kinds of messages makes T one interface with a Kind
// method, its messages pointers to structs: a queue then holds two words a message, and Router tells them apart by Kind.
//
// # Topics, forwards, order
//
// A topic delivers in the goroutine of the publisher, under the topic's lock, so all subscriptions see the messages of one topic in one
// order, and a subscription sees them one at a time. Between topics only causality counts: who publishes on one topic and then on
// another is seen to do so in that order by every subscription that both reach. Two who publish on two topics at the same moment may
// be seen in either order, also by two subscriptions of one topic.
//
// A forward from A to B gives A the subscriptions of B, those of now and those to come, and those that B has by forwards of its own.
// Nothing is relayed: no queue and no goroutine lies between, which is why causality survives. A subscription gets a message once,
// however many ways lead to it (in Asterisk once for each way); a circle of forwards is harmless, a topic forwarded to itself nothing.
// Publish calls that begin after Forward, Cancel or Delete see the change; those under way may or may not. Names are for people, and
// go down by slashes: a Pool calls its topics parent/child.
//
// # Queues
//
// Every subscription has a bounded queue of its own. One whose queue is full is closed and told so by ErrOverflow: a publisher
// never waits for a subscriber, and a subscriber never misses a message without knowing it. A selective subscription is asked before a
// message enters its queue.
//
// What has been taken counts as handled when its consumer comes back for more; PublishSync and Join wait for that.
//
// # Ends
//
// Close is the consumer's: at once, what is queued is dropped. Unsubscribe is anybody's: what is queued is still delivered, and where the
// topic announces its subscriptions, an Unsubscribed message is the last thing that the subscription gets, behind all else, whatever it
// selects.
//
// # Locks
//
// What runs in the publisher's goroutine (Handle, Announce) must neither block, nor publish on a topic (or Subscribe or Unsubscribe there)
// whose messages may lead back to it, nor publish in a cache whose update is going out. Forward, Cancel, Stats and reading a Cache are free,
// and so is Close where nothing is announced. The functions that Select, NewRouter and CacheConfig get look at what they are given and
// use nothing of this package. A consumer may do anything but wait for itself.
package stasis
