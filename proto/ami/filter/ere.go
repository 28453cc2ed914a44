package filter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxSize bounds what a regular expression unrolls to, and so the time of a match: its instructions, about.
const maxSize = 2000

// invalid is what a byte that is no UTF-8 is taken for, in a pattern and in a text: one of the last 128 private code points, which
// neither a dot nor a negated bracket matches, as in the C library.
const (
	invalid      = 0x10FF00
	invalidClass = `\x{10FF80}-\x{10FFFF}`
)

// piece is a part of an expression in Go's syntax.
type piece struct {
	re           string
	size         int
	empty        bool // of no width, whatever the text: an anchor
	starts, ends bool // it starts (ends) with an ASCII word character, so it is never empty
}

// translate turns an extended regular expression, as the C library of GNU reads it, into Go's syntax. It refuses what regcomp
// refuses, and what has no counterpart: back-references, and \< and \> where no word character is sure to follow or precede.
func translate(pattern string) (re string, size int, err error) {
	p := parser{rest: pattern}
	all, err := p.alternation(false)
	if err != nil {
		return "", 0, fmt.Errorf("at byte %d: %w", len(pattern)-len(p.rest)+1, err)
	}
	return all.re, all.size, nil
}

type parser struct{ rest string }

func (p *parser) ahead(s string) bool { return strings.HasPrefix(p.rest, s) }

func (p *parser) take(s string) bool {
	rest, ok := strings.CutPrefix(p.rest, s)
	p.rest = rest
	return ok
}

// next takes one character.
func (p *parser) next() rune {
	r, n := utf8.DecodeRuneInString(p.rest)
	if r == utf8.RuneError && n == 1 {
		r = invalid + rune(p.rest[0])
	}
	p.rest = p.rest[n:]
	return r
}

// alternation reads up to the end or, nested, up to the closing bracket. Any branch may be empty.
func (p *parser) alternation(nested bool) (piece, error) {
	all, err := p.branch(nested)
	for err == nil && p.take("|") {
		var next piece
		next, err = p.branch(nested)
		all = piece{
			re: all.re + "|" + next.re, size: all.size + next.size + 1,
			starts: all.starts && next.starts, ends: all.ends && next.ends,
		}
	}
	return all, err
}

var (
	errWordStart = errors.New(`\< is only possible before a word character`)
	errWordEnd   = errors.New(`\> is only possible after a word character`)
	errSize      = fmt.Errorf("it unrolls to more than %d steps", maxSize)
)

func (p *parser) branch(nested bool) (all piece, err error) {
	all.empty = true
	want := false // a word character, for a \< before
	for p.rest != "" && !p.ahead("|") && !(nested && p.ahead(")")) {
		if p.take(`\<`) {
			want = true
			all.re, all.size = all.re+`\b`, all.size+1
			continue
		}
		if p.take(`\>`) {
			if !all.ends {
				return all, errWordEnd
			}
			all.re, all.size = all.re+`\b`, all.size+1
			continue
		}
		next, err := p.repeated()
		if err != nil {
			return all, err
		}
		if want && !next.empty && !next.starts {
			return all, errWordStart
		}
		all.re, all.size = all.re+next.re, all.size+next.size
		if all.size > maxSize {
			return all, errSize
		}
		if !next.empty {
			all.starts = next.starts && (all.empty || all.starts)
			all.ends, all.empty, want = next.ends, false, false
		}
	}
	if want {
		return all, errWordStart
	}
	return all, nil
}

// repeated reads an atom with what repeats it; nothing repeats an anchor.
func (p *parser) repeated() (piece, error) {
	atom, err := p.atom()
	for err == nil && !atom.empty && p.rest != "" {
		low, high := 0, -1
		switch {
		case p.take("*"):
		case p.take("+"):
			low = 1
		case p.take("?"):
			high = 1
		case p.take("{"):
			low, high, err = p.interval()
		default:
			return atom, nil
		}
		if err == nil {
			atom, err = repeat(atom, low, high)
		}
	}
	return atom, err
}

