// Package forward runs actions on the source of the node they are for, and brings the answer back to the asker alone. Which node that is
// has been decided before (node/actions).
//
// The header SystemName only routes: it is taken out, but in a UserEvent, where it is data. An action travels at most one hop: what comes
// from the bus always runs on the own source.
//
// Every action is run at most once and gets one answer. Where that is an error of ours it is "Response: Error" with the asker's
// ActionID, and, if an attempt was made, with a last header "Outcome: not executed" or "Outcome: unknown", whichever is true.
//
// The owner remembers what it ran for other nodes, by (site, node, epoch, session, counter), a minute long. An asker who has lost an answer before
// he saw any of it sends the action again, once, and gets the first time's answer; who cannot know whether an action has run says "unknown".
// At most maxCalls actions of a node are under way to another one, and they end the moment that one is gone.
//
// Identical lists asked for at the same time share a request to the source, but only one that had not been sent when they were asked for;
// "Fresh: yes" asks for one's own.
//
// An answer that breaks off in the middle of a list cannot be mended: Do returns ErrBroken, and the asker's session must be closed, so
// that a part never looks like the whole. A list of less than bus.MaxChunk is sent in one piece or not at all.
//
// Rights are checked before an action gets here.
package forward
