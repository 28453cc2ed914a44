package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Schema is the version of the frames this package writes and reads.
const Schema = 1

// Frame is the decoded amibus.v1.Frame.
type Frame struct {
	Site, Node string
	Epoch      uint64
	First      uint64 // seq of Entries[0], or of the next event if there is none
	Mark       int64  // hybrid clock, nanoseconds
	Sent       int64  // wall clock of the sender, Unix nanoseconds
	Entries    []Entry
}

// ErrSchema is wrapped by the error for a frame of another schema version.
var ErrSchema = fmt.Errorf("%w: unknown schema version", ErrMalformed)

// AppendFrame appends the marshalled frame.
func AppendFrame(dst []byte, f *Frame) []byte {
	dst = appendBytes(dst, 1, []byte(f.Site))
	dst = appendBytes(dst, 2, []byte(f.Node))
	dst = appendUint(dst, 3, f.Epoch)
	dst = appendUint(dst, 4, f.First)
	dst = appendFixed(dst, 5, f.Mark)
	dst = appendUint(dst, 6, Schema)
	dst = appendFixed(dst, 7, f.Sent)
	for i := range f.Entries {
		dst = protowire.AppendTag(dst, 15, protowire.BytesType)
		dst = protowire.AppendBytes(dst, f.Entries[i].raw)
	}
	return dst
}

func appendUint(dst []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, num, protowire.VarintType), v)
}

func appendFixed(dst []byte, num protowire.Number, v int64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendFixed64(protowire.AppendTag(dst, num, protowire.Fixed64Type), uint64(v))
}

// ParseFrame reads a marshalled frame into f, whose Entries slice is reused. Entries point into b. Site and Node are
// allocated only if they differ from what f holds.
func ParseFrame(b []byte, f *Frame) error {
	old := *f
	*f = Frame{Entries: old.Entries[:0]}
	schema := uint64(0)
	for at := 0; at < len(b); {
		num, typ, n := protowire.ConsumeTag(b[at:])
		if n < 0 {
			return fmt.Errorf("%w: frame: bad tag", ErrMalformed)
		}
		at += n
		v, body, n := consume(num, typ, b[at:])
		if n < 0 {
			return fmt.Errorf("%w: frame: field %d is cut off", ErrMalformed, num)
		}
		at += n
		switch {
		case num == 1 && typ == protowire.BytesType:
			f.Site = keep(old.Site, body)
		case num == 2 && typ == protowire.BytesType:
			f.Node = keep(old.Node, body)
		case num == 3 && typ == protowire.VarintType:
			f.Epoch = v
		case num == 4 && typ == protowire.VarintType:
			f.First = v
		case num == 5 && typ == protowire.Fixed64Type:
			f.Mark = int64(v)
		case num == 6 && typ == protowire.VarintType:
			schema = v
		case num == 7 && typ == protowire.Fixed64Type:
			f.Sent = int64(v)
		case num == 15 && typ == protowire.BytesType:
			e, err := ParseEntry(body)
			if err != nil {
				return err
			}
			f.Entries = append(f.Entries, e)
		}
	}
	if schema != Schema {
		return fmt.Errorf("%w: frame of %s/%s has version %d, this binary reads %d", ErrSchema, f.Site, f.Node, schema, Schema)
	}
	return nil
}

// consume reads one field value: v for numbers, body for bytes. n is negative if it is malformed.
func consume(num protowire.Number, typ protowire.Type, b []byte) (v uint64, body []byte, n int) {
	switch typ {
	case protowire.VarintType:
		v, n = protowire.ConsumeVarint(b)
	case protowire.Fixed64Type:
		v, n = protowire.ConsumeFixed64(b)
	case protowire.BytesType:
		body, n = protowire.ConsumeBytes(b)
	default:
		n = protowire.ConsumeFieldValue(num, typ, b)
	}
	return v, body, n
}

func keep(old string, b []byte) string {
	if old == string(b) {
		return old
	}
	return string(b)
}
