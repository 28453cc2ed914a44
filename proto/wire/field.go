package wire

import (
	"encoding/binary"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields of a message are written in the order of their numbers, and left out where they are empty, as proto.Marshal does.

func appendBytes[T string | []byte](dst []byte, tag byte, v T) []byte {
	if len(v) == 0 {
		return dst
	}
	return append(protowire.AppendVarint(append(dst, tag), uint64(len(v))), v...)
}

func appendUint(dst []byte, tag byte, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(append(dst, tag), v)
}

func appendFixed(dst []byte, tag byte, v int64) []byte {
	if v == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint64(append(dst, tag), uint64(v))
}

// consumeString reads the value of a string field: the old string if it is the same. n is negative if it is cut off or no UTF-8,
// which proto.Unmarshal refuses as well.
func consumeString(b []byte, old string) (s string, n int) {
	v, n := protowire.ConsumeBytes(b)
	if string(v) == old {
		return old, n
	}
	if !utf8.Valid(v) {
		return "", -1
	}
	return string(v), n
}

// skip returns the length of the field at the start of b, tag included. It is negative if the field is malformed, or if its
// number is one of the known ones, given as bits: then its type is not the known one, or its tag is longer than it should be.
func skip(b []byte, known uint64) int {
	num, typ, n := protowire.ConsumeTag(b)
	if n < 0 || num > protowire.MaxValidNumber || num < 64 && known>>num&1 != 0 {
		return -1
	}
	v := protowire.ConsumeFieldValue(num, typ, b[n:])
	if v < 0 {
		return -1
	}
	return n + v
}
