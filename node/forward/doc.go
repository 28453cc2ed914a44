// Package forward decides which node's source runs an action, and brings the answer back to the asker alone.
//
// An action with "SystemName: X" runs on the source of node X, where X is the name of a node ("site/name" where sites share one) or
// the systemname of its Asterisk; without it, on the source of the node it was given to. In a UserEvent SystemName is data. An
// action travels at most one hop: what comes from the bus always runs on the own source.
//
// Every action is run at most once and gets one answer. Where that is an error of ours it is "Response: Error" with the asker's
// ActionID, and, if an attempt was made, with a last header "Outcome: not executed" or "Outcome: unknown", whichever is true.
//
// An answer that breaks off in the middle of a list cannot be mended: Do returns ErrBroken, and the asker's session must be closed, so
// that a part never looks like the whole. A list of less than bus.MaxChunk is sent in one piece or not at all.
//
// Rights are checked before an action gets here.
package forward
