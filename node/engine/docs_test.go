package engine

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
)

// TestDocumentation: docs/engine.md names what there is, and nothing else.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/engine.md")
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, a := range Commands() {
		actions = append(actions, a.Name)
	}
	var dial []string // options that are followed
	for c := 'A'; c <= 'z'; c++ {
		if c <= 'Z' || c >= 'a' {
			if len(pbx.Check("Dial", "Sim/a,20,"+string(c))) == 0 {
				dial = append(dial, string(c))
			}
		}
	}
	for name, want := range map[string][]string{
		"dial": dial, "apps": pbx.Apps(), "functions": append(dialplan.Functions(), pbx.Functions()...), "actions": actions,
	} {
		m := regexp.MustCompile(`(?s)<!-- ` + name + ` -->(.*?)<!-- /` + name + ` -->`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("no list of %s", name)
		}
		var got []string
		for item := range strings.SplitSeq(string(m[1]), ",") {
			got = append(got, strings.TrimSpace(item))
		}
		if name != "dial" {
			got, want = lower(got), lower(want)
		}
		slices.Sort(got)
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(got, want) {
			t.Errorf("%s:\n named %v\n there %v", name, got, want)
		}
	}
}

func lower(names []string) (out []string) {
	for _, name := range names {
		out = append(out, strings.ToLower(name))
	}
	return out
}
