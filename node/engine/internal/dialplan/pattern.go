package dialplan

import (
	"bytes"
	"cmp"
	"strings"
)

// Classes of a pattern's characters, in the order in which Asterisk prefers them: few characters first, the wildcards last.
const (
	rankAny   = 0x18000 // "."
	rankEarly = 0x28000 // "!"
	rankEnd   = 0x30000
	rankWrong = 0x40000 // a set without its "]"
)

// match is how an extension fits what was dialled.
type match int

const (
	no match = iota
	yes
	early // by "!": the decision is final, no further digit is waited for
)

// mode is which fits count: complete ones, those that need more digits, or both.
type mode int

const (
	modeMatch mode = iota
	modeMore
	modeCan
)

// undash skips the dashes that Asterisk ignores in extensions.
func undash(s string) string {
	for s != "" && s[0] == '-' {
		s = s[1:]
	}
	return s
}

// MatchPattern reports whether an extension or pattern, such as "100" or "_1XX.", fits what was dialled, completely.
func MatchPattern(pattern, dialled string) bool { return fit(pattern, dialled, modeMatch) != no }

func fit(pattern, dialled string, m mode) match {
	if !strings.HasPrefix(pattern, "_") {
		return fitLiteral(pattern, dialled, m)
	}
	if m == modeMatch && strings.HasPrefix(dialled, "_") && comparePatterns(pattern[1:], dialled[1:]) == 0 {
		return yes // a pattern is asked for by its own name
	}
	return fitPattern(pattern[1:], dialled, m)
}

func fitLiteral(literal, dialled string, m mode) match {
	for {
		literal, dialled = undash(literal), undash(dialled)
		switch {
		case dialled == "" && literal == "":
			return whether(m != modeMore)
		case dialled == "":
			return whether(m != modeMatch)
		case literal == "" || literal[0] != dialled[0]:
			return no
		}
		literal, dialled = literal[1:], dialled[1:]
	}
}

func whether(b bool) match {
	if b {
		return yes
	}
	return no
}

func fitPattern(pattern, dialled string, m mode) match {
	for {
		pattern, dialled = undash(pattern), undash(dialled)
		if dialled == "" || pattern == "" {
			break
		}
		c, rest := dialled[0], pattern[1:]
		var fits bool
		switch pattern[0] {
		case '[':
			set, after, ok := strings.Cut(rest, "]")
			if !ok {
				return no
			}
			if rest = after; set == "" {
				pattern = rest
				continue
			}
			fits = inSet(set, c)
		case '.':
			return yes
		case '!':
			return early
		default:
			lo, hi := class(pattern[0])
			fits = lo <= c && c <= hi
		}
		if !fits {
			return no
		}
		pattern, dialled = rest, dialled[1:]
	}
	switch {
	case dialled != "":
		return no
	case pattern == "":
		return whether(m != modeMore)
	case pattern[0] == '!':
		return early
	}
	return whether(m != modeMatch)
}

// class is what one character of a pattern stands for.
func class(c byte) (lo, hi byte) {
	switch c {
	case 'N', 'n':
		return '2', '9'
	case 'X', 'x':
		return '0', '9'
	case 'Z', 'z':
		return '1', '9'
	}
	return c, c
}

func inSet(set string, c byte) bool {
	for lo, hi := range ranges(set) {
		if lo <= c && c <= hi {
			return true
		}
	}
	return false
}

// ranges yields what a set, such as "1-3ac", is made of.
func ranges(set string) func(yield func(lo, hi byte) bool) {
	return func(yield func(lo, hi byte) bool) {
		for i := 0; i < len(set); i++ {
			lo, hi := set[i], set[i]
			if i+2 < len(set) && set[i+1] == '-' {
				hi = set[i+2]
				i += 2
			}
			if !yield(lo, hi) {
				return
			}
		}
	}
}

// compareExtens orders the extensions of a context as they are tried: literals, then patterns from the most specific character on.
func compareExtens(a, b string) int {
	aPattern, bPattern := strings.HasPrefix(a, "_"), strings.HasPrefix(b, "_")
	switch {
	case !aPattern && !bPattern:
		return compareLiterals(a, b)
	case !aPattern:
		return -1
	case !bPattern:
		return 1
	}
	return comparePatterns(a[1:], b[1:])
}

func compareLiterals(a, b string) int {
	for {
		a, b = undash(a), undash(b)
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
}

func comparePatterns(a, b string) int {
	for {
		var rankA, rankB int
		var setA, setB charSet
		rankA, a = setA.next(a)
		rankB, b = setB.next(b)
		if c := cmp.Compare(rankA, rankB); c != 0 {
			return c
		}
		if c := bytes.Compare(setB[:], setA[:]); c != 0 {
			return c // equally many: the set with the lower characters first
		}
		if rankA == rankEnd {
			return 0
		}
	}
}

// charSet has one bit for each character, the lowest character in the highest bit.
type charSet [32]byte

func (s *charSet) add(lo, hi byte) (added int) {
	for c := int(lo); c <= int(hi); c++ {
		if mask := byte(0x80) >> (c % 8); s[c/8]&mask == 0 {
			s[c/8] |= mask
			added++
		}
	}
	return added
}

// next takes one character or set off a pattern. Its rank is the number of characters it stands for, then the lowest of them.
func (s *charSet) next(pattern string) (rank int, rest string) {
	for {
		if pattern = undash(pattern); pattern == "" {
			return rankEnd, ""
		}
		c := pattern[0]
		pattern = pattern[1:]
		switch c {
		case '.':
			return rankAny, pattern
		case '!':
			return rankEarly, pattern
		case '[':
			set, after, ok := strings.Cut(pattern, "]")
			if !ok {
				return rankWrong, pattern
			}
			pattern = after
			if rank = s.addSet(set); rank != 0 {
				return rank, pattern
			} // an empty set is nothing
		default:
			lo, hi := class(c)
			return s.add(lo, hi)<<8 | int(lo), pattern
		}
	}
}

func (s *charSet) addSet(set string) (rank int) {
	count, lowest := 0, byte(0xff)
	for lo, hi := range ranges(set) {
		lowest = min(lowest, lo)
		count += s.add(lo, hi)
	}
	if count == 0 {
		return 0
	}
	return count<<8 | int(lowest)
}
