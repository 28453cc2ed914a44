package busbench

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestQuick runs all that needs no other process, and asks for a tenth of what is to be reached: it must run, and nothing may be far off.
// With the race detector the figures say nothing.
func TestQuick(t *testing.T) {
	names := Names()
	if race { // a minute less; the rest either has one goroutine or is more of the same
		names = []string{"path", "kill", "replay"}
	}
	var rows []*Row
	for _, name := range names {
		if err := Run(t.Context(), Options{Quick: true, Only: name}, func(r *Row) { rows = append(rows, r) }); err != nil {
			t.Fatal(err)
		}
	}
	var seen []string
	for _, r := range rows {
		seen = append(seen, r.Name)
		t.Logf("%s, %s: %.3g %s, floor %.3g", r.Name, r.What, r.Figure, r.Unit, r.Floor)
		if r.Name == "idle" {
			if r.Measured() {
				t.Error("idle is measured without a command")
			}
			continue
		}
		slack := 10.0
		if r.Name == "latency" { // what the busiest machine does to one event in a hundred has no bound
			slack = 100
		}
		if math.IsNaN(r.Figure) || math.IsInf(r.Figure, 0) || r.Figure <= 0 && r.Name != "keyed" { // a difference may be lost in the noise
			t.Errorf("%s, %s: %v", r.Name, r.What, r.Figure)
		}
		if !race && !r.Reached(slack) {
			t.Errorf("%s, %s: %.3g %s, ratio %.3g: far off %+v", r.Name, r.What, r.Figure, r.Unit, r.Ratio(), r.Goal)
		}
	}
	for _, name := range names {
		if !slices.Contains(seen, name) {
			t.Errorf("no row of %s", name)
		}
	}
}

func TestUnknownLeftOut(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal([]*Row{{Name: "a", Figure: none, Floor: none, Goal: Goal{Limit: 1}}, {Name: "b", Figure: 3, Floor: 2, Goal: Goal{Limit: 1, Ratio: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"row":"b"`, `"ratio":1.5`, `"ok":false`} {
		if strings.Count(string(b), part) != 1 {
			t.Errorf("%s in %s", part, b)
		}
	}
}

func TestReached(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row   Row
		slack float64
		want  bool
	}{
		{Row{Figure: 2, Floor: 1, Goal: Goal{Limit: 2}}, 1, true},
		{Row{Figure: 2.1, Floor: 1, Goal: Goal{Limit: 2}}, 1, false},
		{Row{Figure: 2.1, Floor: 1, Goal: Goal{Limit: 2}}, 10, true},
		{Row{Figure: 3, Floor: 2, Goal: Goal{Limit: 1.5, Ratio: true}}, 1, true},
		{Row{Figure: 3, Floor: 1, Goal: Goal{Limit: 1.5, Ratio: true}}, 1, false},
		{Row{Figure: 99, Goal: Goal{Limit: 100, AtLeast: true}}, 1, false},
		{Row{Figure: 99, Goal: Goal{Limit: 100, AtLeast: true}}, 10, true},
		{Row{Figure: 9, Goal: Goal{Limit: 100, AtLeast: true}}, 10, false},
		{Row{Figure: none, Goal: Goal{Limit: 1}}, 10, false},
	} {
		if got := c.row.Reached(c.slack); got != c.want {
			t.Errorf("%+v, slack %v: %v", c.row, c.slack, got)
		}
	}
}

func TestStampOf(t *testing.T) {
	t.Parallel()
	e := entry("alpha", 12, 1234567890123)
	if got := stampOf(&e); got != 1234567890123 {
		t.Errorf("got %d from\n%s", got, e.AMI())
	}
}
