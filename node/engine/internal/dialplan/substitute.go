package dialplan

import (
	"math"
	"strconv"
	"strings"
	"sync"
)

// Limits of one substitution. Asterisk's own but the last: it has none there, and can be kept busy for hours by one line.
const (
	maxDepth  = 15   // nesting
	maxValue  = 4095 // bytes of one value or nested text
	maxResult = 8191 // bytes of a whole line
	maxSteps  = 10_000
)

// Substitute replaces ${…} and $[…] in a line of the dialplan. It always ends, with at most 8,191 bytes.
func Substitute(env Env, text string) string {
	if !needsWork(text) {
		return text
	}
	e := evaluators.Get().(*evaluator)
	e.env, e.depth, e.steps, e.spent = env, 0, 0, false
	e.scratch = e.substitute(e.scratch[:0], text, maxResult)
	result := string(e.scratch)
	e.env = nil
	evaluators.Put(e)
	return result
}

// evaluators keep their room for the next line.
var evaluators = sync.Pool{New: func() any { return &evaluator{} }}

func needsWork(text string) bool {
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i+1 >= len(text) {
			return false
		}
		if next := text[i+1]; next == '{' || next == '[' {
			return true
		}
		text = text[i+1:]
	}
}

// evaluator is one substitution under way.
type evaluator struct {
	env   Env
	depth int
	steps int
	spent bool // the limit of steps has been told

	scratch []byte
}

// step takes one step of what a substitution may do.
func (e *evaluator) step() bool {
	if e.steps++; e.steps <= maxSteps {
		return true
	}
	if !e.spent {
		e.spent = true
		e.env.Warn("a substitution takes more than " + strconv.Itoa(maxSteps) + " steps: the rest of it is left empty")
	}
	return false
}

// substitute appends the text with all in it replaced, at most room bytes.
func (e *evaluator) substitute(dst []byte, text string, room int) []byte {
	if e.depth >= maxDepth {
		e.env.Warn("Exceeded maximum variable substitution recursion depth (" + strconv.Itoa(maxDepth) +
			") - possible infinite recursion in dialplan?")
		return dst
	}
	e.depth++
	defer func() { e.depth-- }()
	end := len(dst) + room
	for text != "" && len(dst) < end {
		plain := strings.IndexByte(text, '$')
		switch {
		case plain < 0:
			plain = len(text)
		case !opens(text[plain:]):
			plain++ // "$" is itself
		}
		if plain > 0 {
			dst = append(dst, text[:min(plain, end-len(dst))]...)
			text = text[plain:]
			continue
		}
		inner, rest, nested := e.brackets(text)
		if !e.step() {
			return dst
		}
		isExpr := text[1] == '['
		text = rest
		if nested {
			inner = e.nested(dst, inner)
		}
		mark := len(dst)
		if isExpr {
			dst = e.expression(dst, inner)
		} else {
			dst = e.variable(dst, inner)
		}
		if len(dst)-mark > maxValue {
			dst = dst[:mark+maxValue]
		}
	}
	return dst[:min(len(dst), end)]
}

// nested substitutes the inside of ${…} or $[…]; the room behind dst is used for it.
func (e *evaluator) nested(dst []byte, inner string) string {
	return string(e.substitute(dst, inner[:min(len(inner), maxValue)], maxValue)[len(dst):])
}

func opens(s string) bool { return len(s) > 1 && (s[1] == '{' || s[1] == '[') }

// brackets cuts "${…}" or "$[…]" off the text. nested: there is more to substitute inside. Only the own kind of bracket counts.
func (e *evaluator) brackets(text string) (inner, rest string, nested bool) {
	left, right := byte('{'), byte('}')
	if text[1] == '[' {
		left, right = '[', ']'
	}
	depth, i := 1, 2
	for ; i < len(text) && depth > 0; i++ {
		switch c := text[i]; {
		case c == '$' && opens(text[i:]):
			nested = true
			i++
			if text[i] == left {
				depth++
			}
		case c == left:
			depth++
		case c == right:
			depth--
		}
	}
	if depth > 0 {
		e.env.Warn("Error in extension logic (missing '" + string(right) + "')")
		return text[2:], "", nested
	}
	return text[2 : i-1], text[i:], nested
}

// variable appends the value of "NAME", "NAME:offset:length" or "FUNCTION(args):offset:length".
func (e *evaluator) variable(dst []byte, expr string) []byte {
	name, cut, isCut, isFunction := splitName(expr)
	mark := len(dst)
	if isFunction {
		dst = e.function(dst, name)
	} else if value, ok := e.value(name); ok {
		dst = append(dst, value[:min(len(value), maxValue)]...)
	}
	if isCut {
		from, to := slice(len(dst)-mark, cut)
		dst = dst[:mark+copy(dst[mark:], dst[mark+from:mark+to])]
	}
	return dst
}

func (e *evaluator) value(name string) (string, bool) {
	if name == "EPOCH" {
		return strconv.FormatInt(e.env.Now().Unix(), 10), true
	}
	return e.env.Variable(name)
}

// splitName finds the ":" that ends a name, outside of parentheses.
func splitName(expr string) (name, cut string, isCut, isFunction bool) {
	depth := 0
	for i := range len(expr) {
		switch expr[i] {
		case '(':
			isFunction = true
			depth++
		case ')':
			depth--
		case ':':
			if depth == 0 {
				return expr[:i], expr[i+1:], true, isFunction
			}
		}
	}
	return expr, "", false, isFunction
}

// slice turns "offset:length" into bounds of a value of n bytes. Negative ones count from the end; what is no number is left out.
func slice(n int, cut string) (from, to int) {
	offset, length := 0, math.MaxInt
	if v, rest, ok := leadingInt(cut); ok {
		offset = v
		if rest, ok = strings.CutPrefix(rest, ":"); ok {
			if v, _, ok = leadingInt(rest); ok {
				length = v
			}
		}
	}
	if offset < 0 {
		offset = max(n+offset, 0)
	}
	from, to = min(offset, n), n
	switch {
	case length < 0:
		to = max(n+length, from)
	case length < n-from:
		to = from + length
	}
	return from, to
}

// leadingInt reads a number as scanf's %30d does: blanks and a sign before it, anything behind it; 32 bits.
func leadingInt(s string) (v int, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t\r\n\v\f")
	digits := s
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		digits = digits[1:]
	}
	i := 0
	for i < len(digits) && '0' <= digits[i] && digits[i] <= '9' {
		v = min(v*10+int(digits[i]-'0'), math.MaxInt32)
		i++
	}
	if i == 0 {
		return 0, s, false
	}
	if s[0] == '-' {
		v = -v
	}
	return v, digits[i:], true
}
