package ami

import (
	"bytes"
	"errors"
	"io"
)

// ErrLineEnd: a line of an action holds a lone LF or a NUL, which an Asterisk takes for its end.
var ErrLineEnd = errors.New("ami: line end or NUL inside a line of an action")

// CheckAction tells whether an Asterisk reads m as the one action it is: ErrLineTooLong, ErrTooManyLines, ErrLineEnd or nil.
// Whoever passes on an action that somebody else decoded asks this before he writes it, since an Asterisk may take the headers
// behind such a line for an action of their own (ami/behaviour.md 2.3, 2.6), with the rights of the connection.
func (m *Message) CheckAction() error {
	if len(m.lines) > MaxHeaders {
		return ErrTooManyLines
	}
	for i := range m.lines {
		line := m.Line(i)
		if len(line) > MaxLine-len(crlf) {
			return ErrLineTooLong
		}
		if len(line) == 0 || bytes.IndexByte(line, '\n') >= 0 || bytes.IndexByte(line, 0) >= 0 {
			return ErrLineEnd
		}
	}
	return nil
}

// Encoder writes messages to a stream, each with one Write and nothing held back: many clients take what one read returns for
// whole messages (ami/clients.md 1, 2).
type Encoder struct{ w io.Writer }

// NewEncoder returns an encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: w} }

// Encode writes m as it stands, byte for byte.
func (e *Encoder) Encode(m *Message) error {
	_, err := e.w.Write(m.Bytes())
	return err
}
