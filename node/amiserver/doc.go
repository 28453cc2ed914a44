// Package amiserver is the manager interface that clients speak to: what a client sees is Asterisk 22 (ami/behaviour.md), except where
// Asterisk's own behaviour is a bug or would hurt others, and there the code says so.
//
// A Server accepts connections, each of which is a session. The session answers what is about itself (Login, Logoff, Challenge, Ping,
// Events, Filter, WaitEvent, ListCommands, and the actions that no Asterisk has: EventCursor, ClusterNodes, ClusterOwner, ClusterReload), checks the
// rights for everything else, those that Asterisk checks inside an action too, and hands it to the Backend, which is the rest of the node.
//
// Any other action about the session is unknown here rather than forwarded: it would act on the session that the node has at its Asterisk.
//
// # One writer
//
// Of a session's two goroutines one reads: it decodes actions and hands them over one at a time, so that a client who sends faster
// than its actions run is slowed down by TCP. The other one, the session proper, runs them and is the only one that writes, which is
// why there is no lock:
//
//   - an answer and its list are contiguous, however long they are (ami/behaviour.md 4.8): they are collected, and from streamAt bytes
//     on passed through while events wait;
//   - while an action runs events wait, so an answer comes before the events that the action causes (ami/ordering.md 45); but after
//     patience they flow again, and a synchronous Originate starves nobody;
//   - between answers events are written in chunks, with a look at the next action after each, so Ping works under load;
//   - the mask is looked at when an event is written, so nothing follows the answer to "Events: off".
//
// # HTTP
//
// A session over HTTP (ServeHTTP) is the same session with another sink: the page of the request whose turn it is. Requests of a session take
// turns, and WaitEvent gives its turn up while it waits. Events come by WaitEvent only, so a session that does not ask for them in time overflows
// and ends. Sessions end when nobody asks for anything for httptimeout, guests after 5 s; there are at most authlimit guests, of whom the
// one idle for longest makes room, and maxWebUsers others. Pages are at most maxAnswer bytes.
//
// # Queues
//
// A logged-in session has a subscription of QueueLen events. A client is cut, logged and counted when that overflows (Stats.Overflows)
// or when its socket takes nothing for the user's writetimeout, or too little (Stats.Slow); nobody else waits for it. Each event is written
// from the bytes all sessions share.
//
// A session that resumes (ResumeFrom) has no subscription at first: a goroutine of its own fetches what the client missed, some hundred
// events ahead of the writer and no further (bus/cursor), so however much that is and however slowly it is read, nobody else notices.
package amiserver
