package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

const (
	recordEvents = 256
	recordBytes  = 64 << 10
	writeBytes   = 256 << 10        // of records in one write
	writePause   = time.Millisecond // between two writes: what comes meanwhile goes together
	retryPause   = time.Second
	spareItems   = 4096 // room for them is kept
)

// file is what a segment is written to.
type file interface {
	io.WriterAt
	io.Closer
}

// create makes a new segment file. The directory may have been deleted.
func create(path string) (file, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
}

// writer is the state of the goroutine that writes; nobody else touches it.
type writer struct {
	spare   []item
	buf     []byte
	frame   wire.Frame
	seg     *segment // nil before the first event
	file    file     // nil until the segment exists
	next    mark     // that would continue the segment
	at      int64    // bytes of the segment that are written
	failing bool     // and that has been told
	budget  int64    // less than configured on a smaller disk
}

// giveUp drops the oldest event that waits for the disk. It needs j.mu.
func (j *File) giveUp() {
	j.queuedBytes -= cost(j.queue[0].entry)
	j.queue[0] = item{}
	j.queue = j.queue[1:]
	j.stats.HoleEvents++
	if !j.overflowing {
		j.overflowing = true
		j.stats.Holes++
		j.cfg.Log.Error("the disk does not take the journal's events in time: the oldest that wait for it are given up; the node goes on from memory",
			"dir", j.cfg.Dir, "waiting_bytes", j.queuedBytes)
	}
}

// run writes until Close. The first event after a silence is written at once.
func (j *File) run() {
	defer close(j.done)
	defer j.closeSegment()
	for open := true; open; {
		select {
		case <-j.wake:
		case <-j.closing:
			open = false
		}
		if !j.write(j.take()) || !open {
			return
		}
		select {
		case <-time.After(writePause):
		case <-j.closing:
		}
	}
}

// take empties the queue.
func (j *File) take() []item {
	w := &j.writer
	j.mu.Lock()
	defer j.mu.Unlock()
	got := j.queue
	j.queue, j.queuedBytes, j.overflowing = w.spare, 0, false
	w.spare = nil
	j.stats.FileQueued = len(got)
	return got
}

// write writes the items. It is false if that is impossible and the journal is being closed.
func (j *File) write(items []item) bool {
	w := &j.writer
	for rest := items; len(rest) > 0; {
		if w.seg == nil || rest[0].mark != w.next || w.at >= segmentSize {
			j.begin(rest[0].mark)
		}
		n := w.fill(rest, j.cfg.Site, j.cfg.Node)
		if !j.flush(n) {
			return false
		}
		rest = rest[n:]
	}
	clear(items)
	if cap(items) <= spareItems {
		w.spare = items[:0]
	}
	return true
}

// begin ends the current segment; the one that begins with event m exists once it is written to.
func (j *File) begin(m mark) {
	w := &j.writer
	if w.seg != nil && m.epoch == w.next.epoch && m.seq > w.next.seq {
		j.cfg.Log.Warn("the journal on disk has a hole", "epoch", m.epoch, "from", w.next.seq, "to", m.seq-1)
	}
	j.closeSegment()
	w.seg = &segment{path: filepath.Join(j.cfg.Dir, fmt.Sprintf(segmentName, m.epoch, m.seq)), epoch: m.epoch, first: m.seq}
	w.next, w.at = m, 0
}

func (j *File) closeSegment() {
	w := &j.writer
	if w.file == nil {
		return
	}
	if err := w.file.Close(); err != nil {
		j.cfg.Log.Warn("closing a part of the journal failed", "file", w.seg.path, "err", cause(err))
	}
	w.file = nil
}

// fill puts the records of the first items, those that continue the segment, into buf, and returns how many these are.
func (w *writer) fill(items []item, site, node string) (n int) {
	w.buf = w.buf[:0]
	if w.at == 0 {
		w.buf = append(w.buf, magic...)
	}
	f := &w.frame
	for next := w.next; n < len(items) && items[n].mark == next && len(w.buf) < writeBytes; {
		*f = wire.Frame{Site: site, Node: node, Epoch: next.epoch, First: next.seq, Entries: f.Entries[:0]}
		for bytes := 0; n < len(items) && items[n].mark == next && len(f.Entries) < recordEvents && bytes < recordBytes; n++ {
			f.Entries = append(f.Entries, items[n].entry)
			bytes += len(items[n].entry.Raw())
			next.seq++
		}
		w.buf = appendRecord(w.buf, f)
	}
	clear(f.Entries)
	return n
}

// flush writes buf, n events, and tries again until it has worked; then it is true. A partial write is written over.
func (j *File) flush(n int) bool {
	w := &j.writer
	for {
		err := j.put()
		if err == nil {
			break
		}
		j.mu.Lock()
		j.stats.WriteErrors++
		j.mu.Unlock()
		if noSpace(err) && j.makeRoom() {
			continue
		}
		if !w.failing {
			w.failing = true
			j.cfg.Log.Error("the journal cannot be written; the node goes on from memory and tries again; make room or repair the disk",
				"file", w.seg.path, "err", cause(err))
		}
		select {
		case <-time.After(retryPause):
		case <-j.closing:
			j.cfg.Log.Error("the journal's last events are not on disk", "file", w.seg.path, "events", j.Stats().FileQueued, "err", cause(err))
			return false
		}
	}
	if w.failing {
		w.failing = false
		j.cfg.Log.Info("the journal is written again", "dir", j.cfg.Dir)
	}
	w.next.seq += uint64(n)
	w.at += int64(len(w.buf))
	j.mu.Lock()
	w.seg.size, w.seg.disk = w.at, w.at
	j.stats.FileWritten += uint64(n)
	j.stats.FileQueued -= n
	j.mu.Unlock()
	j.trim()
	return true
}

// put makes one attempt.
func (j *File) put() error {
	w := &j.writer
	if w.file == nil {
		f, err := j.create(w.seg.path)
		if err != nil {
			return err
		}
		w.file = f
		j.mu.Lock()
		j.segments = append(j.segments, w.seg)
		j.mu.Unlock()
	}
	_, err := w.file.WriteAt(w.buf, w.at)
	return err
}

func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// makeRoom drops the oldest segment, and stays below what the disk had room for: others need some too, the node's next start first.
func (j *File) makeRoom() bool {
	used := j.Stats().FileBytes
	if !j.dropOldest() {
		return false
	}
	j.writer.budget = min(j.writer.budget, max(used-segmentSize, segmentSize))
	j.cfg.Log.Warn("no room on the journal's disk: it keeps less until the next start", "dir", j.cfg.Dir, "bytes", j.writer.budget)
	return true
}

// trim keeps the budget.
func (j *File) trim() {
	for {
		s := j.Stats()
		if s.FileBytes <= j.writer.budget && s.FileSegments <= maxSegments || !j.dropOldest() {
			return
		}
	}
}

// dropOldest deletes the oldest segment, if it is not the current one.
func (j *File) dropOldest() bool {
	j.mu.Lock()
	if len(j.segments) == 0 || j.segments[0] == j.writer.seg {
		j.mu.Unlock()
		return false
	}
	s := j.segments[0]
	j.segments = append(j.segments[:0:0], j.segments[1:]...)
	j.stats.FileFellOut += uint64(s.disk)
	j.mu.Unlock()
	if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		j.cfg.Log.Warn("an old part of the journal cannot be deleted", "file", s.path, "err", cause(err))
	}
	return true
}
