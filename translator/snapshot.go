package translator

import (
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Channel is one snapshot of a channel, never changed once published.
type Channel struct {
	Name, Uniqueid, Linkedid                           string
	State                                              int
	CallerNum, CallerName, ConnectedNum, ConnectedName string
	Language, AccountCode, Tenantid, Context, Exten    string
	Priority                                           int
	Vars                                               []Variable // those of channelvars
	Application, AppData                               string
	Presentation                                       int // of the caller id
	Cause                                              int // of the hangup
	Gone                                               bool
}

// Variable is one NAME=VALUE.
type Variable struct{ Name, Value string }

// Bridge is one snapshot of a bridge, never changed once published.
type Bridge struct {
	Uniqueid, Type, Technology, Creator, Name, VideoMode string
	Channels                                             int
}

// stateNames are the descriptions of the channel states (ami/snapshots.json state_desc).
var stateNames = [...]string{"Down", "Rsrvd", "OffHook", "Dialing", "Ring", "Ringing", "Up", "Busy", "Dialing Offhook", "Pre-ring"}

// StateName returns Asterisk's description of a channel state.
func StateName(state int) string {
	if state >= 0 && state < len(stateNames) {
		return stateNames[state]
	}
	return "Unknown (" + strconv.Itoa(state) + ")"
}

// append appends the group of headers, each with the role in front.
func (c *Channel) append(dst []byte, role string) []byte {
	for i := range channelGroup.headers {
		h := &channelGroup.headers[i]
		if h.kind == pairs {
			for _, v := range c.Vars {
				dst = appendName(dst, role, h.name)
				dst = append(append(dst, v.Name...), '=')
				dst = append(appendEscaped(dst, v.Value), "\r\n"...)
			}
			continue
		}
		if h.kind == unsigned || h.kind == signed {
			dst = append(strconv.AppendInt(appendName(dst, role, h.name), int64(c.number(h.num)), 10), "\r\n"...)
			continue
		}
		value, escaped := c.text(h.num)
		dst = appendHeader(dst, role, h, value, escaped)
	}
	return dst
}

func (c *Channel) number(num protowire.Number) int {
	if num == 13 {
		return c.Priority
	}
	return c.State
}

// text returns the value of a header by its field in the layout, and whether Asterisk escapes it.
func (c *Channel) text(num protowire.Number) (value string, escaped bool) {
	switch num {
	case 2:
		return c.Name, false
	case 4:
		return StateName(c.State), false
	case 5:
		return c.CallerNum, false
	case 6:
		return c.CallerName, true
	case 7:
		return c.ConnectedNum, false
	case 8:
		return c.ConnectedName, true
	case 9:
		return c.Language, false
	case 10:
		return c.AccountCode, false
	case 11:
		return c.Context, false
	case 12:
		return c.Exten, false
	case 14:
		return c.Uniqueid, false
	case 15:
		return c.Linkedid, false
	}
	return c.Tenantid, false
}

func (b *Bridge) append(dst []byte, role string) []byte {
	values := [...]string{2: b.Uniqueid, b.Type, b.Technology, b.Creator, b.Name, "", b.VideoMode, ""}
	for i := range bridgeGroup.headers {
		h := &bridgeGroup.headers[i]
		if h.kind == unsigned {
			dst = append(strconv.AppendInt(appendName(dst, role, h.name), int64(b.Channels), 10), "\r\n"...)
			continue
		}
		if h.name == "BridgeVideoSource" {
			continue // there is no video
		}
		dst = appendHeader(dst, role, h, values[h.num], false)
	}
	return dst
}

// appendHeader appends one text header of a group: "<unknown>" or nothing at all where that is what Asterisk writes for an empty value.
func appendHeader(dst []byte, role string, h *header, value string, escaped bool) []byte {
	if value == "" && h.name == "Tenantid" {
		return dst
	}
	dst = appendName(dst, role, h.name)
	switch {
	case value == "" && h.kind == known:
		dst = append(dst, unknown...)
	case escaped:
		dst = appendEscaped(dst, value)
	default:
		dst = appendPlain(dst, value)
	}
	return append(dst, "\r\n"...)
}

func appendName(dst []byte, role, name string) []byte {
	return append(append(append(dst, role...), name...), ": "...)
}

// appendPlain appends a value that Asterisk does not escape. A line end in it would tear the message: it becomes a blank.
func appendPlain(dst []byte, value string) []byte {
	at := len(dst)
	dst = append(dst, value...)
	for i := at; i < len(dst); i++ {
		if c := dst[i]; c == '\r' || c == '\n' || c == 0 {
			dst[i] = ' '
		}
	}
	return dst
}

// appendEscaped appends a value as Asterisk escapes names, variables and their values (ami/snapshots.json c_escape).
func appendEscaped(dst []byte, value string) []byte {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case '\a':
			dst = append(dst, `\a`...)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\v':
			dst = append(dst, `\v`...)
		case '\\', '\'', '"', '?':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
