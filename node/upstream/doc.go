// Package upstream is a node's connection to its own Asterisk.
//
// Events and actions never share a connection. The event connection carries login, start-up queries, Ping and nothing else. One
// goroutine reads it and calls Config.Event for each event, in the order of the Asterisk; it waits for nothing but the socket and
// that callback. Actions use a pool of connections with events switched off and one request in flight each, so a synchronous
// Originate or a long Command delays nobody else.
//
// Each process of an Asterisk gets a mark, a global variable: a nonce, set by the first node that finds none there. Another mark is
// another process, and two nodes that find the same one have the same Asterisk. It is read at each login, on a connection of its own; the
// events do not wait for it.
//
// What is left out of the stream is only what our own presence causes: the FullyBooted that answers our own Login, the VarSet of the
// mark, and security events about our own sockets. Where an address translation stands between the node and its Asterisk the latter cannot be
// told from others, and are passed on.
//
// Events may come before Link(true): that waits for the answers of the start-up queries, the events do not.
//
// ActionIDs are rewritten on the way to the Asterisk and restored in every message of the answer, so clients cannot collide. The
// ones of Originate and UserEvent are not, since they show in events that everybody sees.
//
// An action runs at most once: nothing is ever sent twice. An error of Do with the method NotExecuted() bool that returns true says
// that the Asterisk did not get the action; any other error leaves open what happened. Losing the event connection refuses new
// actions at once; one that is in flight on a connection of its own still gets its answer, or an error when that ends too.
//
// A connection that timed out, broke off or answered something else than it was asked is closed and replaced, never reused.
package upstream
