package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrMalformed is wrapped by every error of this package.
var ErrMalformed = errors.New("malformed message")

// hlcAt is the offset of the hlc value in a marshalled Entry: it is the first field, one byte of tag.
const hlcAt = 1

// Entry is a view of a marshalled amibus.v1.Entry. The zero value is no entry.
type Entry struct {
	raw      []byte
	classes  uint64
	name     span
	uniqueid span
	linkedid span
	ami      span
}

type span struct{ from, to uint32 }

// Raw returns the marshalled bytes.
func (e *Entry) Raw() []byte { return e.raw }

// Classes returns the class bits.
func (e *Entry) Classes() uint64 { return e.classes }

// Name returns the event's name.
func (e *Entry) Name() []byte { return e.raw[e.name.from:e.name.to:e.name.to] }

// Uniqueid returns what the event is keyed by.
func (e *Entry) Uniqueid() []byte { return e.raw[e.uniqueid.from:e.uniqueid.to:e.uniqueid.to] }

// Linkedid returns the Linkedid that belongs to Uniqueid.
func (e *Entry) Linkedid() []byte { return e.raw[e.linkedid.from:e.linkedid.to:e.linkedid.to] }

// AMI returns the event as every node serves it.
func (e *Entry) AMI() []byte { return e.raw[e.ami.from:e.ami.to:e.ami.to] }

// HLC returns the hybrid clock, nanoseconds; 0 before Stamp.
func (e *Entry) HLC() int64 { return int64(binary.LittleEndian.Uint64(e.raw[hlcAt:])) }

// Stamp writes the hybrid clock into the marshalled bytes.
func (e *Entry) Stamp(hlc int64) { binary.LittleEndian.PutUint64(e.raw[hlcAt:], uint64(hlc)) }

// AppendEntry appends a marshalled Entry with hlc 0.
func AppendEntry(dst []byte, classes uint64, name, uniqueid, linkedid, ami []byte) []byte {
	dst = protowire.AppendTag(dst, 1, protowire.Fixed64Type)
	dst = protowire.AppendFixed64(dst, 0)
	if classes != 0 {
		dst = protowire.AppendTag(dst, 2, protowire.VarintType)
		dst = protowire.AppendVarint(dst, classes)
	}
	dst = appendBytes(dst, 3, name)
	dst = appendBytes(dst, 4, uniqueid)
	dst = appendBytes(dst, 5, linkedid)
	return appendBytes(dst, 6, ami)
}

func appendBytes(dst []byte, num protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	dst = append(dst, byte(protowire.EncodeTag(num, protowire.BytesType))) // numbers here are below 16
	return protowire.AppendBytes(dst, v)
}

// ParseEntry returns a view of the marshalled Entry b, which must start with its hlc.
func ParseEntry(b []byte) (Entry, error) {
	e := Entry{raw: b}
	if len(b) < hlcAt+8 || b[0] != byte(protowire.EncodeTag(1, protowire.Fixed64Type)) {
		return Entry{}, fmt.Errorf("%w: entry does not start with its hlc", ErrMalformed)
	}
	for at := hlcAt + 8; at < len(b); {
		num, typ, n := protowire.ConsumeTag(b[at:])
		if n < 0 {
			return Entry{}, fmt.Errorf("%w: entry: bad tag", ErrMalformed)
		}
		at += n
		switch {
		case num == 2 && typ == protowire.VarintType:
			v, n := protowire.ConsumeVarint(b[at:])
			if n < 0 {
				return Entry{}, fmt.Errorf("%w: entry: bad classes", ErrMalformed)
			}
			e.classes, at = v, at+n
		case num >= 3 && num <= 6 && typ == protowire.BytesType:
			v, n := protowire.ConsumeBytes(b[at:])
			if n < 0 {
				return Entry{}, fmt.Errorf("%w: entry: field %d is cut off", ErrMalformed, num)
			}
			at += n
			e.set(num, span{uint32(at - len(v)), uint32(at)})
		case num == 1:
			return Entry{}, fmt.Errorf("%w: entry: second hlc", ErrMalformed)
		default:
			n := protowire.ConsumeFieldValue(num, typ, b[at:])
			if n < 0 {
				return Entry{}, fmt.Errorf("%w: entry: field %d is cut off", ErrMalformed, num)
			}
			at += n
		}
	}
	return e, nil
}

func (e *Entry) set(num protowire.Number, s span) {
	switch num {
	case 3:
		e.name = s
	case 4:
		e.uniqueid = s
	case 5:
		e.linkedid = s
	case 6:
		e.ami = s
	}
}
