package translator

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

// Ident is what the bus knows of an event: its identity and its place in the order.
type Ident struct {
	Site, Node string
	Epoch, Seq uint64
	HLC        int64
}

var errText = errors.New("not the text of one event: lines end with CRLF, the event with one empty line")

// AppendEvent appends the marshalled amibus.v1.Event of an entry. On an error dst is returned as it was.
func AppendEvent(dst []byte, id Ident, e *wire.Entry) ([]byte, error) {
	name, body, ok := cutHeader(e.AMI(), nil, "Event")
	if !ok {
		return dst, fmt.Errorf("translate event of %s/%s: %w", id.Site, id.Node, ErrNotEvent)
	}
	plain := true
	if value, rest, ok := cutHeader(body, nil, "Privilege"); ok {
		if c, ok := ami.ParsePrivilege(value); ok && uint64(c) == e.Classes() {
			plain, body = false, rest
		}
	}
	out := appendString(dst, 1, []byte(id.Site), 0)
	out = appendString(out, 2, []byte(id.Node), 0)
	out = appendUint(out, 3, id.Epoch)
	out = appendUint(out, 4, id.Seq)
	if id.HLC != 0 {
		out = protowire.AppendFixed64(protowire.AppendTag(out, 5, protowire.Fixed64Type), uint64(id.HLC))
	}
	out = appendUint(out, eventClasses, e.Classes())
	out = appendString(out, eventName, name, eventRaw)
	out = appendString(out, 8, e.Uniqueid(), 0)
	out = appendString(out, 9, e.Linkedid(), 0)
	out = appendUint(out, eventPlain, protowire.EncodeBool(plain))
	out, ok = appendSegments(out, body, bytes.Equal(name, userEvent))
	if !ok {
		return dst, fmt.Errorf("translate event %q of %s/%s: %w", name, id.Site, id.Node, errText)
	}
	return out, nil
}

// appendSegments appends the lines of body, which ends with an empty one, as segments. From the header UserEvent of a UserEvent
// on there are no groups: what looks like one is data.
func appendSegments(dst, body []byte, user bool) ([]byte, bool) {
	data := false
	for !bytes.Equal(body, crlf) {
		if !data {
			if out, rest, ok := appendGroup(dst, body); ok {
				dst, body = out, rest
				continue
			}
		}
		line, rest, ok := cutLine(body)
		if !ok || len(line) == 0 {
			return dst, false
		}
		data = data || user && isHeader(line, "UserEvent")
		dst, body = appendField(dst, line), rest
	}
	return dst, true
}

// appendField appends one line as a segment of its own.
func appendField(dst, line []byte) []byte {
	dst, segment := open(dst, eventSegments)
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok {
		dst = protowire.AppendTag(dst, segmentLine, protowire.BytesType)
		return shut(protowire.AppendBytes(dst, line), segment)
	}
	dst, field := open(dst, segmentField)
	value, blank := bytes.CutPrefix(value, []byte{' '})
	dst = appendString(dst, pairName, name, pairRaw)
	dst = appendString(dst, pairValue, value, pairRaw)
	dst = appendUint(dst, pairTight, protowire.EncodeBool(!blank))
	return shut(shut(dst, field), segment)
}

// appendGroup appends the group of headers that body starts with as a snapshot. ok is false if it starts with none that could
// be rendered back exactly.
func appendGroup(dst, body []byte) (out, rest []byte, ok bool) {
	colon := bytes.IndexByte(body, ':')
	if colon < 0 {
		return dst, body, false
	}
	for _, group := range [...]*layout{&channelGroup, &bridgeGroup} {
		if role, ok := bytes.CutSuffix(body[:colon], []byte(group.headers[0].name)); ok {
			return group.appendSegment(dst, body, role)
		}
	}
	return dst, body, false
}

func (g *layout) appendSegment(dst, body, role []byte) (out, rest []byte, ok bool) {
	// Asterisk writes many a Channel without a group: the second header decides.
	out, segment := open(dst, eventSegments)
	out, snapshot := open(out, g.num)
	out = appendString(out, groupRole, role, groupRaw)
	rest = body
	for i := range g.headers {
		h := &g.headers[i]
		value, after, found := cutHeader(rest, role, h.name)
		if h.kind == pairs {
			for found && bytes.IndexByte(value, '=') >= 0 {
				out, rest = appendVariable(out, h.num, value), after
				value, after, found = cutHeader(rest, role, h.name)
			}
			continue
		}
		if !found && h.kind == since {
			continue
		}
		if found {
			out, found = h.appendValue(out, value)
		}
		if !found {
			return dst, body, false
		}
		rest = after
	}
	return shut(shut(out, snapshot), segment), rest, true
}

