package owner

import (
	"bytes"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/wire"
)

// Add takes the next events as they arrive. now counts from any moment, and never goes back.
func (r *Registry) Add(now time.Duration, events []merge.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range events {
		if e := &events[i]; e.Missing == 0 {
			r.take(now, r.feeding(e.Node), &e.Entry)
		}
	}
	r.drop(now, 4*len(events))
}

func (r *Registry) take(now time.Duration, n *node, e *wire.Entry) {
	text := e.AMI()
	switch string(e.Name()) {
	case "Newchannel":
		r.mentioned(n, text, true)
	case "Hangup":
		if p := r.known(channel, n, header(text, "Uniqueid")); p != nil {
			r.end(now, p)
		}
	case "Rename":
		r.rename(n, header(text, "Uniqueid"), header(text, "Newname"))
	case "BridgeCreate":
		r.mentioned(n, text, true)
	case "BridgeDestroy":
		if p := r.known(bridge, n, header(text, "BridgeUniqueid")); p != nil {
			r.end(now, p)
		}
	case "UserEvent":
		if body := bytes.Index(text, []byte("\r\nUserEvent: ")); body >= 0 {
			r.mentioned(n, text[:body+len(crlf)], false)
		}
	// They may come behind the last event of their channel or bridge, or by a way of their own (ami/ordering.md 4, 26, 41 to 44).
	case "AgentComplete", "AttendedTransfer", "BlindTransfer", "Cdr", "CEL", "ConfbridgeEnd", "ConfbridgeJoin", "ConfbridgeLeave",
		"ConfbridgeMute", "ConfbridgeRecord", "ConfbridgeStart", "ConfbridgeStopRecord", "ConfbridgeTalking", "ConfbridgeUnmute",
		"MeetmeEnd", "MeetmeJoin", "MeetmeLeave", "MeetmeMute", "MeetmeTalking", "MeetmeTalkRequest", "MessageWaiting", "MiniVoiceMail",
		"OriginateResponse", "ParkedCall", "ParkedCallGiveUp", "ParkedCallSwap", "ParkedCallTimeOut", "RTCPReceived", "RTCPSent",
		"UnParkedCall":
	default:
		r.mentioned(n, text, false)
	}
}

var (
	crlf     = []byte("\r\n")
	uniqueid = []byte("niqueid: ")
	bridgeIs = []byte("Bridge")
)

// mentioned looks at all groups of headers of an event that describe a channel or a bridge, each with a prefix of its own
// (DestUniqueid, DestChannel). In the first event of a channel or bridge the group without prefix is the new one; others teach what is
// not known yet.
func (r *Registry) mentioned(n *node, text []byte, first bool) {
	for at := 0; ; {
		i := bytes.Index(text[at:], uniqueid)
		if i < 0 {
			return
		}
		i += at
		at = i + len(uniqueid)
		end := bytes.Index(text[at:], crlf)
		if end < 0 {
			return
		}
		id := text[at : at+end]
		prefix, ok := prefixBefore(text, i)
		if !ok || nothing(id) {
			continue
		}
		if before, ok := bytes.CutSuffix(prefix, bridgeIs); ok {
			r.learn(bridge, n, id, nil, first && len(before) == 0)
		} else {
			r.learnChannel(n, text, prefix, id, first && len(prefix) == 0)
		}
	}
}

func (r *Registry) learnChannel(n *node, text, prefix, id []byte, first bool) {
	if !first && r.known(channel, n, id) != nil {
		return
	}
	r.prefix = append(append(append(r.prefix[:0], "\r\n"...), prefix...), "Channel: "...)
	if name := value(text, r.prefix); !nothing(name) {
		r.learn(channel, n, id, name, first)
	}
}

func (r *Registry) learn(k kind, n *node, id, name []byte, first bool) {
	p := r.known(k, n, id)
	switch {
	case p == nil:
		if r.add(k, n, id, name) != nil && !first {
			r.stats.Mentioned++
		}
	case first: // an id may be used again (ami/ordering.md 2)
		r.supersede(p, name)
	}
}

func (r *Registry) rename(n *node, id, name []byte) {
	if nothing(id) || nothing(name) {
		return
	}
	switch p := r.known(channel, n, id); {
	case p == nil:
		r.learn(channel, n, id, name, false)
	case p.ended.Load() == 0:
		r.supersede(p, name)
	}
}

// nothing tells whether the value of a header stands for no channel.
func nothing(v []byte) bool { return len(v) == 0 || string(v) == "none" || string(v) == "<unknown>" }

// prefixBefore returns the letters before "Uniqueid" where the line starts with them; i is where the n is.
func prefixBefore(text []byte, i int) (prefix []byte, ok bool) {
	from := i - 1
	if from < 0 || text[from] != 'U' {
		return nil, false
	}
	to := from
	for from > 0 && isLetter(text[from-1]) {
		from--
	}
	return text[from:to], from >= 2 && text[from-1] == '\n' && text[from-2] == '\r'
}

func isLetter(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' }

// header returns the value of the first header of that name, spelled as Asterisk does.
func header(text []byte, name string) []byte {
	var line [32]byte
	return value(text, append(append(append(line[:0], "\r\n"...), name...), ": "...))
}

// value returns what stands behind line, which holds a line end and the name of a header, in its line.
func value(text, line []byte) []byte {
	i := bytes.Index(text, line)
	if i < 0 {
		return nil
	}
	v := text[i+len(line):]
	end := bytes.Index(v, crlf)
	return v[:max(end, 0)]
}
