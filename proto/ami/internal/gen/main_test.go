package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestTableIsGenerated fails when the table and its source have drifted apart.
func TestTableIsGenerated(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../../testdata/ami/actions.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../actions_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("actions_gen.go is not what testdata/ami/actions.json gives: run go generate in proto/ami")
	}
}

func TestGenerateRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"no JSON", `{`, "unexpected end"},
		{"unknown scope", `{"actions": [{"name": "Ping", "scope": "moon"}]}`, `action Ping: unknown scope "moon"`},
		{"unknown class", `{"actions": [{"name": "Ping", "scope": "node", "class": ["moon"]}]}`, `action Ping: unknown class "moon"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := generate([]byte(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}
