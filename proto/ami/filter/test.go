package filter

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// test compares a value, or the whole text, with a pattern.
type test struct {
	method  method
	literal []byte
	regex   *regexp.Regexp
}

func newTest(m method, pattern string) (test, error) {
	t := test{method: m, literal: []byte(pattern)}
	if m != methodRegex {
		return t, nil
	}
	re, err := regexp.Compile("(?s)" + pattern)
	if err != nil {
		return t, fmt.Errorf("%w: %s", ErrCompile, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	t.regex = re
	return t, nil
}

func (t *test) match(b []byte) bool {
	switch t.method {
	case methodRegex:
		return t.regex.Match(b)
	case methodExact:
		return bytes.Equal(b, t.literal)
	case methodStarts:
		return bytes.HasPrefix(b, t.literal)
	case methodEnds:
		return bytes.HasSuffix(b, t.literal)
	case methodContains:
		return bytes.Contains(b, t.literal)
	}
	return true
}
