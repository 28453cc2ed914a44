package node

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

var (
	metricName = regexp.MustCompile(`\b(amibus|process|go)_[a-z0-9_]+`)
	byLabels   = regexp.MustCompile(`\b(?:by|on) ?\(([a-z_, ]*)\)`)
)

// checkExpr is no parser of PromQL: it checks that metrics and labels exist, and that what opens is closed.
func checkExpr(t *testing.T, where, expr string, series map[string][]string) {
	t.Helper()
	names := metricName.FindAllString(expr, -1)
	if len(names) == 0 && !strings.HasPrefix(expr, "up{") {
		t.Errorf("%s: %q names no metric", where, expr)
	}
	known := map[string]bool{"instance": true, "job": true, "le": true}
	for _, name := range names {
		labels, ok := series[name]
		if !ok {
			t.Errorf("%s: there is no %s", where, name)
		}
		for _, l := range labels {
			known[l] = true
		}
	}
	for _, by := range byLabels.FindAllStringSubmatch(expr, -1) {
		for l := range strings.SplitSeq(by[1], ",") {
			if l = strings.TrimSpace(l); !known[l] {
				t.Errorf("%s: %q: no metric in it has the label %s", where, expr, l)
			}
		}
	}
	var open []rune
	closes, quoted := map[rune]rune{')': '(', '}': '{', ']': '['}, false
	for _, r := range expr {
		switch {
		case r == '"':
			quoted = !quoted
		case quoted:
		case strings.ContainsRune("({[", r):
			open = append(open, r)
		case closes[r] != 0:
			if len(open) == 0 || open[len(open)-1] != closes[r] {
				t.Fatalf("%s: %q: a %c too many", where, expr, r)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 || quoted {
		t.Errorf("%s: %q is not closed", where, expr)
	}
}

// checkAlerts: the rules have what Prometheus wants and nothing else, and docs/troubleshooting.md has each.
func checkAlerts(t *testing.T, series map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	help, err := os.ReadFile("../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			severity := r.Labels["severity"]
			if r.Alert == "" || seen[r.Alert] || r.Annotations["summary"] == "" || severity != "critical" && severity != "warning" {
				t.Errorf("rule %+v: it needs a name of its own, a summary and a severity, critical or warning", r)
			}
			seen[r.Alert] = true
			if _, err := time.ParseDuration(cmp.Or(r.For, "0s")); err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
			if !bytes.Contains(help, []byte("`"+r.Alert+"`")) {
				t.Errorf("docs/troubleshooting.md does not say what to do about %s", r.Alert)
			}
			checkExpr(t, r.Alert, r.Expr, series)
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d alerts", len(seen))
	}
}

// checkDashboard: each panel has a place and shows something that there is.
func checkDashboard(t *testing.T, series map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("../deploy/grafana/amibus.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID          int
			Title, Type string
			GridPos     struct{ W, X int }
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d, %q: it needs an id of its own, a title, a place and something to show", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			checkExpr(t, "panel "+p.Title, target.Expr, series)
		}
	}
	if len(ids) < 12 {
		t.Errorf("only %d panels", len(ids))
	}
}
