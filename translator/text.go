package translator

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

// AppendText appends the AMI text rendered from a marshalled amibus.v1.Event alone. On an error, which wraps
// wire.ErrMalformed, dst is returned as it was.
func AppendText(dst []byte, event []byte) ([]byte, error) {
	var head fields
	if err := head.read(event, eventRaw); err != nil {
		return dst, fmt.Errorf("render event: %w", err)
	}
	out := append(append(append(dst, "Event: "...), head.bytes[eventName]...), crlf...)
	if head.ints[eventPlain] == 0 {
		out = append(out, "Privilege: "...)
		out = append(ami.Class(head.ints[eventClasses]).AppendPrivilege(out), crlf...)
	}
	out, err := appendEach(out, event, eventSegments, appendSegmentText)
	if err != nil {
		return dst, fmt.Errorf("render event %q: %w", head.bytes[eventName], err)
	}
	return append(out, crlf...), nil
}

// appendSegmentText appends the lines of a Segment.
func appendSegmentText(dst, segment []byte) ([]byte, error) {
	f, _, err := next(segment)
	if err != nil {
		return dst, err
	}
	switch f.num {
	case segmentField:
		return appendFieldText(dst, f.bytes)
	case channelGroup.num:
		return channelGroup.appendText(dst, f.bytes)
	case bridgeGroup.num:
		return bridgeGroup.appendText(dst, f.bytes)
	case segmentLine:
		return append(append(dst, f.bytes...), crlf...), nil
	}
	return dst, fmt.Errorf("%w: unknown kind of segment %d", wire.ErrMalformed, f.num)
}

func appendFieldText(dst, msg []byte) ([]byte, error) {
	var f fields
	if err := f.read(msg, pairRaw); err != nil {
		return dst, err
	}
	dst = append(append(dst, f.bytes[pairName]...), ':')
	if f.ints[pairTight] == 0 {
		dst = append(dst, ' ')
	}
	return append(append(dst, f.bytes[pairValue]...), crlf...), nil
}

// appendText appends the headers of a snapshot.
func (g *layout) appendText(dst, msg []byte) ([]byte, error) {
	var f fields
	if err := f.read(msg, groupRaw); err != nil {
		return dst, err
	}
	role := f.bytes[groupRole]
	for i := range g.headers {
		h := &g.headers[i]
		value := f.bytes[h.num]
		absent := value == nil
		if h.kind == pairs {
			return appendEach(dst, msg, h.num, func(dst, variable []byte) ([]byte, error) {
				return appendVariableText(append(append(dst, role...), h.name...), variable)
			})
		}
		if h.kind == since && absent {
			continue
		}
		dst = append(append(append(dst, role...), h.name...), ": "...)
		switch {
		case h.kind == unsigned:
			dst = strconv.AppendUint(dst, uint64(uint32(f.ints[h.num])), 10)
		case h.kind == signed:
			dst = strconv.AppendInt(dst, int64(int32(f.ints[h.num])), 10)
		case h.kind == known && absent:
			dst = append(dst, unknown...)
		default:
			dst = append(dst, value...)
		}
		dst = append(dst, crlf...)
	}
	return dst, nil
}

func appendVariableText(dst, msg []byte) ([]byte, error) {
	var f fields
	if err := f.read(msg, pairRaw); err != nil {
		return dst, err
	}
	dst = append(append(append(dst, ": "...), f.bytes[pairName]...), '=')
	return append(append(dst, f.bytes[pairValue]...), crlf...), nil
}

// fields holds the last value of each field of a message, by number; every number of the schema but those of the raw maps is
// below its size.
type fields struct {
	ints  [18]uint64
	bytes [18][]byte // nil if absent
}

// read collects the fields of msg. The map raw has the exact bytes of strings and wins, wherever it stands.
func (f *fields) read(msg []byte, raw protowire.Number) error {
	exact := false
	for rest := msg; len(rest) > 0; {
		v, after, err := next(rest)
		if err != nil {
			return err
		}
		rest = after
		if v.num == raw {
			exact = true
		} else if int(v.num) < len(f.ints) {
			f.ints[v.num], f.bytes[v.num] = v.int, v.bytes
		}
	}
	for rest := msg; exact && len(rest) > 0; {
		v, after, err := next(rest)
		if err != nil {
			return err
		}
		rest = after
		if v.num == raw {
			var entry fields
			if err := entry.read(v.bytes, 0); err != nil {
				return err
			}
			if num := entry.ints[1]; num < uint64(len(f.bytes)) {
				f.bytes[num] = entry.bytes[2]
			}
		}
	}
	return nil
}

// appendEach calls add for each value of a repeated field, in order.
func appendEach(dst, msg []byte, num protowire.Number, add func(dst, value []byte) ([]byte, error)) ([]byte, error) {
	for len(msg) > 0 {
		v, rest, err := next(msg)
		if err != nil {
			return dst, err
		}
		msg = rest
		if v.num == num {
			if dst, err = add(dst, v.bytes); err != nil {
				return dst, err
			}
		}
	}
	return dst, nil
}

// value is one field as it stands on the wire; bytes is nil if it is a number.
type value struct {
	num   protowire.Number
	int   uint64
	bytes []byte
}

// next reads the first field of msg.
func next(msg []byte) (v value, rest []byte, err error) {
	num, typ, n := protowire.ConsumeTag(msg)
	if n < 0 {
		return value{}, nil, fmt.Errorf("%w: bad tag", wire.ErrMalformed)
	}
	v.num, msg = num, msg[n:]
	switch typ {
	case protowire.VarintType:
		v.int, n = protowire.ConsumeVarint(msg)
	case protowire.BytesType:
		v.bytes, n = protowire.ConsumeBytes(msg)
	default:
		n = protowire.ConsumeFieldValue(num, typ, msg)
	}
	if n < 0 {
		return value{}, nil, fmt.Errorf("%w: field %d is cut off", wire.ErrMalformed, num)
	}
	return v, msg[n:], nil
}
