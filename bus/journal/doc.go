// Package journal keeps recent events, so that a node can give them again to one who missed them.
//
// Memory is bounded by bytes: one budget for the node's own events, one for those of all its peers together. What falls out is the
// oldest; it is counted, and a replay that asks for it gets less than it asked for, which the asker sees by the first seq it is given.
//
// File is Memory, and keeps the node's own events on disk too, so that they survive the death of the process (not of the power:
// nothing is synced). One goroutine writes; an Append never waits for it. What the disk does not take in time waits in a bounded queue;
// when that is full the oldest in it are given up: a hole on disk, which is logged, counted, and never hidden by a replay. The node goes
// on from memory whatever the disk does, and the file journal goes on when the disk does.
//
// On disk are segments, each a run of consecutive events of one incarnation, in records with a checksum (segment.go). Nothing is written
// to a segment of an earlier process. Whatever is wrong in a segment ends it there.
package journal
