package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/amibus/amibus/proto/wire"
)

// A segment file is magic, then records. A record is a head and a wire.Frame of consecutive events. All numbers are little-endian:
//
//	0  checksum (CRC-32C) of all that follows    8  number of events
//	4  length of the frame                      12  seq of the first event
//
// The file's name is that of the first event: epoch and seq.
const (
	magic       = "amibusj1"
	headLen     = 20
	segmentName = "%020d-%020d.seg"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errBad is wrapped by errors about what is in a segment.
var errBad = errors.New("cannot be read")

// segment is a run of events on disk.
type segment struct {
	path         string
	epoch, first uint64
	size         int64 // of what can be read, as far as is known
	disk         int64 // of the file
}

// listSegments returns the segments in dir, oldest first. Other files are none of ours.
func listSegments(dir string) ([]*segment, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []*segment
	for _, f := range files {
		s := &segment{path: filepath.Join(dir, f.Name())}
		if n, err := fmt.Sscanf(f.Name(), segmentName, &s.epoch, &s.first); n != 2 || err != nil || f.Name() != fmt.Sprintf(segmentName, s.epoch, s.first) {
			continue
		}
		info, err := f.Info()
		if err != nil {
			return nil, err
		}
		s.size, s.disk = info.Size(), info.Size()
		all = append(all, s)
	}
	return all, nil // ReadDir sorts by name, and that is by epoch and seq
}

// appendRecord appends the record of f, which has at least one event.
func appendRecord(dst []byte, f *wire.Frame) []byte {
	at := len(dst)
	dst = wire.AppendFrame(append(dst, make([]byte, headLen)...), f)
	head := dst[at:]
	binary.LittleEndian.PutUint32(head[4:], uint32(len(dst)-at-headLen))
	binary.LittleEndian.PutUint32(head[8:], uint32(len(f.Entries)))
	binary.LittleEndian.PutUint64(head[12:], f.First)
	binary.LittleEndian.PutUint32(head, crc32.Checksum(head[4:], castagnoli))
	return dst
}

// reader reads the records of one segment.
type reader struct {
	seg  segment
	file *os.File
	r    *bufio.Reader
	at   int64  // offset of the next record
	next uint64 // seq of its first event
}

// openSegment fails with errBad if it is no segment.
func openSegment(s segment) (*reader, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	r := &reader{seg: s, file: f, r: bufio.NewReaderSize(io.LimitReader(f, s.size), 64<<10), at: int64(len(magic)), next: s.first}
	var got [len(magic)]byte
	if _, err := io.ReadFull(r.r, got[:]); s.size > 0 && (err != nil || string(got[:]) != magic) {
		_ = f.Close()
		return nil, fmt.Errorf("%w: it does not begin with %q", errBad, magic)
	}
	return r, nil
}

func (r *reader) close() { _ = r.file.Close() }

// read puts the next record that has event from or a later one into f. It fails with io.EOF at the end, and with errBad where something
// is wrong.
func (r *reader) read(from uint64, f *wire.Frame) error {
	for r.at < r.seg.size {
		head, err := r.r.Peek(headLen)
		if err != nil {
			return r.bad("it is cut off")
		}
		size, count := int64(binary.LittleEndian.Uint32(head[4:])), uint64(binary.LittleEndian.Uint32(head[8:]))
		if r.at+headLen+size > r.seg.size || count == 0 || binary.LittleEndian.Uint64(head[12:]) != r.next {
			return r.bad("it is cut off or damaged")
		}
		if r.next+count <= from {
			if _, err := r.r.Discard(headLen + int(size)); err != nil {
				return err
			}
		} else if err := r.record(int(size), f); err != nil {
			return err
		}
		found := r.next+count > from
		r.at += headLen + size
		r.next += count
		if found {
			return nil
		}
	}
	return io.EOF
}

// record reads a whole record. Its bytes are fresh: the entries may be kept.
func (r *reader) record(size int, f *wire.Frame) error {
	b := make([]byte, headLen+size)
	if _, err := io.ReadFull(r.r, b); err != nil {
		return err
	}
	count := binary.LittleEndian.Uint32(b[8:])
	if crc32.Checksum(b[4:], castagnoli) != binary.LittleEndian.Uint32(b) {
		return r.bad("the checksum is wrong")
	}
	if err := wire.ParseFrame(b[headLen:], f); err != nil {
		return r.bad(err.Error())
	}
	if f.Epoch != r.seg.epoch || f.First != r.next || len(f.Entries) != int(count) {
		return r.bad("another event was expected")
	}
	return nil
}

func (r *reader) bad(why string) error {
	return fmt.Errorf("%w: from byte %d of %d on: %s", errBad, r.at, r.seg.size, why)
}

// from returns the segments that may hold events of the epoch from seq on.
func fromSeq(all []*segment, epoch, seq uint64) (some []segment) {
	for _, s := range slices.Backward(all) {
		if s.epoch == epoch {
			some = append(some, *s)
		}
		if s.epoch < epoch || s.epoch == epoch && s.first <= seq {
			break
		}
	}
	slices.Reverse(some)
	return some
}
