package verify

import (
	"bytes"

	"github.com/amibus/amibus/proto/ami"
)

// event is what the rules look at of one event. Its bytes are those of the message: nothing of it may be kept but by copying.
type event struct {
	ref     Ref // its head is made when somebody asks for it
	msg     *ami.Message
	spec    *spec
	node    *node
	groups  []group  // channels it names, in the order of its headers
	bridges [][]byte // bridges it names, SwapUniqueid and the like not among them
	values  [headers][]byte
}

// group is one channel in an event: Channel and Uniqueid, both with the same prefix.
type group struct{ prefix, channel, id []byte }

// header is one that a rule asks for.
type header uint8

const (
	hSystemName header = iota
	hTimestamp
	hSynthetic
	hEventID
	hActionID
	hChannelState
	hContext
	hExten
	hPriority
	hApplication
	hDirection
	hDigit
	hDurationMs
	hHandler
	hDialStatus
	hForward
	hBridgeType
	hBridgeNumChannels
	hSwapUniqueid
	hID
	hSuccess
	hLocalOptimization
	hQueue
	hConference
	hResult
	hNewname
	hParkinglot
	hParkingSpace
	hState
	headers
)

// headerOf is a switch, not a map: it runs for each line of each event.
func headerOf(name []byte) header {
	switch string(name) {
	case "SystemName":
		return hSystemName
	case "Timestamp":
		return hTimestamp
	case "Synthetic":
		return hSynthetic
	case "EventID":
		return hEventID
	case "ActionID":
		return hActionID
	case "ChannelState":
		return hChannelState
	case "Context":
		return hContext
	case "Exten", "Extension": // 22 and 12
		return hExten
	case "Priority":
		return hPriority
	case "Application":
		return hApplication
	case "Direction":
		return hDirection
	case "Digit":
		return hDigit
	case "DurationMs":
		return hDurationMs
	case "Handler":
		return hHandler
	case "DialStatus":
		return hDialStatus
	case "Forward":
		return hForward
	case "BridgeType":
		return hBridgeType
	case "BridgeNumChannels":
		return hBridgeNumChannels
	case "SwapUniqueid":
		return hSwapUniqueid
	case "Id":
		return hID
	case "Success":
		return hSuccess
	case "LocalOptimization":
		return hLocalOptimization
	case "Queue":
		return hQueue
	case "Conference":
		return hConference
	case "Result":
		return hResult
	case "Newname":
		return hNewname
	case "Parkinglot":
		return hParkinglot
	case "ParkingSpace":
		return hParkingSpace
	case "State":
		return hState
	}
	return headers
}

// read fills e from its message, in one pass. The first header of a name counts. What stands behind the header UserEvent belongs to
// whoever raised the event, but for the EventID, which a node puts at the end.
func (e *event) read() {
	e.groups, e.bridges = e.groups[:0], e.bridges[:0]
	e.values = [headers][]byte{}
	var channel, prefix []byte // the last …Channel
	for i := 1; i < e.msg.Len(); i++ {
		line := e.msg.Line(i)
		at := bytes.IndexByte(line, ':')
		if at <= 0 {
			continue
		}
		name, value := line[:at], line[at+1:]
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
		if h := headerOf(name); h != headers {
			if e.values[h] == nil {
				e.values[h] = value
			}
			continue
		}
		switch name[at-1] {
		case 'l':
			if p, ok := bytes.CutSuffix(name, []byte("Channel")); ok {
				channel, prefix = value, p
			}
		case 'd', 'D':
			e.identity(name, value, prefix, channel)
		case 't':
			if string(name) == "UserEvent" {
				e.values[hEventID] = e.lastEventID()
				return
			}
		}
	}
}

// identity takes a header that ends in d: Uniqueid, DestUniqueid, DestUniqueId, BridgeUniqueid …
func (e *event) identity(name, id, prefix, channel []byte) {
	const suffix = len("Uniqueid")
	p := len(name) - suffix
	if p < 0 || !bytes.EqualFold(name[p:], []byte("Uniqueid")) || nobody(id) {
		return
	}
	g := group{prefix: name[:p], id: id}
	switch {
	case bytes.HasSuffix(g.prefix, []byte("Bridge")):
		if len(e.bridges) < maxGroups {
			e.bridges = append(e.bridges, id)
		}
		return
	case channel != nil && bytes.Equal(prefix, g.prefix):
		g.channel = channel
	}
	if len(e.groups) < maxGroups {
		e.groups = append(e.groups, g)
	}
}

// maxGroups is more than any event of Asterisk has (AttendedTransfer names six channels).
const maxGroups = 16

// nobody: what Asterisk writes where there is no channel.
func nobody(id []byte) bool {
	switch string(id) {
	case "", "none", "<unknown>", "<null>", "(null)":
		return true
	}
	return false
}

// lastEventID is the EventID among the last three lines: EventID, EventTime, Late.
func (e *event) lastEventID() []byte {
	for i := e.msg.Len() - 1; i >= max(0, e.msg.Len()-3); i-- {
		if name, value, _ := e.msg.Field(i); string(name) == "EventID" {
			return value
		}
	}
	return nil
}

// group returns the channel with that prefix.
func (e *event) group(prefix string) (g group, ok bool) {
	for _, g := range e.groups {
		if string(g.prefix) == prefix {
			return g, true
		}
	}
	return group{}, false
}

// channel returns what is known of the channel with that prefix: nil if there is none, or it was there before the checker.
func (e *event) channel(prefix string) *channel {
	g, _ := e.group(prefix)
	return e.node.channels[string(g.id)]
}

// live is channel, but nil if it is gone.
func (e *event) live(prefix string) *channel {
	if ch := e.channel(prefix); ch != nil && !ch.gone() {
		return ch
	}
	return nil
}

func (e *event) value(h header) string { return string(e.values[h]) }

func (e *event) is(h header, want string) bool { return string(e.values[h]) == want }

func (e *event) synthetic() bool { return e.is(hSynthetic, "yes") }

// pastRules want that something was said before. It may have been, unheard, of a channel whose Newchannel is made up.
var pastRules = []Rule{16, 17, 19, 20, 24, 37, 38, 42, 43}

// unheard tells whether the event names a channel that nobody heard begin.
func (e *event) unheard() bool {
	for i := range e.groups {
		if ch := e.node.channels[string(e.groups[i].id)]; ch != nil && ch.begun {
			return true
		}
	}
	return false
}
