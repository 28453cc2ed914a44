package owner

import (
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
	at := counter - 1
	if eightDigits(k, at) { // of the ten that the seconds have
		at -= 8
	}
	at = digitsBefore(k, at)
	if at == counter-1 || at > 0 && (k[at-1] != '-' || at == 1) {
		return -1
	}
	return at
}

// digitsBefore returns where the digits start that end before end. Branches are cheaper here than arithmetic: they are guessed right.
func digitsBefore(k []byte, end int) int {
	for end > 0 && k[end-1]-'0' <= 9 {
		end--
	}
	return end
}

// eightDigits tells whether all bytes before end are digits, for eight of them.
func eightDigits(k []byte, end int) bool {
	if end < 8 {
		return false
	}
	const ones = 0x0101010101010101
	w := binary.LittleEndian.Uint64(k[end-8:]) ^ '0'*ones
	return (w&(0x7f*ones)+(0x80-10)*ones|w)&(0x80*ones) == 0 // no addition carries into the next byte
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

// sameFold compares ASCII without case. Most often they are the same with it.
func sameFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	n := len(a)
	if n < 8 {
		return foldEqual(a, b)
	}
	for i := 0; i < n-8; i += 8 {
		if binary.LittleEndian.Uint64(a[i:]) != binary.LittleEndian.Uint64(b[i:]) {
			return foldEqual(a, b)
		}
	}
	return binary.LittleEndian.Uint64(a[n-8:]) == binary.LittleEndian.Uint64(b[n-8:]) || foldEqual(a, b)
}

func foldEqual(a, b []byte) bool {
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
