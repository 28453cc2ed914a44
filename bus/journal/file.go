package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

// Bounds of a File.
const (
	FileBudget  = 256 << 20 // bytes on disk
	segmentSize = 8 << 20   // what falls out at once
	maxSegments = 1024      // of small ones, after many restarts
	queueBytes  = 8 << 20   // of the events waiting for the disk; as many again may be on their way
	closeWait   = 5 * time.Second
)

// FileConfig of a File. Zero budgets are the default ones.
type FileConfig struct {
	Dir                               string // created if need be
	Site, Node                        string
	OwnBudget, PeerBudget, FileBudget int // bytes
	Log                               *slog.Logger
}

// File is a journal in memory and, for the node's own events, on disk.
type File struct {
	cfg       FileConfig
	mem       *Memory
	prev      mark          // as found at the start
	wake      chan struct{} // capacity 1: there is something to write
	closing   chan struct{}
	done      chan struct{} // closed when the writer is gone
	closeOnce sync.Once
	create    func(path string) (file, error) // tests give disks that fail

	mu          sync.Mutex
	segments    []*segment // oldest first
	queue       []item
	queuedBytes int
	overflowing bool // since the writer last took the queue
	last        mark // own event taken last
	stats       Stats
	writer      writer
}

// mark is a position in the node's own events.
type mark struct{ epoch, seq uint64 }

func (m mark) before(o mark) bool { return m.epoch < o.epoch || m.epoch == o.epoch && m.seq < o.seq }

// item is an event on its way to the disk.
type item struct {
	mark
	entry wire.Entry
}

