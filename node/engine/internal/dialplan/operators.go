package dialplan

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strings"
)

func (p *parser) warn(format string, args ...any) { p.eval.env.Warn(fmt.Sprintf(format, args...)) }

func (p *parser) binary(op string, a, b value) value {
	switch op {
	case "|":
		if a.null() {
			return b
		}
		return a
	case "&":
		if a.null() || b.null() {
			return boolValue(false)
		}
		return a
	case "=", "!=", "<", ">", "<=", ">=":
		return boolValue(compared(op, compare(a, b)))
	case ":", "=~":
		return p.regex(op, stripQuotes(a.text()), stripQuotes(b.text()))
	case "~~":
		return textValue(stripQuotes(a.text()) + stripQuotes(b.text()))
	}
	return p.arithmetic(op, a, b)
}

// compare is by number if both look like one, else by text, with the quotes.
func compare(a, b value) int {
	if a.kind == kindText || b.kind == kindText || !a.number() || !b.number() {
		return strings.Compare(a.text(), b.text())
	}
	return a.n.compare(b.n)
}

func compared(op string, c int) bool {
	switch op {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case ">":
		return c > 0
	case "<=":
		return c <= 0
	}
	return c >= 0
}

// arithmetic of what is no number: each operator has its own way out, none is an error.
func (p *parser) arithmetic(op string, a, b value) value {
	aOK, bOK := a.number(), b.number()
	if !aOK || !bOK {
		p.warn("non-numeric argument in expression '%s'", p.full)
		switch {
		case op == "/" && aOK:
			return numberValue(whole(math.MaxInt32))
		case op == "*" || op == "/" || op == "%" || !aOK && !bOK:
			return numberValue(whole(0))
		case aOK:
			return a
		case op == "-":
			n, _ := whole(0).add(b.n.negate())
			return numberValue(n)
		}
		return b
	}
	var n number
	var overflow bool
	switch op {
	case "+":
		n, overflow = a.n.add(b.n)
	case "-":
		n, overflow = a.n.add(b.n.negate())
	case "*":
		n, overflow = a.n.multiply(b.n)
	default:
		if b.n.zero() {
			p.warn("division by zero in expression '%s'", p.full)
			if op == "%" {
				return b
			}
			return numberValue(whole(math.MaxInt32))
		}
		if op == "/" {
			n, overflow = a.n.divide(b.n)
		} else {
			n, overflow = a.n.remainder(b.n)
		}
	}
	return p.checked(n, overflow)
}

func (p *parser) checked(n number, overflow bool) value {
	if overflow {
		p.warn("overflow in expression '%s'", p.full)
	}
	return numberValue(n)
}

func (p *parser) negate(v value) value {
	if !v.number() {
		p.warn("non-numeric argument in expression '%s'", p.full)
		return numberValue(whole(0))
	}
	return numberValue(v.n.negate())
}

// complement is Asterisk's "!": of a text, whether its leading number is 0.
func complement(v value) value {
	if v.kind == kindNumber {
		return boolValue(v.n.zero())
	}
	n, _, _ := leadingInt(v.s)
	return boolValue(n == 0)
}

// stripQuotes takes all quotes out of a text that begins and ends with one.
func stripQuotes(s string) string {
	if strings.HasPrefix(s, `"`) && strings.HasSuffix(s, `"`) {
		return strings.ReplaceAll(s, `"`, "")
	}
	return s
}

// maxRegex bounds a regular expression, in what it compiles to, about.
const maxRegex = 2000

// regex is ":", anchored at the beginning, or "=~": the first group if there is one, else how many bytes match.
func (p *parser) regex(op, subject, pattern string) value {
	re, size, err := compileRegex(pattern)
	p.eval.steps += maxSteps/100 + size*len(subject)/maxRegex
	if err != nil {
		p.warn("regcomp() error : %v", err)
		return textValue("")
	}
	at := re.FindStringSubmatchIndex(subject)
	switch {
	case at == nil || op == ":" && at[0] != 0:
		if re.NumSubexp() > 0 {
			return textValue("")
		}
		return numberValue(whole(0))
	case len(at) > 2 && at[2] >= 0:
		return textValue(subject[at[2]:at[3]])
	}
	return numberValue(whole(int64(at[1] - at[0])))
}

// compileRegex takes POSIX extended expressions, and the escapes of the C library that Go has.
func compileRegex(pattern string) (re *regexp.Regexp, size int, err error) {
	flags := syntax.POSIX
	tree, err := syntax.Parse(pattern, flags)
	if err != nil {
		flags, pattern = syntax.Perl, unescape(pattern)
		if tree, err = syntax.Parse(pattern, flags); err != nil {
			return nil, 0, err
		}
	}
	if size = regexSize(tree); size > maxRegex {
		return nil, size, errors.New("the expression is too big")
	}
	if flags == syntax.POSIX {
		re, err = regexp.CompilePOSIX(pattern)
	} else if re, err = regexp.Compile(pattern); err == nil {
		re.Longest()
	}
	return re, size, err
}

// unescape leaves a backslash only where it means the same to Go: before a letter or digit it mostly is nothing.
func unescape(pattern string) string {
	var kept strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '\\' || i+1 == len(pattern) {
			kept.WriteByte(pattern[i])
			continue
		}
		i++
		switch c := pattern[i]; {
		case c == '<' || c == '>':
			kept.WriteString(`\b`)
		case strings.IndexByte("wWsSbB", c) < 0 && ('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c >= 0x80):
			kept.WriteByte(c)
		default:
			kept.WriteByte('\\')
			kept.WriteByte(c)
		}
	}
	return kept.String()
}

func regexSize(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		size = min(size+regexSize(sub), maxRegex+1)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return min(size, maxRegex+1)
}
