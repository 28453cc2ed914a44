package wire

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Schema is the version of the frames this package writes and reads.
const Schema = 1

// Tags of a Frame.
const (
	frameSite   = 1<<3 | byte(protowire.BytesType)
	frameNode   = 2<<3 | byte(protowire.BytesType)
	frameEpoch  = 3<<3 | byte(protowire.VarintType)
	frameFirst  = 4<<3 | byte(protowire.VarintType)
	frameMark   = 5<<3 | byte(protowire.Fixed64Type)
	frameSchema = 6<<3 | byte(protowire.VarintType)
	frameSent   = 7<<3 | byte(protowire.Fixed64Type)
	frameRest   = 8<<3 | byte(protowire.VarintType)
	frameEntry  = 15<<3 | byte(protowire.BytesType)
)

// Frame is the decoded amibus.v1.Frame.
type Frame struct {
	Site, Node string
	Epoch      uint64
	First      uint64        // seq of Entries[0], or of the next event if there is none
	Mark       int64         // hybrid clock, nanoseconds
	Sent       int64         // wall clock of the sender, Unix nanoseconds
	Rest       time.Duration // how long the sender may be silent from now on, in whole milliseconds; 0: as usual
	Entries    []Entry
}

// ErrSchema is wrapped by the error for a frame of another schema version.
var ErrSchema = fmt.Errorf("%w: unknown schema version", ErrMalformed)

// AppendFrame appends the marshalled frame. Its entries must come from ParseEntry.
func AppendFrame(dst []byte, f *Frame) []byte {
	const heads = 4 + 4*11 + 2*9 // of all fields but the entries, at most
	size := heads + len(f.Site) + len(f.Node) + 2*8
	for i := range f.Entries {
		size += len(f.Entries[i].raw) + 1 + 5
	}
	dst = slices.Grow(dst, size)
	dst = appendBytes(dst, frameSite, f.Site)
	dst = appendBytes(dst, frameNode, f.Node)
	dst = appendUint(dst, frameEpoch, f.Epoch)
	dst = appendUint(dst, frameFirst, f.First)
	dst = appendFixed(dst, frameMark, f.Mark)
	dst = appendUint(dst, frameSchema, Schema)
	dst = appendFixed(dst, frameSent, f.Sent)
	dst = appendUint(dst, frameRest, uint64(uint32(f.Rest/time.Millisecond)))
	for i := range f.Entries {
		dst = protowire.AppendBytes(append(dst, frameEntry), f.Entries[i].raw)
	}
	return dst
}

// ParseFrame reads a marshalled frame into f, whose Entries slice is reused. Entries point into b. Site and Node are
// allocated only if they differ from what f holds. After an error f is of no use but to be parsed into again.
func ParseFrame(b []byte, f *Frame) error {
	old := *f
	*f = Frame{Entries: old.Entries[:0]}
	schema := uint64(0)
	for at, n := 0, 0; at < len(b); at += 1 + n {
		var v uint64
		field := b[at+1:]
		switch b[at] {
		case frameSite:
			f.Site, n = consumeString(field, old.Site)
		case frameNode:
			f.Node, n = consumeString(field, old.Node)
		case frameEpoch:
			f.Epoch, n = protowire.ConsumeVarint(field)
		case frameFirst:
			f.First, n = protowire.ConsumeVarint(field)
		case frameMark:
			v, n = protowire.ConsumeFixed64(field)
			f.Mark = int64(v)
		case frameSchema:
			if schema, n = protowire.ConsumeVarint(field); n > 0 && schema != Schema { // what follows may be anything
				return fmt.Errorf("%w: frame of %s/%s has version %d, this binary reads %d", ErrSchema, f.Site, f.Node, schema, Schema)
			}
		case frameSent:
			v, n = protowire.ConsumeFixed64(field)
			f.Sent = int64(v)
		case frameRest:
			v, n = protowire.ConsumeVarint(field)
			f.Rest = time.Duration(uint32(v)) * time.Millisecond
		case frameEntry:
			var body []byte
			if body, n = protowire.ConsumeBytes(field); n < 0 {
				break
			}
			e, err := ParseEntry(body)
			if err != nil {
				return fmt.Errorf("frame of %s/%s: %w", f.Site, f.Node, err)
			}
			f.Entries = append(f.Entries, e)
		default:
			n = skip(b[at:], 1<<1|1<<2|1<<3|1<<4|1<<5|1<<6|1<<7|1<<8|1<<15) - 1
		}
		if n < 0 {
			return fmt.Errorf("%w: frame: bad field at byte %d of %d", ErrMalformed, at, len(b))
		}
	}
	if schema != Schema {
		return fmt.Errorf("%w: no schema version, so it is no frame", ErrMalformed)
	}
	return nil
}
