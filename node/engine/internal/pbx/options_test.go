package pbx

import (
	"maps"
	"slices"
	"testing"
)

func TestParseOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want options
		ok   bool
	}{
		{"", options{}, true},
		{"tTg", options{'t': "", 'T': "", 'g': ""}, true},
		{"L(5000:1000)g", options{'L': "5000:1000", 'g': ""}, true},
		{"U(sub^a(b)^c)", options{'U': "sub^a(b)^c"}, true},
		{`f("A) B" <1>)g`, options{'f': "A) B <1>", 'g': ""}, true},
		{`A(x\)y)`, options{'A': "x)y"}, true},
		{"m()", options{'m': ""}, true},
		{"gL(5", options{'g': "", 'L': ""}, false},
	} {
		if got, ok := parseOptions(c.text); !maps.Equal(got, c.want) || ok != c.ok {
			t.Errorf("%q: %v, %v", c.text, got, ok)
		}
	}
}

func TestCheckSaysWhatIsIgnored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		app, args string
		want      []string
	}{
		{"Dial", "Sim/a,20,gm(x)b(pre^s^1)S(5)", nil},
		{"Dial", "Sim/a,20,tTg", []string{"Dial: ignores its options Tt: there are no feature codes: use the actions"}},
		{"Dial", "Sim/a,20,M(macro)p", []string{"Dial: ignores its options p: privacy and screening are not built",
			"Dial: ignores its options M: there is no such option"}},
		{"Dial", "Sim/a,20,L(5", []string{"Dial: options L(5: a parenthesis is not closed"}},
		{"dial", "Sim/a,20,,http://x", []string{"Dial: ignores its URL: there is no media"}},
		{"Dial", "Sim/a,20,g,http://x", []string{"Dial: ignores its URL: there is no media"}},
		{"Dial", "Sim/a,20,${OPTIONS}", nil},
		{"Playback", "hello,skip", nil},
		{"Playback", "hello,noaswer", []string{"Playback: ignores its option noaswer: there is no such option"}},
		{"Background", "hello,skip", nil},
		{"Background", "hello,mx", []string{"Background: ignores its options x: there is no such option"}},
		{"WaitExten", "3,m", nil},
		{"WaitExten", "3,d", []string{"WaitExten: ignores its options d: there is no media"}},
		{"NoOp", "anything,goes", nil},
	} {
		got := Check(c.app, c.args)
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s(%s): %q", c.app, c.args, got)
		}
	}
}
