package dialplan

import (
	"slices"
	"testing"
)

func TestWalk(t *testing.T) {
	t.Parallel()
	plan := parse(t, `[a]
exten => 100,1,NoOp
exten => _2XX,1,NoOp
include => b
include => c
ignorepat => 9
[b]
exten => 101,1,NoOp
exten => _10X,1,NoOp
include => a
include => c
[c]
exten => _1.,1,NoOp
exten => 91,1,NoOp
`)
	for _, c := range []struct {
		context, exten string
		want           []string
	}{
		{"a", "", []string{"a 100", "a _2XX", "a include b", "a include c", "a ignore 9"}},
		{"a", "101", []string{"b+ 101", "b+ _10X", "c+ _1."}},
		{"a", "91", []string{"c+ 91", "a ignore 9"}},
		{"", "", []string{"c 91", "c _1.", "b 101", "b _10X", "b include a", "b include c", "a 100", "a _2XX", "a include b", "a include c", "a ignore 9"}},
		{"", "200", []string{"a+ _2XX", "a _2XX"}},
		{"none", "", nil}, {"a", "777", nil},
	} {
		var got []string
		open := 0
		for item := range plan.Walk(c.context, c.exten) {
			if item.Begins || item.Ends {
				if open++; item.Ends {
					open -= 2
				}
				continue
			}
			line := item.Context.Name
			if item.Included {
				line += "+"
			}
			switch {
			case item.Extension != nil:
				line += " " + item.Extension.Name
			case item.Include != nil:
				line += " include " + item.Include.Name
			default:
				line += " ignore " + item.IgnorePat
			}
			got = append(got, line)
		}
		if open != 0 {
			t.Errorf("%s, %s: %d contexts begin and do not end", c.context, c.exten, open)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s, %s lists %q, want %q", c.context, c.exten, got, c.want)
		}
	}
	for range plan.Walk("", "") {
		break // stopping early is fine
	}
}