// appendValue appends the value of a header of a group. ok is false if it would not be rendered back the same.
func (h *header) appendValue(dst, value []byte) (out []byte, ok bool) {
	switch h.kind {
	case unsigned, signed:
		n, ok := parseInt(value, h.kind)
		return appendUint(dst, h.num, n), ok
	case known:
		if string(value) == unknown {
			return dst, true
		}
		return appendPresent(dst, h.num, value, groupRaw), true
	case since:
		return appendPresent(dst, h.num, value, groupRaw), true
	default:
		return appendString(dst, h.num, value, groupRaw), true
	}
}

func appendVariable(dst []byte, num protowire.Number, value []byte) []byte {
	name, value, _ := bytes.Cut(value, []byte{'='})
	dst, variable := open(dst, num)
	dst = appendString(dst, pairName, name, pairRaw)
	dst = appendString(dst, pairValue, value, pairRaw)
	return shut(dst, variable)
}

// cutLine cuts text behind its first line.
func cutLine(text []byte) (line, rest []byte, ok bool) { return bytes.Cut(text, crlf) }

// cutHeader returns the value of the header role+name, spelled exactly so and with one blank, if text starts with it.
func cutHeader(text, role []byte, name string) (value, rest []byte, ok bool) {
	at := len(role) + len(name)
	if len(text) < at+2 || text[at] != ':' || text[at+1] != ' ' ||
		string(text[len(role):at]) != name || !bytes.Equal(text[:len(role)], role) {
		return nil, nil, false
	}
	return cutLine(text[at+2:])
}

// parseInt returns an integer as protobuf writes it. ok is false unless v is its one canonical form.
func parseInt(v []byte, k kind) (n uint64, ok bool) {
	negative := k == signed && len(v) > 1 && v[0] == '-'
	if negative {
		v = v[1:]
	}
	if !isDigits(v) || len(v) > 10 || v[0] == '0' && (len(v) > 1 || negative) {
		return 0, false
	}
	for _, c := range v {
		n = n*10 + uint64(c-'0')
	}
	switch {
	case negative:
		return -n, n <= -math.MinInt32
	case k == signed:
		return n, n <= math.MaxInt32
	default:
		return n, n <= math.MaxUint32
	}
}

func appendUint(dst []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, num, protowire.VarintType), v)
}

// appendString appends a string field unless it is empty.
func appendString(dst []byte, num protowire.Number, v []byte, raw protowire.Number) []byte {
	if len(v) == 0 {
		return dst
	}
	return appendPresent(dst, num, v, raw)
}

// appendPresent appends a string field. If v is not UTF-8, its exact bytes go into the map raw, unless that is 0.
func appendPresent(dst []byte, num protowire.Number, v []byte, raw protowire.Number) []byte {
	if utf8.Valid(v) {
		return protowire.AppendBytes(protowire.AppendTag(dst, num, protowire.BytesType), v)
	}
	dst, at := open(dst, num)
	for rest := v; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		dst, rest = utf8.AppendRune(dst, r), rest[n:]
	}
	dst = shut(dst, at)
	if raw == 0 {
		return dst
	}
	dst, at = open(dst, raw)
	dst = appendUint(dst, 1, uint64(num))
	dst = protowire.AppendBytes(protowire.AppendTag(dst, 2, protowire.BytesType), v)
	return shut(dst, at)
}

// open starts a field of unknown length; what is appended from at on is its value.
func open(dst []byte, num protowire.Number) (out []byte, at int) {
	dst = append(protowire.AppendTag(dst, num, protowire.BytesType), 0)
	return dst, len(dst)
}

// shut ends the field that open started: one byte was left for its length, and the value moves up if that takes more.
func shut(dst []byte, at int) []byte {
	n := len(dst) - at
	for range protowire.SizeVarint(uint64(n)) - 1 {
		dst = append(dst, 0)
	}
	copy(dst[len(dst)-n:], dst[at:at+n])
	protowire.AppendVarint(dst[:at-1], uint64(n))
	return dst
}
