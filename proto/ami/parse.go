package ami

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
)

// ErrIncomplete: the bytes given to Parse are not exactly one message.
var ErrIncomplete = errors.New("ami: not exactly one message up to its empty line")

// ParseMessage reads b, which must be exactly one message, by the rules of client mode. The message points into b.
func ParseMessage(b []byte) (*Message, error) {
	m := &Message{}
	if err := m.Parse(b); err != nil {
		return nil, err
	}
	return m, nil
}

// Parse makes m the message b, which must be exactly one message, by the rules of client mode. The message points into b until
// it is changed; nothing is allocated once m has seen a message of as many lines. After an error m is empty.
func (m *Message) Parse(b []byte) error {
	m.Reset()
	if len(b) > MaxMessage {
		return ErrMessageTooLong
	}
	if n := m.scan(b, &lineScan{}); n == 0 || n != len(b) {
		m.Reset()
		return ErrIncomplete
	}
	m.borrow(b)
	return nil
}

// lineScan is how far scan has come. Offsets count from the start of the message.
type lineScan struct {
	next    int  // start of the line whose end is looked for
	seen    int  // up to here it is not
	follows bool // this is the output of Command in its old form
	ended   bool // the line before was the last one of such output
}

var (
	responseFollows = []byte("Response: Follows")
	endCommand      = []byte("--END COMMAND--")
)

// scan goes on looking for lines in b, which holds the message from its start, and returns the length of the message, or 0 if
// its end is not there yet. A line ends at CR LF, since a value may hold a lone LF (ami/behaviour.md 4.9), and the message at an
// empty line. A first line that ends in LF CR LF is the raw text of IAXnetstats (4.10): that CR LF is its empty line, the next
// message follows.
func (m *Message) scan(b []byte, s *lineScan) int {
	if s.follows {
		return m.scanOutput(b, s)
	}
	lines, next := m.lines, s.next // in registers: this runs for every line of every event
	for at := s.seen; at < len(b); at += block {
		p := blockAt(b, at)
		feeds := lineFeeds(p[:8]) | lineFeeds(p[8:16])<<8 | lineFeeds(p[16:24])<<16 | lineFeeds(p[24:])<<24
		for ; feeds != 0; feeds &= feeds - 1 { // a bit for each LF in the block
			seen := at + bits.TrailingZeros64(feeds) + 1
			to := seen - len("\r\n")
			if to < next || b[to] != '\r' {
				continue
			}
			if to == next {
				m.lines = lines
				return seen
			}
			lines = append(lines, span{uint32(next), uint32(to)})
			if next == 0 {
				if to > 1 && b[to-1] == '\n' {
					lines[0].to--
					m.lines = lines
					return seen
				}
				if bytes.Equal(b[:to], responseFollows) {
					m.lines, s.next, s.seen, s.follows = lines, seen, seen, true
					return m.scanOutput(b, s)
				}
			}
			next = seen
		}
	}
	m.lines, s.next, s.seen = lines, next, len(b)
	return 0
}

// block is how many bytes scan looks at in one go. Lines are short: a call of bytes.IndexByte for each takes half as long again.
const block = 32

// blockAt returns the bytes of b from at on, with zeros behind the end of b.
func blockAt(b []byte, at int) *[block]byte {
	if len(b)-at >= block {
		return (*[block]byte)(b[at:])
	}
	return padded(b[at:])
}

// padded is the rare case of blockAt.
func padded(b []byte) *[block]byte {
	var p [block]byte
	copy(p[:], b)
	return &p
}

// lineFeeds returns a bit for each LF in 8 bytes: those that are zero after the XOR; the multiplication gathers one bit of each.
// A VT right behind an LF gets a bit, too (the subtraction borrows): there is no CR before it, so it passes for a lone LF.
func lineFeeds(b []byte) uint64 {
	const ones = 0x0101010101010101
	x := binary.LittleEndian.Uint64(b) ^ '\n'*ones
	return ((x - ones) & ^x >> 7 & ones) * 0x0102040810204080 >> 56
}

// scanOutput is scan behind the first line of the output of Command in its old form: raw text, with lone LFs and empty lines of
// its own, up to "--END COMMAND--" CR LF CR LF. A last line of text without an end stands right before that (ami/behaviour.md
// 15.2).
func (m *Message) scanOutput(b []byte, s *lineScan) int {
	for {
		i := bytes.IndexByte(b[s.seen:], '\n')
		if i < 0 {
			s.seen = len(b)
			return 0
		}
		to := s.seen + i
		s.seen = to + 1
		whole := to > s.next && b[to-1] == '\r'
		if whole {
			to--
		}
		line := b[s.next:to]
		if whole && s.ended && len(line) == 0 {
			return s.seen
		}
		m.lines = append(m.lines, span{uint32(s.next), uint32(to)})
		s.ended = whole && bytes.HasSuffix(line, endCommand)
		s.next = s.seen
	}
}
