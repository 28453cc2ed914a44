// Package member knows who is there: it gossips an amibuspb.Member per node, and is the only importer of memberlist.
//
// The list is for finding routes and for showing; the order of events never depends on it, for memberlist notices a death
// later than the bus does (bus.md 5). A node that was declared dead is not forgotten: as long as anybody known is missing, all
// known addresses are joined again every Config.Rejoin, names resolved anew each time. Without that, a partition of more
// than 30 s would never heal, because memberlist stops gossiping to the dead.
//
// Changed is called from a goroutine of its own, with the newest state only: calls are not one per change.
package member
