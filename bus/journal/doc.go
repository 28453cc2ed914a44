// Package journal keeps recent events, so that a node can give them again to one who missed them.
//
// The memory journal is bounded by bytes: one budget for the node's own events, one for those of all its peers together. What
// falls out is the oldest; it is counted, and a replay that asks for it gets less than it asked for, which the asker sees by
// the first seq it is given.
package journal
