package dialplan

import (
	"slices"
	"testing"
)

// TestSplitArgs: the results are those of Asterisk's __ast_app_separate_args.
func TestSplitArgs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in    string
		limit int
		want  []string
	}{
		{"", 0, nil}, {"a", 0, []string{"a"}}, {"a,b", 0, []string{"a", "b"}}, {"a,,c", 0, []string{"a", "", "c"}}, {",", 0, []string{"", ""}},
		{"a,b,", 0, []string{"a", "b", ""}}, {" a , b ", 0, []string{" a ", " b "}},
		{`"a,b",c`, 0, []string{"a,b", "c"}}, {`a"b,c"d,e`, 0, []string{"ab,cd", "e"}}, {`"a,b`, 0, []string{"a,b"}},
		{"f(a,b),c", 0, []string{"f(a,b)", "c"}}, {"[a,b],c", 0, []string{"[a,b]", "c"}}, {"a),b", 0, []string{"a)", "b"}},
		{`a\,b,c`, 0, []string{"a,b", "c"}}, {`a\\,b`, 0, []string{`a\`, "b"}}, {`a\"b,c`, 0, []string{`a"b`, "c"}}, {`a\`, 0, []string{"a"}},
		{`a,""`, 0, []string{"a", "", ""}}, {`""`, 0, []string{""}},
		{"a,b,c", 2, []string{"a", "b,c"}}, {`a,"b",c`, 2, []string{"a", `"b",c`}}, {"a,", 2, []string{"a", ""}}, {"a,b", 1, []string{"a,b"}},
	} {
		if got := SplitArgs(c.in, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("SplitArgs(%q, %d) is %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func TestCondition(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "0": false, "1": true, "-1": true, " 0": false, "00": false, "0x": false, "abc": true, " ": true, "0.5": false, `""`: true,
	} {
		if Condition(text) != want {
			t.Errorf("%q counts as %v", text, !want)
		}
	}
	condition, yes, no := Branches("1?a,b,1:c,d,2:e")
	if condition != "1" || yes != "a,b,1" || no != "c,d,2:e" {
		t.Errorf("split into %q, %q, %q", condition, yes, no)
	}
}

func TestParseLocation(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Location{
		"5": {Priority: 5}, "100,5": {Exten: "100", Priority: 5}, "ctx,100,5": {Context: "ctx", Exten: "100", Priority: 5},
		"ctx,100,start": {Context: "ctx", Exten: "100", Label: "start"}, "start": {Label: "start"}, "+2": {Priority: 2, Relative: true},
		"-1": {Priority: -1, Relative: true}, " 7 ": {Priority: 7}, "7up": {Label: "7up"}, "a,b,c,d": {Context: "a", Exten: "b", Label: "c"},
		",,1": {Priority: 1},
	} {
		if got, ok := ParseLocation(text); !ok || got != want {
			t.Errorf("%q is %+v, want %+v", text, got, want)
		}
	}
	if l, ok := ParseLocation(""); ok {
		t.Errorf("nothing is %+v", l)
	}
}
