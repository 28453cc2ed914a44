package amiserver

import (
	"bytes"
	"hash/maphash"
	"strconv"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
)

// put adds the event as this session sees it to the pieces to be written, and returns its length; 0 if the session does not see it.
// The text is that of all sessions; what eventid adds follows it (ami/clients.md 6) from memory of the session's own.
func (s *session) put(e *merge.Event) int {
	text := s.text(e)
	if text == nil {
		return 0
	}
	if !s.user.EventID || e.Seq == 0 || e.Missing > 0 {
		s.pieces = append(s.pieces, text)
		return len(text)
	}
	from := len(s.tails)
	s.tails = appendTail(s.tails, e)
	tail := s.tails[from:len(s.tails):len(s.tails)]
	body := bytes.TrimSuffix(text, emptyLine)
	s.pieces = append(s.pieces, body, tail)
	return len(body) + len(tail)
}

// madeUp is the end of an event that nobody has said.
var madeUp = []byte("\r\nSynthetic: yes\r\n\r\n")

var emptyLine = []byte("\r\n")

// appendTail appends the headers of an event's place in the stream, and the end of the message.
func appendTail(b []byte, e *merge.Event) []byte {
	b = append(append(append(b, "EventID: "...), e.Node.Site...), '/')
	b = append(append(b, e.Node.Name...), '/')
	b = append(strconv.AppendUint(b, e.Epoch, 10), '/')
	b = append(strconv.AppendUint(b, e.Seq, 10), "\r\nEventTime: "...)
	b = append(strconv.AppendInt(b, e.HLC/1e9, 10), '.')
	for digit, rest := int64(1e8), e.HLC%1e9; digit > 0; digit /= 10 {
		b = append(b, byte('0'+rest/digit%10))
	}
	if e.Late {
		b = append(b, "\r\nLate: yes"...)
	}
	return append(b, "\r\n\r\n"...)
}

// text is the event as this session sees it, nil if it does not: because of its mask, where an event of several classes needs all of them
// (ami/behaviour.md 6.7), the nodes that the user is bound to, or its filters, which come last (8.3).
func (s *session) text(e *merge.Event) []byte {
	class := ami.Class(e.Entry.Classes())
	if e.Missing > 0 {
		class = ami.ClassSystem
	}
	switch {
	case s.mask == 0, class&^s.mask != 0, s.bounded && !s.within(*e.Node):
		return nil
	case e.Seq == 0 && !s.user.Endings && *e.Node != s.srv.conf.Node && bytes.HasSuffix(e.Entry.AMI(), madeUp): // at a node out of view
		return nil
	}
	made := s.instead(e, class)
	switch {
	case s.filter.Empty() && made == nil:
		return e.Entry.AMI()
	case s.filter.Empty():
		return made.Bytes()
	}
	id, name, text := eventNumber(e), e.Entry.Name(), e.Entry.AMI()
	if made != nil {
		id, name, text = 0, made.Get("Event"), made.Bytes()
	}
	if !s.filter.Pass(id, name, text) {
		return nil
	}
	return text
}

// instead is what the session sees in place of the event as it was raised, nil if that.
func (s *session) instead(e *merge.Event, class ami.Class) *ami.Message {
	if e.Missing > 0 {
		return gap(e, s.srv.conf.Backend.SystemName(*e.Node))
	}
	if class == ami.ClassSystem && !s.user.Lifecycle && *e.Node != s.srv.conf.Node {
		if state := lifecycleState(e.Entry.Name()); state != "" {
			return nodeState(e, state)
		}
	}
	return nil
}

var numberSeed = maphash.MakeSeed()

// eventNumber names an event among those of the last while, for filters to remember what they made of it: below 1<<63, and 0 for no name.
func eventNumber(e *merge.Event) uint64 {
	if e.Seq == 0 {
		return 0
	}
	return 1 + maphash.Comparable(numberSeed, struct {
		node       *merge.Node
		epoch, seq uint64
	}{e.Node, e.Epoch, e.Seq})>>2
}

// gap declares that some events will never come. Without Last it is not known how many, or whether there were any.
func gap(e *merge.Event, system string) *ami.Message {
	m := ami.New("Event", "Gap", "Privilege", "system,all")
	if system != "" {
		m.Add("SystemName", system)
	}
	m.Add("Node", e.Node.String()).Add("Epoch", number(e.Epoch))
	if e.Missing == cursor.Open {
		return m.Add("First", number(e.Seq+1))
	}
	return m.Add("First", number(e.Seq-e.Missing+1)).Add("Last", number(e.Seq)).Add("Count", number(e.Missing))
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func lifecycleState(name []byte) string {
	switch string(name) {
	case "FullyBooted":
		return "booted"
	case "Shutdown":
		return "shutdown"
	}
	return ""
}

// nodeState stands for another node's FullyBooted or Shutdown, since clients that know of one Asterisk only take any Shutdown for
// the end of theirs. SystemName is what it is in all events of that node. It is that event to those who want an EventID.
func nodeState(e *merge.Event, state string) *ami.Message {
	system := []byte(e.Node.Name)
	for line := range bytes.Lines(e.Entry.AMI()) {
		if name, value, ok := ami.SplitLine(bytes.TrimRight(line, "\r\n")); ok && string(name) == "SystemName" {
			system = value
			break
		}
	}
	return ami.New("Event", "NodeState", "Privilege", "system,all", "SystemName", string(system), "Node", e.Node.String(), "State", state)
}
