package filter

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// test compares a value, or the whole text, with a pattern.
type test struct {
	method method
	// literals are what is compared; any of them suffices. For a regular expression: one of them is in every text that matches,
	// if there are any.
	literals [][]byte
	regex    *regexp.Regexp
	size     int // of the regular expression, about in instructions
}

func newTest(m method, pattern string) (test, error) {
	if m != methodRegex {
		return test{method: m, literals: [][]byte{[]byte(pattern)}}, nil
	}
	re, size, err := translate(pattern)
	if err != nil {
		return test{}, fmt.Errorf("%w: %w", ErrCompile, err)
	}
	tree, err := syntax.Parse(re, syntax.Perl)
	if err != nil {
		return test{}, fmt.Errorf("%w: %w", ErrCompile, err)
	}
	tree = tree.Simplify()
	if t, ok := reduce(tree); ok {
		return t, nil
	}
	t := test{method: methodRegex, size: size}
	if t.regex, err = regexp.Compile(re); err != nil {
		return test{}, fmt.Errorf("%w: %w", ErrCompile, err)
	}
	if lit := needed(tree); len(lit) > 0 {
		t.literals = [][]byte{lit}
	}
	return t, nil
}

// match compares b; a regular expression wants it as legible gives it.
func (t *test) match(b []byte) bool {
	switch t.method {
	case methodNone:
		return true
	case methodRegex:
		return (len(t.literals) == 0 || bytes.Contains(b, t.literals[0])) && t.regex.Match(b)
	}
	for _, l := range t.literals {
		if t.method.compare(b, l) {
			return true
		}
	}
	return false
}

func (m method) compare(b, literal []byte) bool {
	switch m {
	case methodExact:
		return bytes.Equal(b, literal)
	case methodStarts:
		return bytes.HasPrefix(b, literal)
	case methodEnds:
		return bytes.HasSuffix(b, literal)
	}
	return bytes.Contains(b, literal)
}

// legible returns b with a code point of its own for every byte that is no UTF-8; nearly always that is b.
func legible(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			r = invalid + rune(b[0])
		}
		out.WriteRune(r)
		b = b[n:]
	}
	return []byte(out.String())
}
