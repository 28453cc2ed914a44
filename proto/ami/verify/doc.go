// Package verify is the ordering rules of Asterisk's events (ami/ordering.md) as a checker: it takes the messages of one AMI connection,
// one after the other, and reports each break of a rule with the number of the rule, a line that explains it, and the events involved.
// It is pure: no I/O, no clock, no goroutine.
//
// A violation is a contradiction within the stream. A stream without one may still miss events whose absence breaks no rule: a VarSet, or
// what stands alone. The connection should see all classes (read = all) and no event filter should hide anything; what is hidden may look
// missing.
//
// # Rules of the checker itself
//
//   - Everything is keyed by (SystemName, id): the same id on two nodes is two things (rule 53), and events of different nodes have no
//     order. So it holds for a single Asterisk and for the merged stream of a cluster.
//   - What began before the checker is ignored (rule 54): a channel counts from its Newchannel, a bridge from its BridgeCreate. An id that
//     is seen first and begins later breaks a rule. So does one that Asterisk numbered after three others that were seen to begin.
//   - FullyBooted and Shutdown of a node, Gap, Discontinuity, and NodeState but for "dropped" and "returned" make the node one of which
//     nothing is known: events may be missing, or the process is another one. (A node that was dropped loses nothing; a hole has its Gap.)
//   - Synthetic: yes, as amibus makes events up (architecture §7): a Synthetic Newchannel may be the first event of a channel, or follow a
//     Synthetic Hangup; a Synthetic BridgeCreate likewise. What rules 16, 17, 19, 20, 24, 37, 38, 42 and 43 want before an event may have been
//     said unheard of a channel whose Newchannel is Synthetic.
//   - SnapshotComplete, which amibus sends behind the state that a Login asked for, ends a list that nothing began.
//   - The known exceptions of each rule are in the rule. Where ordering.md says that an order is not kept, it is not checked.
//   - Memory is bounded by Limits: ended channels and bridges are forgotten oldest first; a node with too many live ones is forgotten as a
//     whole, which Stats.Forgotten counts. Of one channel at most 32 digits, handlers, queues and names are kept, of a connection 4,096
//     unanswered actions and 1,024 ActionIDs. The time an event takes does not depend on what was before.
//
// # Rules that are not checked
//
//	6   Hangup may be late: there is no bound to hold it to.
//	8   Changes may be folded into one: a tolerance, not a rule.
//	12  Internal channels never appear: what never appears cannot be told from what is not there. Rule 30 allows for it.
//	33  Invisible bridges publish nothing: as 12.
//	41  ParkedCall before BridgeEnter: Asterisk does not promise it.
//	53  (the key, see above)
//	54  (the tolerance, see above)
//
// # Rules of which a part is checked
//
//	5   that each channel has a Hangup, and 26, 38, 42, 44, 47, 51 that what begins ends, only by End at rest.
//	7   over Newchannel and Newstate; other events carry snapshots of other moments.
//	9   that a Newexten without a change of place has another application or something else of the channel before it: the emptying of the
//	    application in between gives no event of its own.
//	15  not that DTMFEnd comes before Hangup: a channel may be hung up in between. Not that DurationMs is 0 without a DTMFBegin: drivers differ.
//	16  as weakly as it is meant. The transferer of a blind transfer gets an Unhold without a Hold (measured): it is judged when the channel
//	    leaves its bridge.
//	18  where there is a caller, or the destination was answered: an Originate that is not answered in time ends with Hangup and without
//	    DialEnd (measured), and what ARI dials may.
//	22  24 where the last Newexten of the caller says Dial.
//	30  that the number is not below what is visible, and in a basic bridge that the difference does not grow.
//	32  that there is no BridgeUpdate; the technology may change at any time.
//	34  not which Leave and Enter a BridgeMerge causes.
//	35  the Result; that a transfer took place shows in no other event.
//	36  37 the pairs that ordering.md names; the others have no order.
//	39  LocalOptimizeAway excuses it only where the checker is told of the action: one of another connection cannot be seen.
//	45  46 50 as far as the answers were seen; an answer is known by its ActionID. PeerEntry has none (measured).
//	47  51 only with the actions (Sent). 51, that there is but one, of an id chosen by ChannelId only while it has had one channel.
//	48  not that FullyBooted follows the Login: the user may not see it, or the system may not be up.
//	52  by EventID where there is one: it grows by node. By Timestamp where there is one: it does not fall within the main stream (a clock
//	    that is set back shows as a violation), and no two events in a row are the same to the last byte.
package verify
