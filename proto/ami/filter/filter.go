package filter

import (
	"errors"
	"fmt"
	"strings"
)

// The two ways in which a filter is wrong; each has an answer of its own (ami/behaviour.md 8.14).
var (
	ErrFormat  = errors.New("filter formatted incorrectly")
	ErrCompile = errors.New("filter does not compile")
)

// MaxPattern is the longest pattern and the longest criteria: what fits into a line of an action.
const MaxPattern = 1024

// Filter is one compiled filter. It never changes.
type Filter struct {
	exclude bool
	name    string // the only event it is for; empty: any
	header  string // with its colon; empty: the whole text
	method  method
	pattern string
	test    test
	key     digest
}

// Legacy compiles `eventfilter = PATTERN` or `Filter: PATTERN`: a regular expression for the whole text, behind a ! an exclude.
func Legacy(pattern string) (*Filter, error) {
	f := &Filter{method: methodRegex}
	pattern, f.exclude = strings.CutPrefix(pattern, "!")
	if pattern == "" {
		return nil, fmt.Errorf("%w: a filter without criteria needs a pattern", ErrFormat)
	}
	return f.compile(pattern)
}

// Advanced compiles `eventfilter(CRITERIA) = PATTERN`, or the MatchCriteria and the Filter header of an action.
func Advanced(criteria, pattern string) (*Filter, error) {
	f := &Filter{method: methodNone}
	pattern, f.exclude = strings.CutPrefix(pattern, "!") // also where action() then says otherwise (8.7)
	if err := f.options(criteria); err != nil {
		return nil, err
	}
	switch {
	case pattern == "" && f.method != methodNone:
		return nil, fmt.Errorf("%w: method %s needs a pattern", ErrFormat, f.method)
	case pattern != "" && f.method == methodNone:
		return nil, fmt.Errorf("%w: a pattern needs a method", ErrFormat)
	case f.name == "" && f.header == "" && f.method == methodNone:
		return nil, fmt.Errorf("%w: neither name, header nor method", ErrFormat)
	}
	return f.compile(pattern)
}

// Parse compiles a line of manager.conf: key is eventfilter or eventfilter(CRITERIA).
func Parse(key, pattern string) (*Filter, error) {
	_, criteria, advanced := strings.Cut(key, "(")
	if !advanced {
		return Legacy(pattern)
	}
	criteria, closed := strings.CutSuffix(strings.TrimRightFunc(criteria, blank), ")")
	if !closed {
		return nil, fmt.Errorf("%w: %q has no closing bracket", ErrFormat, key)
	}
	return Advanced(criteria, pattern)
}

func (f *Filter) compile(pattern string) (*Filter, error) {
	if len(pattern) > MaxPattern {
		return nil, fmt.Errorf("%w: the pattern is longer than %d bytes", ErrFormat, MaxPattern)
	}
	if strings.ContainsRune(pattern, 0) {
		return nil, fmt.Errorf("%w: a zero byte in the pattern", ErrFormat)
	}
	var err error
	if f.test, err = newTest(f.method, pattern); err != nil {
		return nil, err
	}
	f.pattern = pattern
	f.key = f.digest()
	return f, nil
}

// Exclude says whether events that match are dropped.
func (f *Filter) Exclude() bool { return f.exclude }

// String is the filter as manager.conf would say it, every option spelled out.
func (f *Filter) String() string {
	var b strings.Builder
	b.WriteString("eventfilter(action(")
	if f.exclude {
		b.WriteString("exclude)")
	} else {
		b.WriteString("include)")
	}
	if f.name != "" {
		b.WriteString(",name(" + f.name + ")")
	}
	if f.header != "" {
		b.WriteString(",header(" + f.header + ")")
	}
	fmt.Fprintf(&b, ",method(%s)) = %s", f.method, f.pattern)
	return b.String()
}
