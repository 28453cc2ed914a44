package ami

import (
	"bytes"
	"errors"
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
// empty line. The output of Command in its old form is raw text, which has lone LFs and empty lines of its own, up to
// "--END COMMAND--" CR LF CR LF; a last output line without an end stands right before that (15.2).
func (m *Message) scan(b []byte, s *lineScan) int {
	next, seen := s.next, s.seen
	for {
		i := bytes.IndexByte(b[seen:], '\n')
		if i < 0 {
			s.next, s.seen = next, len(b)
			return 0
		}
		lf := seen + i
		seen = lf + 1
		to := lf
		if lf > next && b[lf-1] == '\r' {
			to--
			if to == next && (!s.follows || s.ended) {
				return seen
			}
		} else if !s.follows {
			continue
		}
		m.lines = append(m.lines, span{uint32(next), uint32(to)})
		if next == 0 {
			s.follows = bytes.Equal(b[:to], responseFollows)
		}
		if s.follows {
			s.ended = to < lf && bytes.HasSuffix(b[next:to], endCommand)
		}
		next = seen
	}
}
