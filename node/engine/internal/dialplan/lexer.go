package dialplan

import "strings"

// token is one of an expression.
type token struct {
	op   string // its own text; "" is a value, or the end
	text string
	kind valueKind
	end  bool
}

// operator finds the operator a text begins with, and its length. What doubles as one character in Asterisk does so here.
func operator(s string) (op string, n int) {
	if len(s) > 1 {
		switch s[:2] {
		case "||", "&&", "==":
			return s[:1], 2
		case "=~", "~~", ">=", "<=", "!=", "::":
			return s[:2], 2
		}
	}
	if strings.IndexByte("|&=><+,-*/%?!:()", s[0]) >= 0 {
		return s[:1], 1
	}
	return "", 0
}

// nextToken takes one token off an expression. What no token begins with is skipped, as Asterisk's scanner does.
func nextToken(s string) (token, string) {
	for s != "" {
		if word := wordLen(s); word > 0 {
			t := token{text: s[:word], kind: kindText}
			if isDecimal(t.text) {
				t.kind = kindNumeric
			}
			return t, s[word:]
		}
		if s[0] == '"' {
			if end := strings.IndexByte(s[1:], '"'); end >= 0 {
				return token{text: s[:end+2], kind: kindText}, s[end+2:]
			}
		}
		if op, n := operator(s); n > 0 {
			return token{op: op}, s[n:]
		}
		s = s[1:]
	}
	return token{end: true}, ""
}

// wordLen measures a word: letters, digits and a few signs, "$" with the character behind it, and "${…}" that came out of a variable.
func wordLen(s string) int {
	i, trail := 0, false
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], "${"):
			end := closing(s[i+2:])
			if end < 0 {
				return len(s)
			}
			i, trail = i+2+end+1, true
		case trail:
			if strings.IndexByte("-\t\r \n$():?%/+=*<>!|&", s[i]) >= 0 {
				return i
			}
			i++
		case s[i] == '$' && i+1 < len(s):
			i += 2
		case isWord(s[i]):
			i++
		default:
			return i
		}
	}
	return i
}

// closing finds the "}" that belongs to a "{" before s.
func closing(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= 0x80 || strings.IndexByte(`.';\_^#@`, c) >= 0
}

// isDecimal is digits, with a point between them maybe.
func isDecimal(s string) bool {
	before, after, point := strings.Cut(s, ".")
	return isDigits(before) && (!point || isDigits(after))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
