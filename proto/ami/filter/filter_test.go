package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami/filter"
)

// TestRefused: what is no filter, and which of the two errors it is.
//
//ami:same 8.12 8.14
//ami:differs 8.13 an option without its bracket is a format error, where Asterisk reads memory that is not its own
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, pattern string
		want         error
		text         string
	}{
		{"eventfilter", "", filter.ErrFormat, "needs a pattern"},
		{"eventfilter", "!", filter.ErrFormat, "needs a pattern"},
		{"eventfilter", "a\x00b", filter.ErrFormat, "zero byte"},
		{"eventfilter", strings.Repeat("a", filter.MaxPattern+1), filter.ErrFormat, "longer than 1024"},
		{"eventfilter(name(" + strings.Repeat("a", filter.MaxPattern) + "))", "", filter.ErrFormat, "longer than 1024"},
		{"eventfilter()", "a", filter.ErrFormat, "no option"},
		{"eventfilter( , )", "a", filter.ErrFormat, "no option"},
		{"eventfilter(name(VarSet)", "a", filter.ErrFormat, "needs a method"},
		{"eventfilter(name(VarSet", "", filter.ErrFormat, "closing bracket"},
		{"eventfilter(nam(VarSet))", "", filter.ErrFormat, `unknown option "nam"`},
		{"eventfilter(Name(VarSet))", "", filter.ErrFormat, `unknown option "Name"`},
		{"eventfilter(name(Var Set))", "", filter.ErrFormat, `unknown option "Set"`},
		{"eventfilter(name( VarSet))", "", filter.ErrFormat, `"name" needs a value`},
		{"eventfilter(name)", "", filter.ErrFormat, `"name" needs a value`},
		{"eventfilter(names)", "", filter.ErrFormat, `"names" needs a value`},
		{"eventfilter(header)", "", filter.ErrFormat, `"header" needs a value`},
		{"eventfilter(header())", "", filter.ErrFormat, `"header" needs a value`},
		{"eventfilter(method)", "a", filter.ErrFormat, `"method" needs a value`},
		{"eventfilter(action)", "a", filter.ErrFormat, `"action" needs a value`},
		{"eventfilter(action(drop),name(VarSet))", "", filter.ErrFormat, `unknown action "drop"`},
		{"eventfilter(method(Regex))", "a", filter.ErrFormat, `unknown method "Regex"`},
		{"eventfilter(method(regex),name(VarSet))", "", filter.ErrFormat, "method regex needs a pattern"},
		{"eventfilter(method(exact),name(VarSet))", "!", filter.ErrFormat, "method exact needs a pattern"},
		{"eventfilter(header(Channel))", "a", filter.ErrFormat, "needs a method"},
		{"eventfilter(action(exclude))", "", filter.ErrFormat, "neither name"},
		{"eventfilter(method(none))", "", filter.ErrFormat, "neither name"},
		{"eventfilter", "[", filter.ErrCompile, "not closed"},
		{"eventfilter(method(regex))", "a(", filter.ErrCompile, "not closed"},
		{"eventfilter", "*", filter.ErrCompile, "nothing stands before"},
		{"eventfilter", `(a)\1`, filter.ErrCompile, "back-references"},
		{"eventfilter", "(.{100}){200}", filter.ErrCompile, "unrolls"},
		{"eventfilter", "a" + strings.Repeat("{1000}", 7), filter.ErrCompile, "unrolls"},
		{"eventfilter", strings.Repeat("(", 500) + strings.Repeat(")", 501), nil, ""},
		{"eventfilter(names(VarSet)headerline(Value:)methods(exact)", "a", nil, ""},
	} {
		_, err := filter.Parse(c.key, c.pattern)
		if !errors.Is(err, c.want) || c.want != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%.60s = %.60s: %v, want %v with %q", c.key, c.pattern, err, c.want, c.text)
		}
	}
}

const varSet = "Event: VarSet\r\nPrivilege: dialplan,all\r\nChannel: PJSIP/a-1\r\nEmpty: \r\nValue:  \t x y\r\nA:B: c\r\nTwo: 1\r\nTwo: 2\r\n\r\n"

