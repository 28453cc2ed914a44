package filter

import (
	"fmt"
	"strings"
)

// method is how a pattern is compared.
type method uint8

const (
	methodNone method = iota
	methodRegex
	methodExact
	methodStarts
	methodEnds
	methodContains
)

var methods = [...]string{"none", "regex", "exact", "starts_with", "ends_with", "contains"}

func (m method) String() string { return methods[m] }

func blank(r rune) bool { return r <= ' ' }

// options reads the criteria as Asterisk does (8.6, 8.12, 8.13): blanks, commas and closing brackets separate, an option is known by
// how it starts, its value is what follows its first bracket, and the last of two wins.
func (f *Filter) options(criteria string) error {
	if len(criteria) > MaxPattern {
		return fmt.Errorf("%w: the criteria are longer than %d bytes", ErrFormat, MaxPattern)
	}
	if strings.ContainsRune(criteria, 0) {
		return fmt.Errorf("%w: a zero byte in the criteria", ErrFormat)
	}
	options := strings.FieldsFunc(criteria, func(r rune) bool { return r == ' ' || r == ',' || r == ')' })
	if len(options) == 0 {
		return fmt.Errorf("%w: no option in the brackets", ErrFormat)
	}
	for _, o := range options {
		if err := f.option(o); err != nil {
			return err
		}
	}
	return nil
}

func (f *Filter) option(o string) error {
	word, value, open := strings.Cut(o, "(")
	value = strings.TrimRightFunc(value, blank)
	known := func(w string) bool { return strings.HasPrefix(o, w) }
	switch {
	case !known("action") && !known("name") && !known("header") && !known("method"):
		return fmt.Errorf("%w: unknown option %q: action, name, header and method exist", ErrFormat, word)
	case !open || value == "":
		return fmt.Errorf("%w: option %q needs a value in brackets", ErrFormat, word)
	case known("action"):
		if value != "include" && value != "exclude" {
			return fmt.Errorf("%w: unknown action %q: include and exclude exist", ErrFormat, value)
		}
		f.exclude = value == "exclude"
	case known("name"):
		f.name = value
	case known("header"):
		f.header = strings.TrimSuffix(value, ":") + ":" // one colon is enough, two stay two
	default:
		return f.setMethod(value)
	}
	return nil
}

func (f *Filter) setMethod(value string) error {
	for i, m := range methods {
		if m == value {
			f.method = method(i)
			return nil
		}
	}
	return fmt.Errorf("%w: unknown method %q: %s exist", ErrFormat, value, strings.Join(methods[:], ", "))
}
