package owner

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// numberAt returns where the number starts in an id as Asterisks make them, digits.digits, also with ";1" or ";2" behind it, behind the
// systemname and a hyphen if there is one (ami/behaviour.md 16.20); -1 for anything else.
func numberAt(k []byte) int {
	end := len(k)
	if end > 2 && k[end-2] == ';' && (k[end-1] == '1' || k[end-1] == '2') {
		end -= 2
	}
	counter := digitsBefore(k, end)
	if counter == end || counter == 0 || k[counter-1] != '.' {
		return -1
	}
	at := digitsBefore(k, counter-1)
	if at == counter-1 || at > 0 && (k[at-1] != '-' || at == 1) {
		return -1
	}
	return at
}

// digitsBefore returns where the digits start that end before end.
func digitsBefore(k []byte, end int) int {
	for end > 0 && k[end-1]-'0' <= 9 {
		end--
	}
	return end
}

// hashKey is the same for all keys of one channel that differ in case, or in what stands before the number of an id.
func (r *Registry) hashKey(k []byte, number int) uint32 {
	if number > 0 {
		k = k[number:]
	}
	h := r.seed ^ uint64(len(k))
	switch n := len(k); {
	case n > 16:
		for i := 0; i < n-16; i += 16 {
			h = multiply(h^word(k[i:]), word(k[i+8:])^mix)
		}
		return uint32(multiply(h^word(k[n-16:]), word(k[n-8:])^mix))
	case n >= 8:
		return uint32(multiply(h^word(k), word(k[n-8:])^mix))
	}
	for _, c := range k {
		h = h<<8 ^ uint64(c|0x20)
	}
	return uint32(multiply(h, mix))
}

func word(k []byte) uint64 { return binary.LittleEndian.Uint64(k) | fold }

const (
	fold = 0x2020202020202020 // makes letters lower; what else it makes equal, sameFold tells apart
	mix  = 0x9e3779b97f4a7c15
)

func multiply(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// sameFold compares ASCII without case.
func sameFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	if bytes.Equal(a, b) {
		return true
	}
	for i := range a {
		if x, y := a[i], b[i]; x != y && lower(x) != lower(y) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
