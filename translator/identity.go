package translator

import (
	"bytes"
	"fmt"

	"github.com/amibus/amibus/proto/ami"
)

// Qualify tells when ids get the name of the node in front.
type Qualify uint8

// The settings of identity.qualify.
const (
	Auto   Qualify = iota // if the source has no systemname
	Always                // in place of its systemname, too
	Never
)

// ParseQualify returns the setting of that name.
func ParseQualify(s string) (Qualify, error) {
	switch s {
	case "auto":
		return Auto, nil
	case "always":
		return Always, nil
	case "never":
		return Never, nil
	}
	return Auto, fmt.Errorf("qualify: %q is unknown, use auto, always or never", s)
}

// Origin is what a node puts into what its own source says, and takes out of what the source is told. It holds for one link to
// the source, since Systemname may change with a restart, and is safe for concurrent use.
type Origin struct {
	Node    string
	Qualify Qualify
	// Systemname of the source as its CoreSettings say, empty if it has none. Answers and actions do not tell; events do, and
	// are taken at their word.
	Systemname string
}

// AppendAnswer appends the text of an answer or a list item with ids qualified. Nothing else is changed, and nothing at all in
// the output of Command in its old form, which is free text.
func (o *Origin) AppendAnswer(dst []byte, m *ami.Message) []byte {
	ids := o.swap([]byte(o.Systemname))
	if !ids.on || m.Len() == 0 || string(m.Line(0)) == "Response: Follows" {
		return append(dst, m.Bytes()...)
	}
	out, at := rewriter{dst: dst, raw: m.Bytes()}, 0
	for i := range m.Len() {
		line := m.Line(i)
		out.swap(ids, at, line, namesID)
		at += len(line) + len(crlf)
	}
	return out.end()
}

// AppendAction appends the text of an action as the source must see it: ids that this node qualified get their own form again,
// in headers that name a channel or an id, and SystemName, which only routes, is gone. A UserEvent is left as it is: what
// it carries is data, and comes back in the event.
func (o *Origin) AppendAction(dst []byte, m *ami.Message) []byte {
	if m.IsAction("UserEvent") {
		return append(dst, m.Bytes()...)
	}
	ids := o.swap([]byte(o.Systemname)).reverse()
	out, at := rewriter{dst: dst, raw: m.Bytes()}, 0
	for i := range m.Len() {
		line := m.Line(i)
		next := at + len(line) + len(crlf)
		if isHeader(line, "SystemName") {
			out.put(at, next, nil)
		} else {
			out.swap(ids, at, line, namesChannel)
		}
		at = next
	}
	return out.end()
}

// swap returns how ids of a source with the systemname own are rewritten.
func (o *Origin) swap(own []byte) swap {
	on := o.Qualify == Always || o.Qualify == Auto && len(own) == 0
	return swap{on: on && string(own) != o.Node, from: own, to: o.Node}
}

// swap replaces the systemname in front of an id by another; an empty one stands for no prefix at all.
type swap struct {
	on   bool
	from []byte
	to   string
}

func (s swap) reverse() swap { return swap{on: s.on, from: []byte(s.to), to: string(s.from)} }

// cut returns the id without the prefix from. ok is false if value is no such id, or is left alone.
func (s swap) cut(value []byte) (number []byte, ok bool) {
	if !s.on {
		return nil, false
	}
	number = value
	if n := len(s.from); n > 0 {
		if len(value) <= n || value[n] != '-' || !bytes.Equal(value[:n], s.from) {
			return nil, false
		}
		number = value[n+1:]
	}
	return number, isNumber(number)
}

// appendID appends the value, rewritten if it is an id with the prefix from.
func (s swap) appendID(dst, value []byte) []byte {
	number, ok := s.cut(value)
	if !ok {
		return append(dst, value...)
	}
	return append(s.appendPrefix(dst), number...)
}

func (s swap) appendPrefix(dst []byte) []byte {
	if len(s.to) == 0 {
		return dst
	}
	return append(append(dst, s.to...), '-')
}

// rewriter copies a message, all of whose lines end with CRLF, in as few pieces as the changes allow.
type rewriter struct {
	dst  []byte
	raw  []byte // the message
	done int    // raw is copied up to here
}

// put appends what is before from, and text in place of raw[from:to].
func (w *rewriter) put(from, to int, text []byte) {
	w.dst = append(append(w.dst, w.raw[w.done:from]...), text...)
	w.done = to
}

// swap rewrites the value of the line that starts at at if the header is one that holds ids.
func (w *rewriter) swap(ids swap, at int, line []byte, holdsID func(name []byte) bool) {
	end := len(line)
	if end == 0 || line[end-1] < '0' || line[end-1] > '9' {
		return // every id ends in a digit, most values do not
	}
	name, value, ok := ami.SplitLine(line)
	if !ok || !holdsID(name) {
		return
	}
	if number, ok := ids.cut(value); ok {
		w.put(at+end-len(value), at+end-len(number), nil)
		w.dst = ids.appendPrefix(w.dst)
	}
}

// end appends the rest.
func (w *rewriter) end() []byte { return append(w.dst, w.raw[w.done:]...) }

// isNumber tells whether v is digits.digits, also with ";1" or ";2" behind it.
func isNumber(v []byte) bool {
	if n := len(v); n > 2 && v[n-2] == ';' && (v[n-1] == '1' || v[n-1] == '2') {
		v = v[:n-2]
	}
	seconds, counter, ok := bytes.Cut(v, []byte{'.'})
	return ok && isDigits(seconds) && isDigits(counter)
}

func isDigits(v []byte) bool {
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(v) > 0
}

// namesID tells whether values of the header are ids of channels.
func namesID(name []byte) bool {
	return hasSuffix(name, "linkedid") || hasSuffix(name, "uniqueid") && !hasSuffix(name, "bridgeuniqueid")
}

// namesChannel tells whether the header of an action may name a channel by its id: Channel, ExtraChannel, Channel1,
// OtherChannelId, … take one besides a channel's name.
func namesChannel(name []byte) bool {
	for i := range name {
		if hasSuffix(name[:i+1], "channel") {
			return true
		}
	}
	return namesID(name)
}

// isHeader tells whether line is a header of that name, in letters of any case.
func isHeader(line []byte, name string) bool {
	n := len(name)
	return len(line) > n && line[n] == ':' && hasSuffix(line[:n], name)
}

// hasSuffix tells whether b ends in s, which holds ASCII letters only, in any case.
func hasSuffix(b []byte, s string) bool {
	if len(b) < len(s) {
		return false
	}
	b = b[len(b)-len(s):]
	for i := len(s) - 1; i >= 0; i-- {
		if b[i]|0x20 != s[i]|0x20 {
			return false
		}
	}
	return true
}

var (
	crlf         = []byte("\r\n")
	endOfMessage = []byte("\r\n\r\n")
	userEvent    = []byte("UserEvent")
)
