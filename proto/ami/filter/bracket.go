package filter

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What the classes hold beyond ASCII follows Unicode's categories; the C library's tables differ in some marks and digits of other scripts.
const (
	alpha = `\p{L}\p{Nl}`
	alnum = `\p{L}\p{Nl}\p{Nd}`
	space = `\t-\r \x{1680}\x{2000}-\x{2006}\x{2008}-\x{200A}\x{2028}\x{2029}\x{205F}\x{3000}`

	tableSize = 20 // a class of Unicode costs that much more
)

var classes = map[string]string{
	"alpha": alpha, "alnum": alnum, "space": space, "upper": `\p{Lu}\p{Lt}`, "lower": `\p{Ll}`, "digit": "0-9", "xdigit": "0-9A-Fa-f",
	"blank": `\t \x{1680}\x{2000}-\x{2006}\x{2008}-\x{200A}\x{205F}\x{3000}`, "cntrl": `\p{Cc}\x{2028}\x{2029}`,
	"punct": `\p{P}\p{S}\p{No}`, "graph": `\p{L}\p{M}\p{N}\p{P}\p{S}`, "print": `\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}`,
}

var errBracket = errors.New("a [ is not closed")

// bracket reads what follows a [ and gives it in Go's syntax. A backslash is itself; a ] is, in the first place.
func (p *parser) bracket() (re string, size int, err error) {
	var b strings.Builder
	b.WriteString("[")
	negated := p.take("^")
	if negated {
		b.WriteString("^" + invalidClass)
	}
	size = 1
	for first := true; first || !p.ahead("]"); first = false {
		if p.rest == "" {
			return "", 0, errBracket
		}
		if p.ahead("[:") {
			table, err := p.class()
			if err != nil {
				return "", 0, err
			}
			b.WriteString(table)
			size = tableSize
			continue
		}
		from, to, err := p.span(first)
		if err != nil {
			return "", 0, err
		}
		switch {
		case from >= invalid: // matches nothing, as in the C library
		case to > from:
			b.WriteString(quote(from) + "-" + quote(to))
		default:
			b.WriteString(quote(from))
		}
	}
	p.rest = p.rest[1:]
	if b.Len() == 1 {
		return `[^\x{0}-\x{10FFFF}]`, size, nil
	}
	return b.String() + "]", size, nil
}

// named reads [:NAME:], [.NAME.] or [=NAME=].
func (p *parser) named() (string, error) {
	kind := p.rest[1:2]
	name, rest, closed := strings.Cut(p.rest[2:], kind+"]")
	if !closed {
		return "", fmt.Errorf("a [%s in brackets is not closed", kind)
	}
	p.rest = rest
	return name, nil
}

func (p *parser) class() (string, error) {
	name, err := p.named()
	if err != nil {
		return "", err
	}
	table, ok := classes[name]
	if !ok {
		return "", fmt.Errorf("unknown character class [:%s:]", name)
	}
	return table, nil
}

// span reads a character or a range of them.
func (p *parser) span(first bool) (from, to rune, err error) {
	if !first && p.ahead("-") && !p.ahead("-]") {
		return 0, 0, errors.New("a - in brackets must come first or last")
	}
	from, equiv, err := p.element()
	if err != nil || !p.ahead("-") || p.ahead("-]") {
		return from, from, err
	}
	p.rest = p.rest[1:]
	if p.rest == "" {
		return 0, 0, errBracket
	}
	if equiv || p.ahead("[:") || p.ahead("[=") {
		return 0, 0, errors.New("a range in brackets needs a character at both ends")
	}
	switch to, _, err = p.element(); {
	case err != nil:
	case from >= utf8.RuneSelf || to >= utf8.RuneSelf: // C.UTF-8 has no order for them
		err = errors.New("a range in brackets goes from and to ASCII characters")
	case to < from:
		err = fmt.Errorf("the range %c-%c in brackets ends before it starts", from, to)
	}
	return from, to, err
}

// element reads one character, also as [.x.] or [=x=]; equiv says that it was the latter.
func (p *parser) element() (r rune, equiv bool, err error) {
	equiv = p.ahead("[=")
	if !equiv && !p.ahead("[.") {
		return p.next(), false, nil
	}
	name, err := p.named()
	if err == nil && (len(name) != 1 || name[0] >= utf8.RuneSelf) {
		err = fmt.Errorf("unknown character [%q] in brackets", name)
	}
	if err != nil {
		return 0, equiv, err
	}
	return rune(name[0]), equiv, nil
}
