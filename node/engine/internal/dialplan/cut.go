package dialplan

import (
	"math"
	"strings"
)

// readCut is CUT(variable,delimiter,fields): fields of a variable's value, such as "2", "2-", "-3", "1-3&5".
func readCut(e *evaluator, dst []byte, args string) ([]byte, bool) {
	parts := SplitArgs(args, 3)
	if len(parts) < 3 {
		e.env.Warn("Syntax: CUT(<varname>,<char-delim>,<range-spec>) - missing argument!")
		return dst, false
	}
	if !e.step() {
		return dst, false
	}
	value := e.nested(dst, "${"+parts[0]+"}")
	delimiter := encodedChar(parts[1])
	field, more := 1, value != ""
	written := 0
	for spec := range strings.SplitSeq(parts[2], "&") {
		if !more {
			break
		}
		from, to, ok := fieldRange(spec)
		if !ok {
			e.env.Warn("Usage: CUT(<varname>,<char-delim>,<range-spec>)")
			return dst, false
		}
		for ; more && field < from; field++ {
			_, value, more = cutByte(value, delimiter)
		}
		if field > from {
			e.env.Warn("We're already past the field you wanted?")
		}
		for ; more && field <= to; field++ {
			var one string
			one, value, more = cutByte(value, delimiter)
			if written > 0 && delimiter >= 0 {
				dst = append(dst, byte(delimiter))
			}
			written++
			dst = append(dst, one...)
		}
	}
	return dst, true
}

// cutByte cuts at a delimiter; -1 is none at all.
func cutByte(s string, delimiter int) (before, after string, more bool) {
	if delimiter >= 0 {
		if i := strings.IndexByte(s, byte(delimiter)); i >= 0 {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func fieldRange(spec string) (from, to int, ok bool) {
	if last, isUpTo := strings.CutPrefix(spec, "-"); isUpTo {
		to, _, ok = leadingInt(last)
		return 1, to, ok
	}
	from, rest, ok := leadingInt(spec)
	if !ok {
		return 0, 0, false
	}
	last, isRange := strings.CutPrefix(rest, "-")
	if !isRange {
		return from, from, true
	}
	if to, _, ok = leadingInt(last); !ok {
		to = math.MaxInt32
	}
	return from, to, true
}

// encodedChar reads the delimiter, which may be escaped (\n, \t, \x2c, \054). Nothing is "-", NUL is no delimiter (-1).
func encodedChar(s string) int {
	if s == "" {
		return '-'
	}
	if s[0] != '\\' || len(s) == 1 {
		return int(s[0])
	}
	switch c := s[1]; c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'x':
		return encodedNumber(s[2:], 16, 2, '-')
	case '0':
		return encodedNumber(s[2:], 8, 3, -1)
	default:
		return int(c)
	}
}

// encodedNumber reads up to digits of a base; none is otherwise.
func encodedNumber(s string, base, digits, otherwise int) int {
	v, n := 0, 0
	for ; n < len(s) && n < digits; n++ {
		d := strings.IndexByte("0123456789abcdef", s[n]|0x20)
		if d < 0 || d >= base {
			break
		}
		v = v*base + d
	}
	if n == 0 {
		return otherwise
	}
	return v & 0xff
}
