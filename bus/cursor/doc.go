// Package cursor lets a reader leave the stream at one node and go on at another, or at the same one later.
//
// A Vector is where a reader stands: for each node of the cluster the last event he has had. It is the same at every node, whatever
// that node emitted first, so a reader may carry it from one to the next. A Replay reads from a Vector on and ends in a live
// subscription, without a hole or a duplicate between the two.
//
// # Replay
//
// A Replay goes in rounds. Each asks where the node stands now, fetches what the reader lacks up to there, and gives it merged by key,
// each node's events in their own order. While it is given the stream goes on, so the next round is shorter, unless the reader is
// slower than the stream. When little is left the reader is subscribed at the very moment the positions are taken, and gets the rest
// before the first live event. What is held in memory is one answer of Fetch for each node, however much the reader lacks.
//
//   - A node that the Vector does not name starts at the first event of its current incarnation.
//   - Nothing is fetched of nodes that the reader does not want (Config.Within).
//   - Older incarnations are finished first, as far as anybody knows where they ended.
//   - What nobody reachable holds any more is given as a gap (merge.Event.Missing). If not even the end of an incarnation is known, the
//     gap is Open.
//   - A node of which the reader has had more than this one has (Batch.Ahead) must be skipped in the live stream up to there; see Trim.
package cursor
