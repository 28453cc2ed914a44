// Package member knows who is there: it gossips an amibuspb.Member per node, and is the only importer of memberlist.
//
// The list is for finding routes and for showing; the order of events never depends on it, for memberlist notices a death
// later than the bus does (bus.md 5). A node that was declared dead is not forgotten: as long as anybody known is missing, all
// known addresses are joined again every Config.Rejoin, names resolved anew each time. Without that, a partition of more
// than 30 s would never heal, because memberlist stops gossiping to the dead.
//
// The way to a node that died is kept for Config.Grace: the bus goes on trying it, and is faster than memberlist when a partition heals. One
// that says that it leaves is forgotten at once.
//
// A name belongs to the node that had it first. Claim waits for another one of that name to go, and fails if it stays; until it has
// returned nil a node must do nothing under its name.
//
// Changed is called from a goroutine of its own, with the newest state only: calls are not one per change.
package member
