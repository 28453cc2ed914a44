// Package natsbus is the bus.Bus over NATS, and the only importer of NATS.
//
// A node embeds a NATS server: routed to the servers of the other nodes, without JetStream, listening only where it is told
// to (a routed server insists on a listener for clients: if none is configured it is on loopback and lets nobody in). The node itself is a client over an in-process connection. SetRoutes says who the others are; a route to each of them is
// tried for ever, whatever NATS learns by its own gossip. With Config.URLs there is no server and the node is a client of
// others; then nobody knows who listens, so Wanted is always true.
//
// What is lost is counted where it can be known (Stats.Dropped: a subscription whose queue was full). NATS also loses without
// telling the sender: a message that crosses a route to a slow client is gone (bus.md 2). Repair is the business of bus/merge.
//
// # Requests
//
// All replies of a Bus come to one wildcard subscription. The answer to a request is a run of messages on its reply subject,
// with these headers:
//
//	Amibus-Chunk: N      a chunk, numbered from 1; at most window of them beyond what the asker has acknowledged
//	Amibus-Alive: 1      the handler is still at work
//	Amibus-End: N        the answer is complete with N chunks; with Amibus-Error the body is the error's text. It may stand in the last chunk
//
// Chunks and signs of life carry a reply subject of their own: there the asker sends Amibus-Credit: N, the chunks it has
// consumed, or Amibus-Cancel: 1. Nobody has to remember what is over: a chunk for no request is answered by a cancel, and NATS
// itself says "no responders" to one whose asker has gone. The asker takes an owner that is silent for too long, or on whose
// subject nobody listens any more, for gone.
package natsbus
