package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrMalformed is wrapped by every error of this package.
var ErrMalformed = errors.New("malformed message")

// Tags of an Entry: number<<3 | type, one byte each.
const (
	entryHLC      = 1<<3 | byte(protowire.Fixed64Type)
	entryClasses  = 2<<3 | byte(protowire.VarintType)
	entryName     = 3<<3 | byte(protowire.BytesType)
	entryUniqueid = 4<<3 | byte(protowire.BytesType)
	entryLinkedid = 5<<3 | byte(protowire.BytesType)
	entryAMI      = 6<<3 | byte(protowire.BytesType)
)

// The hlc is the first field: a tag, then the value.
const (
	hlcAt  = 1
	hlcEnd = hlcAt + 8
)

// Entry is a view of a marshalled amibus.v1.Entry. The zero value is no entry: all of it is empty.
type Entry struct {
	raw     []byte
	classes uint64
	text    [4]span // of fields 3 to 6, in raw
}

type span struct{ from, to uint32 }

// Raw returns the marshalled bytes.
func (e *Entry) Raw() []byte { return e.raw }

// Classes returns the class bits.
func (e *Entry) Classes() uint64 { return e.classes }

// Name returns the event's name.
func (e *Entry) Name() []byte { return e.field(entryName) }

// Uniqueid returns what the event is keyed by.
func (e *Entry) Uniqueid() []byte { return e.field(entryUniqueid) }

// Linkedid returns the Linkedid that belongs to Uniqueid.
func (e *Entry) Linkedid() []byte { return e.field(entryLinkedid) }

// AMI returns the event as every node serves it.
func (e *Entry) AMI() []byte { return e.field(entryAMI) }

func (e *Entry) field(tag byte) []byte {
	s := e.text[tag>>3-3]
	return e.raw[s.from:s.to:s.to]
}

// HLC returns the hybrid clock, nanoseconds; 0 before Stamp.
func (e *Entry) HLC() int64 {
	if len(e.raw) < hlcEnd {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(e.raw[hlcAt:]))
}

// Stamp writes the hybrid clock into the marshalled bytes. It does nothing to no entry.
func (e *Entry) Stamp(hlc int64) {
	if len(e.raw) >= hlcEnd {
		binary.LittleEndian.PutUint64(e.raw[hlcAt:], uint64(hlc))
	}
}

// AppendEntry appends a marshalled Entry with hlc 0.
func AppendEntry(dst []byte, classes uint64, name, uniqueid, linkedid, ami []byte) []byte {
	dst = append(dst, entryHLC, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = appendUint(dst, entryClasses, classes)
	dst = appendBytes(dst, entryName, name)
	dst = appendBytes(dst, entryUniqueid, uniqueid)
	dst = appendBytes(dst, entryLinkedid, linkedid)
	return appendBytes(dst, entryAMI, ami)
}

// ParseEntry returns a view of the marshalled Entry b, which must start with its hlc.
func ParseEntry(b []byte) (Entry, error) {
	if len(b) < hlcEnd || b[0] != entryHLC {
		return Entry{}, fmt.Errorf("%w: entry does not start with its hlc", ErrMalformed)
	}
	if uint64(len(b)) > math.MaxUint32 {
		return Entry{}, fmt.Errorf("%w: entry of %d bytes", ErrMalformed, len(b))
	}
	e := Entry{raw: b}
	for at := hlcEnd; at < len(b); {
		n := 0
		switch tag := b[at]; tag {
		case entryClasses:
			e.classes, n = protowire.ConsumeVarint(b[at+1:])
		case entryName, entryUniqueid, entryLinkedid, entryAMI:
			var v []byte
			v, n = protowire.ConsumeBytes(b[at+1:])
			end := at + 1 + n
			e.text[tag>>3-3] = span{uint32(end - len(v)), uint32(end)}
		default:
			n = skip(b[at:], 1<<1|1<<2|1<<3|1<<4|1<<5|1<<6) - 1
		}
		if n < 0 {
			return Entry{}, fmt.Errorf("%w: entry: bad field at byte %d of %d", ErrMalformed, at, len(b))
		}
		at += 1 + n
	}
	return e, nil
}