// TestMatch: one filter on one event.
//
//ami:same 8.4 8.5 8.6 8.7 8.8 8.9 8.10 8.11 8.13
func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, pattern string
		pass         bool
	}{
		{"eventfilter", "Event: VarSet", true},
		{"eventfilter", "!Event: VarSet", false},
		{"eventfilter", "!!Event: VarSet", true}, // one ! is taken off
		{"eventfilter", "event: varset", false},
		{"eventfilter", "^Event: V", true},
		{"eventfilter", "^Channel", false},
		{"eventfilter", "VarSet$", false},
		{"eventfilter", "VarSet.*PJSIP", true}, // the dot matches line ends
		{"eventfilter", "1$", false},
		{"eventfilter", "2\r\n\r\n$", true},
		{"eventfilter", "Channel: (SIP|PJSIP)/[a-c]+-[[:digit:]]", true},
		{"eventfilter(name(VarSet))", "", true},
		{"eventfilter(name(varset))", "", false},
		{"eventfilter(name(VarSet))", "!", false},
		{"eventfilter(name(VarSet),action(include))", "!", true}, // the action wins
		{"eventfilter(action(exclude),action(include),name(VarSet))", "", true},
		{"eventfilter(name(Hangup),name(VarSet))", "", true}, // the last wins
		{"eventfilter(name(VarSet),method(regex))", "x [xyz]", true},
		{"eventfilter(name(Hangup),method(regex))", "x [xyz]", false},
		{"eventfilter(header(Channel))", "", true},
		{"eventfilter(header(Channel:))", "", true},
		{"eventfilter(header(Channel::))", "", false},
		{"eventfilter(header(channel))", "", false},
		{"eventfilter(header(Chan))", "", false},
		{"eventfilter(header(Empty))", "", false},
		{"eventfilter(header(Empty),method(regex))", "^", false},
		{"eventfilter(header(Nothing))", "", false},
		{"eventfilter(header(A:B))", "", true},
		{"eventfilter(header(A:B),method(exact))", "c", true},
		{"eventfilter(header(A),method(exact))", "B: c", true},
		{"eventfilter(header(Value),method(exact))", "x y", true},
		{"eventfilter(header(Value),method(regex))", "^x y$", true},
		{"eventfilter(header(Value),method(exact))", "x", false},
		{"eventfilter(header(Two),method(exact))", "2", true},
		{"eventfilter(header(Two),method(exact))", "!2", false},
		{"eventfilter(header(Two),method(exact))", "3", false},
		{"eventfilter(header(Channel),method(starts_with))", "PJSIP/", true},
		{"eventfilter(header(Channel),method(starts_with))", "SIP/", false},
		{"eventfilter(header(Channel),method(ends_with))", "-1", true},
		{"eventfilter(header(Channel),method(ends_with))", "-", false},
		{"eventfilter(header(Channel),method(contains))", "IP/a", true},
		{"eventfilter(header(Channel),method(contains))", "ip/a", false},
		{"eventfilter(method(contains))", "a-1\r\nEmpty", true},
		{"eventfilter(method(exact))", "Event: VarSet", false},
		{"eventfilter(method(exact))", varSet, true},
		{"eventfilter(method(starts_with))", "Event: Var", true},
		{"eventfilter(method(starts_with))", "VarSet", false},
		{"eventfilter(method(ends_with))", "2", false},
		{"eventfilter(method(ends_with))", "2\r\n\r\n", true},
	} {
		f, err := filter.Parse(c.key, c.pattern)
		if err != nil {
			t.Errorf("%s = %s: %v", c.key, c.pattern, err)
			continue
		}
		if got := filter.None().With(f).Pass(0, []byte("VarSet"), []byte(varSet)); got != c.pass {
			t.Errorf("%s = %s: pass %v, want %v", c.key, c.pattern, got, c.pass)
		}
	}
}

// TestBoth: an include and an exclude that look for the same, or at the same place.
//
//ami:same 8.2
func TestBoth(t *testing.T) {
	t.Parallel()
	long, longer := strings.Repeat("Long", 10), strings.Repeat("Longer", 12)
	for _, c := range []struct {
		include, exclude string // behind the method; the same key for both
		key              string
		pass             bool
	}{
		{"Event: VarSet", "Event: Hangup", "eventfilter(method(contains)", true},
		{"Event: Hangup", "Event: VarSet", "eventfilter(method(contains)", false},
		{"Event: V", "Event: VarSet", "eventfilter(method(contains)", false},
		{"Event: VarSet", "Event: V", "eventfilter(method(contains)", false},
		{"1", "1", "eventfilter(header(Two),method(exact)", false},
		{"1", "2", "eventfilter(header(Two),method(exact)", false},
		{"2", "3", "eventfilter(header(Two),method(exact)", true},
		{"c", "d", "eventfilter(header(A:B),method(regex)", true},
		{"long", "short", "eventfilter(header(" + long + "),method(exact)", true},
		{"longer", "long", "eventfilter(header(" + longer + "),method(contains)", false},
	} {
		set := setOf(must(filter.Parse(c.key+")", c.include)), must(filter.Parse(c.key+")", "!"+c.exclude)))
		text := strings.TrimSuffix(varSet, "\r\n") + long + ": long\r\n" + longer + ": longer\r\n\r\n"
		if got := set.Pass(0, []byte("VarSet"), []byte(text)); got != c.pass {
			t.Errorf("%s): include %s, exclude %s: pass %v", c.key, c.include, c.exclude, got)
		}
	}
}

