// Package forward runs actions on the source of the node they are for, and brings the answer back to the asker alone. Which node that is
// has been decided before (node/actions).
//
// The header SystemName only routes: it is taken out, but in a UserEvent, where it is data. An action travels at most one hop: what comes
// from the bus always runs on the own source.
//
// Every action is run at most once and gets one answer. Where that is an error of ours it is "Response: Error" with the asker's
// ActionID, and, if an attempt was made, with a last header "Outcome: not executed" or "Outcome: unknown", whichever is true.
//
// An answer that breaks off in the middle of a list cannot be mended: Do returns ErrBroken, and the asker's session must be closed, so
// that a part never looks like the whole. A list of less than bus.MaxChunk is sent in one piece or not at all.
//
// Rights are checked before an action gets here.
package forward
