package translator

import (
	"bytes"
	"errors"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

// ErrNotEvent: the message does not start with "Event: ", or is raw text that ends otherwise than messages do
// (ami/behaviour.md 4.10).
var ErrNotEvent = errors.New("not an event: no first line \"Event: name\" that ends with CRLF")

// headOrder is what Asterisk writes between Privilege and SystemName, each if enabled (ami/behaviour.md 7.1).
var headOrder = [...]string{"Timestamp: ", "SequenceNumber: ", "File: ", "Line: ", "Func: "}

var systemNameIs = []byte("SystemName: ")

// keys are the headers an event may be keyed by, best first, and the Linkedid that belongs to each.
var keys = [...]struct{ uniqueid, linkedid string }{
	{"Uniqueid", "Linkedid"},
	{"DestUniqueid", "DestLinkedid"},
	{"LocalOneUniqueid", "LocalOneLinkedid"},
	{"OrigTransfererUniqueid", "OrigTransfererLinkedid"},
	{"BridgeUniqueid", ""},
}

// AppendEntry appends the marshalled wire.Entry, with hlc 0, of the event m as every node will serve it. m was decoded in client
// mode.
//
// The entry is keyed by its first Uniqueid that is neither empty nor "none" nor "<unknown>" (a global VarSet has those), in the
// order of keys and in any spelling; the body of a UserEvent does not count.
func (o *Origin) AppendEntry(dst []byte, m *ami.Message) ([]byte, error) {
	if m.Len() == 0 {
		return dst, ErrNotEvent
	}
	name, ok := bytes.CutPrefix(m.Line(0), []byte("Event: "))
	if !ok || !bytes.HasSuffix(m.Bytes(), endOfMessage) {
		return dst, ErrNotEvent
	}
	end := bodyAt(m, name)
	at, own, present := systemName(m)
	uniqueid, linkedid, bridge := keyOf(m, at, end)
	if present && o.Qualify != Always && len(own) > 0 {
		return wire.AppendEntry(dst, classesOf(m), name, uniqueid, linkedid, m.Bytes()), nil
	}
	served := o.Node
	if !present {
		if own = []byte(o.Systemname); o.Qualify != Always && len(own) > 0 {
			served = o.Systemname // the FullyBooted of a login has none (ami/behaviour.md 5.10)
		}
	}
	ids := o.swap(own)

	// The parts are laid out behind dst, marshalled behind that, and moved down.
	start := len(dst)
	dst = appendServed(dst, m, ids, served, at, end)
	text := len(dst)
	if bridge {
		dst = append(dst, uniqueid...)
	} else {
		dst = ids.appendID(dst, uniqueid)
	}
	uniq := len(dst)
	dst = ids.appendID(dst, linkedid)
	link := len(dst)
	dst = wire.AppendEntry(dst, classesOf(m), name, dst[text:uniq], dst[uniq:link], dst[start:text])
	return dst[:start+copy(dst[start:], dst[link:])], nil
}

// appendServed appends the text of the event m with the SystemName served at line at, and the ids from there to end rewritten.
func appendServed(dst []byte, m *ami.Message, ids swap, served string, at, end int) []byte {
	out, offset := rewriter{dst: dst, raw: m.Bytes()}, 0
	for i := range at {
		offset += len(m.Line(i)) + len(crlf)
	}
	from := offset
	if at < m.Len() && bytes.HasPrefix(m.Line(at), systemNameIs) {
		offset += len(m.Line(at)) + len(crlf)
		at++
	}
	out.put(from, offset, systemNameIs)
	out.dst = append(append(out.dst, served...), crlf...)
	for i := at; i < end && ids.on; i++ {
		line := m.Line(i)
		out.swap(ids, offset, line, namesID)
		offset += len(line) + len(crlf)
	}
	return out.end()
}

// classesOf returns the class bits of an event, 0 if its Privilege is nothing Asterisk's classes give.
func classesOf(m *ami.Message) uint64 {
	if m.Len() < 2 {
		return 0
	}
	value, ok := bytes.CutPrefix(m.Line(1), []byte("Privilege: "))
	if !ok {
		return 0
	}
	c, _ := ami.ParsePrivilege(value)
	return uint64(c)
}

// systemName returns the line where SystemName stands or would stand, and its value.
func systemName(m *ami.Message) (at int, value []byte, present bool) {
	at = 1
	if at < m.Len() && bytes.HasPrefix(m.Line(at), []byte("Privilege: ")) {
		at++
	}
	for _, name := range headOrder {
		if at == m.Len() {
			break
		}
		if line := m.Line(at); len(line) >= len(name) && line[0] == name[0] && string(line[:len(name)]) == name {
			at++
		}
	}
	if at < m.Len() {
		value, present = bytes.CutPrefix(m.Line(at), systemNameIs)
	}
	return at, value, present
}

// bodyAt returns the line from which on the event is data: of a UserEvent all from the header UserEvent on, of others nothing.
func bodyAt(m *ami.Message, name []byte) int {
	if bytes.Equal(name, userEvent) {
		for i := range m.Len() {
			if isHeader(m.Line(i), "UserEvent") {
				return i
			}
		}
	}
	return m.Len()
}

// keyOf returns what the lines from head to end are keyed by, and whether that is a bridge.
func keyOf(m *ami.Message, head, end int) (uniqueid, linkedid []byte, bridge bool) {
	for k := range keys {
		at, value := find(m, keys[k].uniqueid, head, end)
		if len(value) == 0 {
			continue
		}
		if keys[k].linkedid == "" {
			return value, nil, true
		}
		// It nearly always is the next line.
		if at, linkedid = find(m, keys[k].linkedid, at+1, end); at == end {
			_, linkedid = find(m, keys[k].linkedid, head, end)
		}
		return value, linkedid, false
	}
	return nil, nil, false
}

// find returns the first line from which on up to end is a header of that name, and its value; end and nothing if there is
// none. Values that stand for nothing count as empty.
func find(m *ami.Message, name string, from, end int) (at int, value []byte) {
	for i := from; i < end; i++ {
		if line := m.Line(i); isHeader(line, name) {
			for value = line[len(name)+1:]; len(value) > 0 && value[0] <= ' '; {
				value = value[1:]
			}
			if string(value) == "none" || string(value) == unknown {
				value = nil
			}
			return i, value
		}
	}
	return end, nil
}
