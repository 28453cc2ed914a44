package dialplan

import (
	"slices"
	"testing"
)

// TestFit: yes, no or early, for complete fits, for those that need more, and for both. The results are those of Asterisk's own code.
func TestFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, dialled string
		match, more, can match
	}{
		{"100", "100", yes, no, yes}, {"100", "10", no, yes, yes}, {"100", "", no, yes, yes}, {"100", "1000", no, no, no}, {"100", "200", no, no, no},
		{"1-00", "100", yes, no, yes}, {"100", "1-0-0", yes, no, yes}, {"s", "s", yes, no, yes}, {"Abc", "abc", no, no, no},
		{"_1XX", "123", yes, no, yes}, {"_1XX", "12", no, yes, yes}, {"_1XX", "1234", no, no, no}, {"_1xx", "123", yes, no, yes},
		{"_NXX", "199", no, no, no}, {"_NXX", "299", yes, no, yes}, {"_Z", "0", no, no, no}, {"_Z", "1", yes, no, yes},
		{"_NXX-XXX", "234-567", yes, no, yes}, {"_NXX-XXX", "2345-67", yes, no, yes},
		{"_[1-3]5", "25", yes, no, yes}, {"_[1-3]5", "45", no, no, no}, {"_[abc-f]", "e", yes, no, yes}, {"_[abc-f]", "g", no, no, no},
		{"_[a-]", "-", no, yes, yes}, {"_[]5", "5", yes, no, yes}, {"_[12", "1", no, no, no},
		{"_X.", "1", no, yes, yes}, {"_X.", "12", yes, yes, yes}, {"_.", "x", yes, yes, yes}, {"_.", "", no, yes, yes},
		{"_X!", "1", early, early, early}, {"_X!", "12", early, early, early}, {"_!", "", early, early, early},
		{"_1XX", "_1XX", yes, no, no}, {"_1XX", "_1xx", yes, no, no}, {"_*98", "*98", yes, no, yes}, {"_+X.", "+49", yes, yes, yes},
	} {
		got := [3]match{fit(c.pattern, c.dialled, modeMatch), fit(c.pattern, c.dialled, modeMore), fit(c.pattern, c.dialled, modeCan)}
		if want := [3]match{c.match, c.more, c.can}; got != want {
			t.Errorf("%s for %q fits %v, want %v", c.pattern, c.dialled, got, want)
		}
	}
}

// TestOrder: as Asterisk sorts a context, number before pattern, then the smaller set first, wildcards last.
func TestOrder(t *testing.T) {
	t.Parallel()
	want := []string{
		"100", "1000", "200", "a", "_1X", "_1!", "_[1-3]1", "_[2-4]1", "_[2-8]", "_NXX", "_N.", "_Z", "_X1", "_XX", "_X.", "_X!", "_X", "_.", "_!",
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareExtens)
	slices.SortFunc(want, compareExtens)
	if !slices.Equal(got, want) {
		t.Errorf("the order depends on where one begins: %q, %q", got, want)
	}
	for _, c := range []struct{ first, second string }{
		{"100", "_1XX"}, {"_1XX", "_X11"}, {"_1XX", "_1X."}, {"_X.", "_X!"}, {"_[5-9]", "_[2-8]"}, {"_[1-3]", "_[2-4]"}, {"_N", "_Z"}, {"_Z", "_X"},
		{"_XXX", "_XX"}, {"_X.", "_."}, {"_12", "_1X"}, {"_[135]", "_[136]"}, {"_1", "_[1"}, {"_X.", "_X"}, {"10", "100"},
	} {
		if compareExtens(c.first, c.second) >= 0 || compareExtens(c.second, c.first) <= 0 {
			t.Errorf("%s does not come before %s", c.first, c.second)
		}
	}
	for _, c := range []struct{ a, b string }{{"1-00", "100"}, {"_1-xx", "_1XX"}, {"_[]5", "_5"}, {"_[12]", "_[1-2]"}} {
		if compareExtens(c.a, c.b) != 0 {
			t.Errorf("%s and %s are not the same", c.a, c.b)
		}
	}
}
