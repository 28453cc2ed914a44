package amiserver

import (
	"bytes"
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

// text is the event as this session sees it, nil if it does not. An event of several classes needs all of them
// (ami/behaviour.md 6.7).
func (s *session) text(e *merge.Event) []byte {
	if e.Missing > 0 {
		if s.mask&ami.ClassSystem == 0 {
			return nil
		}
		return gap(e, s.srv.conf.Backend.SystemName(*e.Node))
	}
	class := ami.Class(e.Entry.Classes())
	if s.mask == 0 || class&^s.mask != 0 {
		return nil
	}
	if class == ami.ClassSystem && !s.user.Lifecycle && *e.Node != s.srv.conf.Node {
		if state := lifecycleState(e.Entry.Name()); state != "" {
			return nodeState(e, state)
		}
	}
	return e.Entry.AMI()
}

// gap declares that some events will never come. Without Last it is not known how many, or whether there were any.
func gap(e *merge.Event, system string) []byte {
	m := ami.New("Event", "Gap", "Privilege", "system,all")
	if system != "" {
		m.Add("SystemName", system)
	}
	m.Add("Node", e.Node.String()).Add("Epoch", number(e.Epoch))
	if e.Missing == cursor.Open {
		return m.Add("First", number(e.Seq+1)).Bytes()
	}
	return m.Add("First", number(e.Seq-e.Missing+1)).Add("Last", number(e.Seq)).Add("Count", number(e.Missing)).Bytes()
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
func nodeState(e *merge.Event, state string) []byte {
	system := []byte(e.Node.Name)
	for line := range bytes.Lines(e.Entry.AMI()) {
		if name, value, ok := ami.SplitLine(bytes.TrimRight(line, "\r\n")); ok && string(name) == "SystemName" {
			system = value
			break
		}
	}
	return ami.New("Event", "NodeState", "Privilege", "system,all", "SystemName", string(system), "Node", e.Node.String(), "State", state).Bytes()
}
