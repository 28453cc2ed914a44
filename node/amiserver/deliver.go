package amiserver

import (
	"bytes"
	"strconv"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
)

// A chunk of events: what is written between two looks at the next action.
const (
	chunkEvents = 256
	chunkBytes  = 64 << 10
	keepEvents  = 4096 // room of a queue that is kept after a burst
)

// wake is readable when deliver may have something.
func (s *session) wake() <-chan struct{} {
	if s.sub == nil {
		return nil
	}
	return s.sub.Wake()
}

// deliver writes at most one chunk of the events that wait; more tells whether some were left.
func (s *session) deliver() (more bool, err error) {
	if s.sub == nil {
		return false, nil
	}
	if s.at == len(s.pending) {
		spare := s.pending
		if cap(spare) > keepEvents {
			spare = nil
		}
		s.pending, s.at = nil, 0
		if s.pending, err = s.sub.Take(spare); err != nil {
			return false, err
		}
	}
	s.pieces = s.pieces[:0]
	for size := 0; s.at < len(s.pending) && size < chunkBytes && len(s.pieces) < chunkEvents; s.at++ {
		if text := s.text(&s.pending[s.at]); text != nil {
			s.pieces = append(s.pieces, text)
			size += len(text)
		}
	}
	events := len(s.pieces)
	if events == 0 {
		return s.at < len(s.pending), nil
	}
	if err := s.flush(); err != nil {
		return false, err
	}
	s.srv.count.events.Add(uint64(events))
	return s.at < len(s.pending), nil
}

// text is the event as this session sees it, nil if it does not. An event of several classes needs all of them
// (ami/behaviour.md 6.7).
func (s *session) text(e *merge.Event) []byte {
	if e.Missing > 0 {
		if s.mask&ami.ClassSystem == 0 {
			return nil
		}
		return gap(e)
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

// gap declares that some events will never come. SystemName is not known here: the node's name stands for it.
func gap(e *merge.Event) []byte {
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return ami.New("Event", "Gap", "Privilege", "system,all", "Node", e.Node.String(), "Epoch", number(e.Epoch),
		"First", number(e.Seq-e.Missing+1), "Last", number(e.Seq), "Count", number(e.Missing)).Bytes()
}

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
// the end of theirs. SystemName is what it is in all events of that node.
func nodeState(e *merge.Event, state string) []byte {
	system := []byte(e.Node.Name)
	for line := range bytes.Lines(e.Entry.AMI()) {
		if name, value, ok := ami.SplitLine(bytes.TrimRight(line, "\r\n")); ok && string(name) == "SystemName" {
			system = value
			break
		}
	}
	return ami.New("Event", "NodeState", "Privilege", "system,all", "SystemName", string(system), "Node", e.Node.Name, "State", state).Bytes()
}