// TestText: a line feed alone begins a new line for a header, and the last line needs none; a byte that is no UTF-8 is no character.
func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, pattern, text string
		match              bool
	}{
		{"eventfilter(header(B))", "", "Event: X\r\nA: 1\nB: 2\r\n\r\n", true},
		{"eventfilter(header(B),method(exact))", "2\r", "Event: X\r\nB: 2\r\r\n\r\n", true},
		{"eventfilter(header(B),method(exact))", "2", "Event: X\nB: 2", true},
		{"eventfilter(header(B))", "", "Event: X\r\n B: 2\r\n\r\n", false},
		{"eventfilter(header(B))", "", "", false},
		{"eventfilter", "a.b", "aéb", true},
		{"eventfilter", "a.b", "a\xe9b", false},
		{"eventfilter", "a\xe9b", "xa\xe9bx", true},
		{"eventfilter", "a[^x]b", "a\uFFFDb", true},
		{"eventfilter(header(B),method(regex))", "^a.b$", "B: a\xe9b\r\n", false},
		{"eventfilter(header(B),method(contains))", "\xe9b", "B: a\xe9b\r\n", true},
	} {
		set := filter.None().With(must(filter.Parse(c.key, c.pattern)))
		if got := set.Pass(0, []byte("X"), []byte(c.text)); got != c.match {
			t.Errorf("%s = %q on %q: %v", c.key, c.pattern, c.text, got)
		}
	}
}

// TestRegexSyntax holds a few facts of TestRegexAsCLibrary where there is no C compiler.
//
//ami:same 8.5
func TestRegexSyntax(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pattern, yes, no string }{
		{"[]abc]", "]", "d"}, {"[^]x]", "a", "]"}, {`[\a]`, `\`, "b"},
		{"[[:digit:]-]", "-", "a"}, {"[[=a=]b]", "b", "c"}, {"[[.-.]]", "-", "."},
		{"a{2}", "aa", "a"}, {"^a{,2}$", "aa", "aaa"}, {"a||b", "x", "\x00"}, {"()", "", "\x00"},
		{"^a**$", "aaa", "ab"}, {"a)", "a)", "a"}, {"a}", "a}", "a"},
		{`\<foo\>`, "a foo b", "food"}, {`\bfoo\B`, "food", "foo"}, {"\\`a\\'", "a", "ab"},
		{`^\w+\W\s\S$`, "ab_- x", "a b"}, {"a|b$", "b", "bc"}, {`\d`, "d", "1"},
		{"[Kk]", "K", "\u212A"}, {"[Ee]v", "ev", "vE"}, {"a.b", "a\nb", "ab"}, {"(ab)+c", "ababc", "ac"}, {`a\{`, "a{", "a"},
	} {
		set := filter.None().With(must(filter.Legacy(c.pattern)))
		if !set.Pass(0, nil, []byte(c.yes)) || c.no != "\x00" && set.Pass(0, nil, []byte(c.no)) {
			t.Errorf("%q: matches %q %v, %q %v", c.pattern, c.yes, set.Pass(0, nil, []byte(c.yes)), c.no, set.Pass(0, nil, []byte(c.no)))
		}
	}
	for _, pattern := range []string{"[", "[a", "[]", "[b-a]", "[a-c-e]", "[[:foo:]]", "(", "a{",
		"a{2,1}", "a{x}", `\<-`, `-\>`, `\<`, `a?\>`, `\<a*`, `\<(a|-)`, "*", "a|*", "^*", `a\`, "[a-é]"} {
		if _, err := filter.Legacy(pattern); !errors.Is(err, filter.ErrCompile) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

// TestString: what a filter says of itself makes the same filter.
func TestString(t *testing.T) {
	t.Parallel()
	f := must(filter.Advanced("header(Channel),method(exact),name(Hangup)", "!SIP/a"))
	const want = "eventfilter(action(exclude),name(Hangup),header(Channel:),method(exact)) = SIP/a"
	if f.String() != want || !f.Exclude() {
		t.Errorf("%s, exclude %v", f, f.Exclude())
	}
	key, pattern, _ := strings.Cut(want, " = ")
	if again := must(filter.Parse(key, pattern)); filter.None().With(f) != filter.None().With(again) {
		t.Errorf("%s is another filter than %s", again, f)
	}
}
