package translator

import (
	"fmt"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// Raised is an event as the engine raises it: its name, and what it is made of, in the order in which Asterisk writes it.
type Raised struct {
	Name  string
	Parts []Part
}

// Part is a channel group, a bridge group, or one header.
type Part struct {
	Channel *Channel
	Bridge  *Bridge
	Role    string // of a group
	Name    string // of a header; empty: the value is a whole line
	Value   string
	Escape  bool // the value is one Asterisk escapes
}

// Group is the channel group of a role.
func Group(role string, c *Channel) Part { return Part{Role: role, Channel: c} }

// BridgeGroup is the bridge group of a role.
func BridgeGroup(role string, b *Bridge) Part { return Part{Role: role, Bridge: b} }

// Header is one line.
func Header(name, value string) Part { return Part{Name: name, Value: value} }

// Line is one line as it is.
func Line(text string) Part { return Part{Value: text} }

// Escaped is one line whose value Asterisk escapes.
func Escaped(name, value string) Part { return Part{Name: name, Value: value, Escape: true} }

// classes are the classes of what the engine raises, by name (ami/events.json).
var classes = map[string]ami.Class{
	"VarSet": ami.ClassDialplan, "Newexten": ami.ClassDialplan,
	"HangupHandlerPush": ami.ClassDialplan, "HangupHandlerRun": ami.ClassDialplan, "HangupHandlerPop": ami.ClassDialplan,
	"DTMFBegin": ami.ClassDTMF, "DTMFEnd": ami.ClassDTMF,
	"UserEvent": ami.ClassUser, "FullyBooted": ami.ClassSystem, "Shutdown": ami.ClassSystem, "Reload": ami.ClassSystem,
}

// ClassOf returns the class of an event the engine raises: that of calls unless the table says otherwise.
func ClassOf(name string) ami.Class {
	if c, ok := classes[name]; ok {
		return c
	}
	return ami.ClassCall
}

// Writer renders events as AMI text.
type Writer struct {
	SystemName string
	Timestamps bool
}

// Append appends the text of an event raised at a moment.
func (w *Writer) Append(dst []byte, at time.Time, e *Raised) []byte {
	dst = append(append(append(dst, "Event: "...), e.Name...), "\r\nPrivilege: "...)
	dst = append(ClassOf(e.Name).AppendPrivilege(dst), "\r\n"...)
	if w.Timestamps {
		dst = fmt.Appendf(dst, "Timestamp: %d.%06d\r\n", at.Unix(), at.Nanosecond()/1000)
	}
	if w.SystemName != "" {
		dst = append(append(append(dst, "SystemName: "...), w.SystemName...), "\r\n"...)
	}
	return append(AppendParts(dst, e.Parts), "\r\n"...)
}

// AppendParts appends the lines of the parts, without the empty line: also for the items of a list.
func AppendParts(dst []byte, parts []Part) []byte {
	for i := range parts {
		switch p := &parts[i]; {
		case p.Channel != nil:
			dst = p.Channel.append(dst, p.Role)
		case p.Bridge != nil:
			dst = p.Bridge.append(dst, p.Role)
		case p.Escape:
			dst = append(appendEscaped(appendName(dst, "", p.Name), p.Value), "\r\n"...)
		case p.Name == "":
			dst = append(appendPlain(dst, p.Value), "\r\n"...)
		default:
			dst = append(appendPlain(appendName(dst, "", p.Name), p.Value), "\r\n"...)
		}
	}
	return dst
}