// OpenFile opens the journal in cfg.Dir. The error says what to do.
func OpenFile(cfg FileConfig) (*File, error) {
	set := func(budget *int, v int) {
		if *budget == 0 {
			*budget = v
		}
	}
	set(&cfg.OwnBudget, OwnBudget)
	set(&cfg.PeerBudget, PeerBudget)
	set(&cfg.FileBudget, FileBudget)
	j := &File{cfg: cfg, mem: NewMemory(cfg.Site, cfg.Node, cfg.OwnBudget, cfg.PeerBudget), create: create,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	if err := probe(cfg.Dir); err != nil {
		return nil, fmt.Errorf("the journal's directory %s cannot be written: %w; make it writable, or set bus.journal: memory", cfg.Dir, cause(err))
	}
	var err error
	if j.segments, err = listSegments(cfg.Dir); err != nil {
		return nil, fmt.Errorf("the journal's directory %s cannot be read: %w; make it readable, or set bus.journal: memory", cfg.Dir, cause(err))
	}
	if err := j.findPrevious(); err != nil {
		return nil, err
	}
	j.last = j.prev
	j.writer.budget = int64(cfg.FileBudget)
	go j.run()
	return j, nil
}

// probe tries to write.
func probe(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "probe-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// cause is what the system said, without the path, which our own text gives.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// findPrevious reads the newest segment in which there is anything to its end.
func (j *File) findPrevious() error {
	for i := len(j.segments) - 1; i >= 0 && j.prev.seq == 0; i-- {
		s := j.segments[i]
		err := j.readSegment(*s, 0, func(f *wire.Frame) bool {
			j.prev = mark{s.epoch, f.First + uint64(len(f.Entries)) - 1}
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// otherNode is the error for a data directory that was copied.
type otherNode struct{ dir, theirs, ours string }

func (e otherNode) Error() string {
	return fmt.Sprintf("the journal in %s is that of node %s, and this is %s; give each node a data_dir of its own, or delete that directory", e.dir, e.theirs, e.ours)
}

// readSegment calls fn for every frame that has event from or a later one, until fn returns false. What cannot be read is logged, once,
// and ends the segment; the error is about the whole journal.
func (j *File) readSegment(s segment, from uint64, fn func(f *wire.Frame) bool) error {
	r, err := openSegment(s)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has fallen out meanwhile
	}
	if err != nil {
		j.bad(s, 0, err)
		return nil
	}
	defer r.close()
	for {
		at := r.at
		f := wire.Frame{Site: j.cfg.Site, Node: j.cfg.Node}
		switch err := r.read(from, &f); {
		case err == io.EOF:
			return nil
		case err != nil:
			j.bad(s, at, err)
			return nil
		case f.Site != j.cfg.Site || f.Node != j.cfg.Node:
			return otherNode{j.cfg.Dir, f.Site + "/" + f.Node, j.cfg.Site + "/" + j.cfg.Node}
		case !fn(&f):
			return nil
		}
	}
}

// bad ends the segment where something is wrong.
func (j *File) bad(s segment, at int64, err error) {
	j.mu.Lock()
	told := false
	for _, have := range j.segments {
		if have.path == s.path && have.size > at {
			have.size, told = at, true
			j.stats.BadSegments++
		}
	}
	j.mu.Unlock()
	if told {
		j.cfg.Log.Warn("a part of the journal cannot be used; peers are asked for what is in it", "file", s.path, "err", err)
	}
}

// Previous implements Journal.
func (j *File) Previous() (epoch, seq uint64) { return j.prev.epoch, j.prev.seq }

// Append implements Journal.
func (j *File) Append(s Stream, seq uint64, e wire.Entry) {
	j.mem.Append(s, seq, e)
	if s.Site != j.cfg.Site || s.Node != j.cfg.Node {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	at := mark{s.Epoch, seq}
	if !j.last.before(at) {
		return
	}
	j.last = at
	j.queue = append(j.queue, item{at, e})
	for j.queuedBytes += cost(e); j.queuedBytes > queueBytes; {
		j.giveUp()
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Range implements Journal: what has fallen out of memory comes from the disk.
func (j *File) Range(s Stream, from, to uint64, fn func(seq uint64, e wire.Entry) bool) {
	if s.Site != j.cfg.Site || s.Node != j.cfg.Node {
		j.mem.Range(s, from, to, fn)
		return
	}
	next, begun, stopped := from, false, false
	each := func(seq uint64, e wire.Entry) bool {
		if begun && seq != next || !fn(seq, e) {
			stopped = true
			return false
		}
		next, begun = seq+1, true
		return true
	}
	for before := next; !stopped && next <= to; before = next {
		first, held := j.mem.first(s)
		if held && first <= next {
			j.mem.Range(s, next, to, each)
		} else {
			end := to
			if held {
				end = min(to, first-1)
			}
			j.fileRange(s.Epoch, next, end, each)
			if held && !begun && !stopped {
				j.mem.Range(s, first, to, each)
			}
		}
		if next == before {
			return
		}
	}
}

// fileRange calls each for what is on disk of from … to, holes and all, until it returns false.
func (j *File) fileRange(epoch, from, to uint64, each func(seq uint64, e wire.Entry) bool) {
	j.mu.Lock()
	segments := fromSeq(j.segments, epoch, from)
	j.mu.Unlock()
	more := true
	for _, s := range segments {
		if !more || s.first > to {
			return
		}
		err := j.readSegment(s, from, func(f *wire.Frame) bool {
			for i := range f.Entries {
				if seq := f.First + uint64(i); seq >= from && more {
					more = seq <= to && each(seq, f.Entries[i])
				}
			}
			return more
		})
		if err != nil {
			j.cfg.Log.Warn("a part of the journal cannot be used", "err", err)
			return
		}
	}
}

// Stats implements Journal.
func (j *File) Stats() Stats {
	s := j.mem.Stats()
	j.mu.Lock()
	defer j.mu.Unlock()
	f := j.stats
	f.OwnBytes, f.PeerBytes, f.OwnFellOut, f.PeersFell = s.OwnBytes, s.PeerBytes, s.OwnFellOut, s.PeersFell
	f.FileSegments = len(j.segments)
	f.FileQueued += len(j.queue)
	for _, seg := range j.segments {
		f.FileBytes += seg.disk
	}
	return f
}

// Close implements Journal.
func (j *File) Close() {
	j.closeOnce.Do(func() { close(j.closing) })
	select {
	case <-j.done:
	case <-time.After(closeWait):
		j.cfg.Log.Error("the disk does not take the journal's last events; they are not on disk", "dir", j.cfg.Dir, "events", j.Stats().FileQueued)
	}
}
