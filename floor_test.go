package amibus_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/amibus/amibus/"

// floor is the house: imports go down only, never sideways. A package that is not here fails the test.
var floor = map[string]int{
	"proto/amibuspb": 0, "proto/ami": 0, "proto/wire": 0, "proto/ami/filter": 0, "node/lifecycle": 0,
	"node/config": 1, "node/standby": 1,
	"bus": 1, "bus/stasis": 1, "bus/merge": 1, "bus/journal": 1, "translator": 1, "proto/ami/capture": 1, "proto/ami/verify": 1,
	"bus/cursor": 2, "bus/natsbus": 2, "bus/membus": 2, "bus/member": 2, "bus/stream": 2, "node/state": 2, "node/owner": 2, "node/reconcile": 2,
	"bus/bustest": 3, "bus/busbench": 3, "node/amiserver": 3, "node/upstream": 3, "node/forward": 3, "node/admin": 3, "node/engine": 3, "node/actions": 3, "node/catchup": 3,
	"node":          4,
	"cmd/amibus":    5,
	"node/nodetest": 5, "node/chaos": 5,
	// An example is what a user would write: on top of everything, with a NATS connection of its own.
	"docs/examples/go": 5,
}

// home is where each third-party library lives; protobuf is the one that everybody may use.
var home = map[string][]string{
	"github.com/nats-io/":               {"bus/natsbus", "docs/examples/go"},
	"github.com/hashicorp/memberlist":   {"bus/member"},
	"github.com/prometheus/":            {"node/admin"},
	"go.yaml.in/":                       {"node/config"},
	"github.com/spf13/cobra":            {"cmd/amibus"},
	"github.com/coreos/go-systemd/":     {"cmd/amibus"},
	"github.com/charmbracelet/lipgloss": {"cmd/amibus"},
	"golang.org/x/crypto/":              {"node/config"},
	"golang.org/x/term":                 {"cmd/amibus"},
	"google.golang.org/protobuf":        nil,
}

type pkg struct {
	ImportPath string
	Imports    []string
	Doc        string
	Standard   bool
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Doc,Standard", "./...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportsGoDownOnly(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if p.ImportPath == strings.TrimSuffix(module, "/") {
			continue // this test
		}
		own, ok := floor[house(name)]
		if !ok {
			t.Errorf("%s stands on no floor: add it to the table, and to the architecture", name)
			continue
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", name)
		}
		for _, imp := range p.Imports {
			dep, ours := strings.CutPrefix(imp, module)
			switch {
			case ours && house(dep) == house(name): // internal parts of one package
			case ours && floor[house(dep)] >= own:
				t.Errorf("%s (floor %d) imports %s (floor %d)", name, own, dep, floor[house(dep)])
			case !ours && strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
				checkHome(t, house(name), imp)
			}
		}
	}
}

// house cuts what only one package uses: x/internal/y belongs to x.
func house(name string) string {
	before, _, _ := strings.Cut(name, "/internal/")
	return before
}

func checkHome(t *testing.T, name, imp string) {
	t.Helper()
	for lib, homes := range home {
		if strings.HasPrefix(imp, lib) {
			if homes != nil && !slices.Contains(homes, name) {
				t.Errorf("%s imports %s, whose home is %v", name, imp, homes)
			}
			return
		}
	}
	t.Errorf("%s imports %s, which has no home", name, imp)
}
