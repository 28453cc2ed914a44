package filter_test

import (
	"errors"
	"testing"

	"github.com/amibus/amibus/proto/ami/filter"
)

func TestRegexp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"^Local/(moh|ans)-", "Local/ans-1", true}, {"^Local/[[:digit:]]+$", "Local/x1", false}, {"", "any", true}, {"!a", "a", false},
		{".", "\xff", false}, {`\/`, "a/b", true},
	} {
		match, err := filter.Regexp(c.pattern)
		if err != nil || match(c.text) != c.want {
			t.Errorf("%q of %q: not %v (%v)", c.pattern, c.text, c.want, err)
		}
	}
	for _, pattern := range []string{"(", "[", "*"} {
		if _, err := filter.Regexp(pattern); !errors.Is(err, filter.ErrCompile) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}
