package ami

import "bytes"

// New builds a message of the given name, value, name, value … An odd last name gets an empty value.
func New(pairs ...string) *Message {
	m := &Message{}
	for i := 0; i < len(pairs); i += 2 {
		v := ""
		if i+1 < len(pairs) {
			v = pairs[i+1]
		}
		m.Add(pairs[i], v)
	}
	return m
}

// Reset empties the message and keeps its memory.
func (m *Message) Reset() {
	m.raw, m.lines = m.raw[:0], m.lines[:0]
	if m.borrowed {
		m.raw, m.borrowed = nil, false
	}
}

// Add appends the header "name: value" before the final empty line. CR, LF and NUL in either are replaced by a blank, so that
// no value can make a header (or a message) of its own, here or in a client that ends a line at a lone CR (ami/clients.md 17).
func (m *Message) Add(name, value string) *Message {
	m.open()
	from := len(m.raw)
	m.raw = appendClean(m.raw, name)
	m.raw = append(m.raw, ": "...)
	m.raw = appendClean(m.raw, value)
	return m.close(from)
}

// AddLine appends a whole line before the final empty line: any bytes, with or without a colon, but CR, LF and NUL are replaced
// as in Add. An empty line is left out, since it would end the message. To copy an answer of an Asterisk with every byte, but
// for one line, there is Replace.
func (m *Message) AddLine(line []byte) *Message {
	if len(line) == 0 {
		return m
	}
	m.open()
	from := len(m.raw)
	m.raw = appendClean(m.raw, line)
	return m.close(from)
}

// Replace makes dst a copy of m with another line i; an empty line leaves it out. CR, LF and NUL in line are replaced as in
// Add; every other byte of m stays as it is, line ends included. dst must not be m.
func (m *Message) Replace(dst *Message, i int, line []byte) {
	s := m.lines[i]
	end := s.to // of what is replaced
	if len(line) == 0 {
		end += uint32(bytes.IndexByte(m.raw[s.to:], '\n') + 1)
	}
	dst.Reset()
	dst.raw = append(appendClean(append(dst.raw, m.raw[:s.from]...), line), m.raw[end:]...)
	shift := uint32(len(line)) - (end - s.from)
	dst.lines = append(dst.lines, m.lines[:i]...)
	if len(line) > 0 {
		dst.lines = append(dst.lines, span{s.from, s.from + uint32(len(line))})
	}
	for _, l := range m.lines[i+1:] {
		dst.lines = append(dst.lines, span{l.from + shift, l.to + shift})
	}
}

// borrow lets the message stand on bytes that belong to somebody else. Their capacity is cut: nobody appends to them.
func (m *Message) borrow(raw []byte) { m.raw, m.borrowed = raw[:len(raw):len(raw)], true }

// open takes the final empty line off; the caller appends a line, then calls close.
func (m *Message) open() {
	if m.borrowed {
		m.raw, m.borrowed = append(make([]byte, 0, len(m.raw)+MaxLine/4), m.raw...), false
	}
	m.raw = m.raw[:max(0, len(m.raw)-len(crlf))]
	if n := len(m.raw); n > 0 && !bytes.HasSuffix(m.raw, crlf) { // the raw text of IAXnetstats ends in a lone LF
		m.raw = append(m.raw[:n-1], crlf...)
	}
}

// close makes what was appended behind from a line, and puts the final empty line behind it.
func (m *Message) close(from int) *Message {
	m.lines = append(m.lines, span{uint32(from), uint32(len(m.raw))})
	m.raw = append(m.raw, "\r\n\r\n"...)
	return m
}

var crlf = []byte("\r\n")

// appendClean appends s with blanks for CR, LF and NUL.
func appendClean[T string | []byte](dst []byte, s T) []byte {
	from := len(dst)
	dst = append(dst, s...)
	for i, c := range dst[from:] {
		if c == '\r' || c == '\n' || c == 0 {
			dst[from+i] = ' '
		}
	}
	return dst
}
