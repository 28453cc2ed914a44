package main

import (
	"encoding/json"
	"os"
	"testing"
)

// TestBenchIdle runs the one measurement that needs processes of amibus, as the command does, and asks for a tenth of what is to be reached.
func TestBenchIdle(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("SKIPPED: idle nodes can be measured only where there is /proc:", err)
	}
	code, stdout, stderr := finish(t, t.TempDir(), "bench", "bus", "--quick", "--only", "idle", "--json")
	var got struct {
		Rows []struct {
			What    string
			Figure  float64
			ToReach float64 `json:"to_reach"`
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); code != 0 || err != nil || len(got.Rows) != 2 {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	for _, r := range got.Rows {
		if r.Figure < 0 || r.Figure > 10*r.ToReach {
			t.Errorf("%s: %v, to reach is %v", r.What, r.Figure, r.ToReach)
		}
	}
	if mem := got.Rows[0].Figure; mem < 1 {
		t.Errorf("a node of %v MB", mem)
	}
}
