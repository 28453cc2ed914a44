package journal

import "github.com/amibus/amibus/proto/wire"

// Stream names the events of one incarnation of one node.
type Stream struct {
	Site, Node string
	Epoch      uint64
}

// Journal is a Memory or a File. It is safe for concurrent use.
type Journal interface {
	// Append keeps the entry as event seq of s. It never waits for a disk. Seqs of a stream must ascend; one that is held already, or
	// was, is ignored; one that skips some begins the stream anew, since a replay must not hide a hole.
	Append(s Stream, seq uint64, e wire.Entry)
	// Range calls fn for consecutive events of s: the first one from … to that is still held and those that follow it, until fn returns
	// false. No lock is held while fn runs; it ends early if what would follow has fallen out meanwhile. fn may keep the entries.
	Range(s Stream, from, to uint64, fn func(seq uint64, e wire.Entry) bool)
	// Previous returns the last own event that an earlier process has left here, 0 and 0 if there is none.
	Previous() (epoch, seq uint64)
	// Stats returns a snapshot.
	Stats() Stats
	// Close writes what was appended before. It gives up after a while on a disk that does not take it.
	Close()
}

// Stats of a journal.
type Stats struct {
	OwnBytes, PeerBytes   int
	OwnFellOut, PeersFell uint64 // events that fell out of memory because the budget was used up

	FileBytes    int64
	FileSegments int
	FileQueued   int    // events on their way to the disk
	FileWritten  uint64 // events
	FileFellOut  uint64 // bytes that fell off the disk because the budget, or the disk, was used up
	Holes        uint64 // times events were not written because the queue was full
	HoleEvents   uint64 // events not written
	WriteErrors  uint64
	BadSegments  uint64 // segments in which something could not be read
}
