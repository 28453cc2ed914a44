package ami

import (
	"bytes"
	"iter"
	"strings"
)

// Kind tells what the first line of a message makes of it.
type Kind uint8

// The kinds of messages.
const (
	KindOther    Kind = iota // starts with something else: raw text, or nothing
	KindAction               // "Action: "
	KindResponse             // "Response: "
	KindEvent                // "Event: "
)

// Message is one AMI message as it stands on the wire. The zero value is an empty message; New, Add and AddLine build one to
// send. A Message given by a Decoder points into the decoder's buffer, one given by Parse into the bytes parsed; changing it
// copies it first.
type Message struct {
	raw      []byte // all lines with their ends, the final empty line included
	lines    []span // without line ends, the final empty line excluded
	borrowed bool   // raw belongs to somebody else
}

type span struct{ from, to uint32 }

// Bytes returns the message as it stands on the wire, the final empty line included; nil for one that was never given a line.
func (m *Message) Bytes() []byte { return m.raw }

// Len returns the number of lines, the final empty one not counted.
func (m *Message) Len() int { return len(m.lines) }

// Line returns line i without its line end.
func (m *Message) Line(i int) []byte { s := m.lines[i]; return m.raw[s.from:s.to:s.to] }

// Field splits line i at its first colon. Blanks right after the colon are skipped, trailing ones belong to the value
// (ami/behaviour.md 2.9). ok is false, and name the whole line, if there is no colon.
func (m *Message) Field(i int) (name, value []byte, ok bool) { return SplitLine(m.Line(i)) }

// SplitLine splits a header line at its first colon, see Message.Field.
func SplitLine(line []byte) (name, value []byte, ok bool) {
	at := bytes.IndexByte(line, ':')
	if at < 0 {
		return line, nil, false
	}
	v := at + 1
	for v < len(line) && line[v] <= ' ' {
		v++
	}
	return line[:at], line[v:], true
}

// Get returns the value of the first header of that name, compared without case, or nil if there is none. A header that is
// there but empty gives an empty, non-nil value.
func (m *Message) Get(name string) []byte {
	for i := range m.lines {
		if v, ok := m.match(i, name); ok {
			return v
		}
	}
	return nil
}

// Has tells whether there is a header of that name.
func (m *Message) Has(name string) bool { return m.Get(name) != nil }

// Values yields the values of all headers of that name, in order.
func (m *Message) Values(name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range m.lines {
			if v, ok := m.match(i, name); ok && !yield(v) {
				return
			}
		}
	}
}

// Action returns the name of the action: the first Action header that is not empty (ami/behaviour.md 2.10), "" without one.
func (m *Message) Action() string {
	for v := range m.Values("Action") {
		if len(v) > 0 {
			return string(v)
		}
	}
	return ""
}

// IsAction tells whether the message is the action of that name, compared without case.
func (m *Message) IsAction(name string) bool { return strings.EqualFold(m.Action(), name) }

func (m *Message) match(i int, name string) ([]byte, bool) {
	line := m.Line(i)
	if len(line) <= len(name) || line[len(name)] != ':' || !equalFold(line[:len(name)], name) {
		return nil, false
	}
	v := len(name) + 1
	for v < len(line) && line[v] <= ' ' {
		v++
	}
	return line[v:], true
}

// Kind tells what the first line makes of the message. For an action the Action header may stand anywhere.
func (m *Message) Kind() Kind {
	if len(m.lines) == 0 {
		return KindOther
	}
	if _, ok := m.match(0, "Event"); ok {
		return KindEvent
	}
	if _, ok := m.match(0, "Response"); ok {
		return KindResponse
	}
	if m.Has("Action") {
		return KindAction
	}
	return KindOther
}

// Find returns the number of the first line that is a header of that name, compared without case, or -1.
func (m *Message) Find(name string) int {
	for i := range m.lines {
		if _, ok := m.match(i, name); ok {
			return i
		}
	}
	return -1
}

// Output yields the lines of the output of a Command, from the answer of any Asterisk: one header Output a line since 14, raw
// text before "--END COMMAND--" in older ones (ami/behaviour.md 15.1, 15.2). Unlike Get it leaves indentation alone.
func (m *Message) Output() iter.Seq[[]byte] {
	if len(m.lines) > 0 && bytes.Equal(m.Line(0), responseFollows) {
		return m.oldOutput
	}
	return func(yield func([]byte) bool) {
		for i := range m.lines {
			if v, ok := bytes.CutPrefix(m.Line(i), outputHeader); ok && !yield(bytes.TrimPrefix(v, blank)) {
				return
			}
		}
	}
}

var (
	outputHeader = []byte("Output:")
	blank        = []byte(" ")
)

// oldOutput yields what stands between the headers, which end in CR LF, and the end mark, which may stand right behind text.
func (m *Message) oldOutput(yield func([]byte) bool) {
	i := 1
	for _, header := range []string{"Privilege", "ActionID"} {
		if i < len(m.lines) && m.raw[m.lines[i].to] == '\r' {
			if _, ok := m.match(i, header); ok {
				i++
			}
		}
	}
	for ; i < len(m.lines); i++ {
		line := m.Line(i)
		if i == len(m.lines)-1 {
			line = bytes.TrimSuffix(line, endCommand)
			if len(line) == 0 {
				return
			}
		}
		if !yield(line) {
			return
		}
	}
}

// Clone returns a copy with memory of its own.
func (m *Message) Clone() *Message {
	return &Message{raw: bytes.Clone(m.raw), lines: append([]span(nil), m.lines...)}
}

// Equal tells whether both have the same lines.
func (m *Message) Equal(o *Message) bool {
	if len(m.lines) != len(o.lines) {
		return false
	}
	for i := range m.lines {
		if !bytes.Equal(m.Line(i), o.Line(i)) {
			return false
		}
	}
	return true
}

// equalFold compares ASCII without case, as Asterisk does.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if x, y := b[i], s[i]; x != y && lower(x) != lower(y) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
