package reconcile

import (
	"bytes"

	"github.com/amibus/amibus/translator"
)

// event is what a View looks at of one event. All of it points into the text.
type event struct {
	name   []byte
	text   []byte
	groups []translator.GroupText
}

// read reads the text of an event into e.
func (e *event) read(text []byte) {
	e.name, e.text, e.groups = nameOf(text), text, e.groups[:0]
	translator.Groups(text, func(g *translator.GroupText) { e.groups = append(e.groups, *g) })
}

// nameOf is the name of an event.
func nameOf(text []byte) []byte {
	line, _, _ := bytes.Cut(text, []byte("\r\n"))
	name, _ := bytes.CutPrefix(line, []byte("Event: "))
	return name
}

func (e *event) value(name string) string { return string(translator.HeaderValue(e.text, name)) }

// channel returns the channel group of a role, nil if there is none.
func (e *event) channel(role string) *translator.GroupText {
	for i := range e.groups {
		if g := &e.groups[i]; !g.Bridge && string(g.Role) == role && len(g.ID) > 0 {
			return g
		}
	}
	return nil
}

// bridge returns the id of the bridge that e is about, "" if there is none.
func (e *event) bridge() string {
	for i := range e.groups {
		if g := &e.groups[i]; g.Bridge && len(g.Role) == 0 {
			return string(g.ID)
		}
	}
	return ""
}

func (e *event) is(name string) bool { return string(e.name) == name }

// tells: these events change a View. The others name channels, too, and say nothing new of them, or too late.
var tells = map[string]func(v *View, e *event){
	"Newchannel": (*View).born, "Newstate": (*View).stated, "Hangup": (*View).gone, "Rename": (*View).renamed,
	"Newexten": nil, "NewCallerid": nil, "NewAccountCode": nil, "NewConnectedLine": nil, "LocalBridge": nil,
	"DialBegin": (*View).dialled, "DialState": (*View).dialled, "DialEnd": (*View).dialEnd,
	"BridgeCreate": nil, "BridgeMerge": nil, "BridgeDestroy": (*View).destroyed,
	"BridgeEnter": (*View).entered, "BridgeLeave": (*View).left,
	"LocalOptimizationBegin": (*View).optimizing, "LocalOptimizationEnd": (*View).optimized,
	"QueueCallerJoin": (*View).queued, "QueueCallerLeave": (*View).unqueued,
	"ParkedCall": (*View).park, "ParkedCallSwap": (*View).park,
	"UnParkedCall": (*View).unpark, "ParkedCallTimeOut": (*View).unpark, "ParkedCallGiveUp": (*View).unpark,
	"ConfbridgeStart": (*View).joined, "ConfbridgeJoin": (*View).joined, "ConfbridgeLeave": (*View).parted, "ConfbridgeEnd": (*View).closed,
}

// aside tells the events that may come before the first or behind the last one of what they name (ami/ordering.md 4, 26).
func aside(name []byte) bool {
	switch string(name) {
	case "AgentComplete", "BlindTransfer", "AttendedTransfer", "OriginateResponse", "Cdr", "CEL", "UserEvent", "DeviceStateChange":
		return true
	}
	for _, family := range [...]string{"Parked", "UnParked", "Confbridge", "Meetme"} {
		if len(name) > len(family) && string(name[:len(family)]) == family {
			return true
		}
	}
	return false
}
