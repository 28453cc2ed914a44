// Package bus is the contract of what carries messages between nodes, and the one place where subjects are built.
//
// A Bus only carries. It knows nothing of events, marks or members: order across nodes, repair of losses and duplicates are
// the business of bus/merge. What it promises is little, and bus/bustest holds every implementation to it:
//
//   - Messages of one Bus to one subscription arrive in the order they were published, each at most once.
//   - A message may be lost: a cut, a slow subscription, a full queue. The loss is counted where it can be known.
//   - A Bus never hears itself: neither Publish nor Request reaches the same Bus value.
//   - Handlers of one subscription run one at a time, in a goroutine of their own, and own the bytes they are given.
package bus
