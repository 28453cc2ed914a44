package verify_test

import (
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami/verify"
)

// busyAtTheEnd are the recordings that end while calls are going on, so that what is open then is no violation.
var busyAtTheEnd = map[string]string{
	"busy-1/alpha":                     "it was cut",
	"busy-1/bravo":                     "it was cut",
	"filter-action/alpha":              "the client went with calls in progress",
	"list-actions-no-actionid/alpha":   "the client went with calls in progress",
	"parking-retrieve/alpha":           "the parking bridge stays for the next call",
	"restart-now/bravo":                "the process ended",
	"shutdown-observed/charlie-driver": "the process ended",
	"stalled-client/alpha-stalled":     "the server cut the client off",
}

// TestCaptures: what a real Asterisk sent breaks no rule. The exceptions that ordering.md lists are in the rules themselves.
func TestCaptures(t *testing.T) {
	t.Parallel()
	all, err := allCaptures()
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	for _, c := range all {
		name := c.Scenario + "/" + c.Instance
		_, busy := busyAtTheEnd[name]
		run(messages(c), !busy, func(v verify.Violation) { t.Errorf("%s: %v", name, v) })
		events += len(c.Events())
	}
	if events < 40_000 {
		t.Fatalf("%d events, there should be more", events)
	}
}

// TestCapturesAtRest: End finds what is open where a recording stops in the middle.
func TestCapturesAtRest(t *testing.T) {
	t.Parallel()
	all, err := allCaptures()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Scenario != "busy-1" || strings.HasSuffix(c.Instance, "-driver") {
			continue
		}
		if n := run(messages(c), true, nil); n < 50 {
			t.Errorf("%s: %d, there are more channels and bridges than that", c.Instance, n)
		}
	}
}
