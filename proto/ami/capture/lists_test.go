package capture

import (
	"strings"
	"testing"
)

// TestLists: what is listed is what has been played; at the end of a recording all calls have ended.
func TestLists(t *testing.T) {
	t.Parallel()
	c, err := OpenDir("../../../testdata/captures/call-answered", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(Config{Capture: c})
	most := 0
	for i := range s.stream {
		s.calls.take(s.stream[i].raw)
		most = max(most, len(s.calls.channels)+len(s.calls.bridges))
		for _, ch := range s.calls.channels {
			if strings.Count(ch.group, "\r\n") < 14 || ch.bridge != "" && find(s.calls.bridges, ch.bridge) == nil {
				t.Fatalf("event %d: %+v", i, ch)
			}
		}
	}
	if most < 5 || len(s.calls.channels)+len(s.calls.bridges) > 0 {
		t.Errorf("at most %d; in the end %v %v", most, s.calls.channels, s.calls.bridges)
	}
}
