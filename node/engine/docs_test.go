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
	for name, want := range map[string][]string{
		"apps": pbx.Apps(), "functions": append(dialplan.Functions(), pbx.Functions()...), "actions": actions,
	} {
		m := regexp.MustCompile(`(?s)<!-- ` + name + ` -->(.*?)<!-- /` + name + ` -->`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("no list of %s", name)
		}
		var got []string
		for item := range strings.SplitSeq(string(m[1]), ",") {
			got = append(got, strings.ToLower(strings.TrimSpace(item)))
		}
		for i := range want {
			want[i] = strings.ToLower(want[i])
		}
		slices.Sort(got)
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(got, want) {
			t.Errorf("%s:\n named %v\n there %v", name, got, want)
		}
	}
}