// repeat wraps what it repeats: Go takes a** for an error and a*? for another operator.
func repeat(atom piece, low, high int) (piece, error) {
	bounds := fmt.Sprintf("{%d,%d}", low, high)
	switch {
	case low == 0 && high == -1:
		bounds = "*"
	case low == 1 && high == -1:
		bounds = "+"
	case high == -1:
		bounds = fmt.Sprintf("{%d,}", low)
	}
	n := max(low, high, 1)
	if atom.size*n > maxSize {
		return atom, errSize
	}
	return piece{
		re: "(?:" + atom.re + ")" + bounds, size: atom.size*n + 1,
		starts: atom.starts && low > 0, ends: atom.ends && low > 0,
	}, nil
}

// interval reads what follows the opening brace: n} n,} ,m} or n,m}.
func (p *parser) interval() (low, high int, err error) {
	bounds, rest, closed := strings.Cut(p.rest, "}")
	first, second, two := strings.Cut(bounds, ",")
	if !two {
		second = first
	}
	if !closed || bounds == "" || !digits(first) || !digits(second) {
		return 0, 0, errors.New("{ must begin an interval such as {2}, {2,} or {2,5}")
	}
	p.rest = rest
	low, _ = strconv.Atoi(first)
	if high, _ = strconv.Atoi(second); second == "" {
		high = -1
	}
	switch {
	case max(low, high) > 1000:
		return 0, 0, errors.New("an interval goes up to 1000")
	case high >= 0 && low > high:
		return 0, 0, fmt.Errorf("the interval {%s} ends before it starts", bounds)
	}
	return low, high, nil
}

func digits(s string) bool { return len(s) < 6 && strings.Trim(s, "0123456789") == "" }

func (p *parser) atom() (piece, error) {
	switch p.rest[0] {
	case '(':
		return p.group()
	case '[':
		p.rest = p.rest[1:]
		re, size, err := p.bracket()
		return piece{re: re, size: size}, err
	case '\\':
		return p.escape()
	case '*', '+', '?', '{':
		return piece{}, fmt.Errorf("nothing stands before %q", p.rest[0])
	case '.':
		p.rest = p.rest[1:]
		return piece{re: "[^" + invalidClass + "]", size: 1}, nil
	case '^':
		p.rest = p.rest[1:]
		return piece{re: `\A`, size: 1, empty: true}, nil
	case '$':
		p.rest = p.rest[1:]
		return piece{re: `\z`, size: 1, empty: true}, nil
	}
	return literal(p.next()), nil // ) and } too, where they close nothing
}

func (p *parser) group() (piece, error) {
	p.rest = p.rest[1:]
	in, err := p.alternation(true)
	if err == nil && !p.take(")") {
		err = errors.New("a ( is not closed")
	}
	in.re, in.empty = "(?:"+in.re+")", false // what is in brackets can be repeated
	return in, err
}

func literal(r rune) piece {
	word := r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	return piece{re: quote(r), size: 1, starts: word, ends: word}
}

func quote(r rune) string {
	if r >= utf8.RuneSelf || r < ' ' || strings.ContainsRune(`\.+*?()|[]{}^$-`, r) {
		return fmt.Sprintf(`\x{%X}`, r)
	}
	return string(r)
}

// escapes are the extensions of GNU; any other character behind a backslash is itself. Word boundaries are those of ASCII.
var escapes = map[rune]piece{
	'w':  {re: "[" + alnum + "_]", size: tableSize},
	'W':  {re: "[^" + alnum + "_" + invalidClass + "]", size: tableSize},
	's':  {re: "[" + space + "]", size: 1},
	'S':  {re: "[^" + space + invalidClass + "]", size: 1},
	'b':  {re: `\b`, size: 1, empty: true},
	'B':  {re: `\B`, size: 1, empty: true},
	'`':  {re: `\A`, size: 1, empty: true},
	'\'': {re: `\z`, size: 1, empty: true},
}

func (p *parser) escape() (piece, error) {
	if p.rest = p.rest[1:]; p.rest == "" {
		return piece{}, errors.New("nothing follows the last backslash")
	}
	r := p.next()
	if r >= '1' && r <= '9' {
		return piece{}, fmt.Errorf(`back-references such as \%c are not supported`, r)
	}
	if e, ok := escapes[r]; ok {
		return e, nil
	}
	return literal(r), nil
}
