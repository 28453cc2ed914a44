package node

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/node/admin"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

func measured(t testing.TB, node *merge.Node, classes ami.Class, age time.Duration) merge.Event {
	t.Helper()
	e, err := wire.ParseEntry(wire.AppendEntry(nil, uint64(classes), []byte("X"), nil, nil, []byte("Event: X\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return merge.Event{Node: node, Seq: 1, Entry: e, HLC: time.Now().Add(-age).UnixNano()}
}

// TestEventsAreCounted: each event by its node and first class; classes that nobody knows have one name; every hold counts.
func TestEventsAreCounted(t *testing.T) {
	t.Parallel()
	own, other := merge.Node{Site: "s", Name: "own"}, merge.Node{Site: "s", Name: "other"}
	var c counts
	c.emitted([]merge.Event{
		measured(t, &own, ami.ClassCall, 2*time.Hour),
		measured(t, &other, ami.ClassCall|ami.ClassReporting, 2*time.Hour),
		measured(t, &other, ami.ClassNone, -time.Hour),
		measured(t, &other, 1<<40, -time.Hour),
		measured(t, &other, 1<<63, 1200*time.Millisecond),
		{Node: &other, Seq: 9, Missing: 7},
		measured(t, &own, ami.ClassCall, -time.Hour),
	}, own)
	a := admin.New(admin.Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	c.metrics(a, func(fn func()) { fn() })
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`amibus_stream_events_total{class="call",node="own",site="s"} 2`,
		`amibus_stream_events_total{class="call",node="other",site="s"} 1`,
		`amibus_stream_events_total{class="none",node="other",site="s"} 1`,
		`amibus_stream_events_total{class="all",node="other",site="s"} 2`,
		`amibus_stream_hold_seconds_bucket{origin="own",le="0.001"} 1`,
		`amibus_stream_hold_seconds_bucket{origin="own",le="10"} 1`,
		`amibus_stream_hold_seconds_count{origin="own"} 2`,
		`amibus_stream_hold_seconds_bucket{origin="other",le="1"} 2`,
		`amibus_stream_hold_seconds_bucket{origin="other",le="2.5"} 3`,
		`amibus_stream_hold_seconds_count{origin="other"} 4`,
	} {
		if !strings.Contains(w.Body.String(), "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

func BenchmarkCountEvents(b *testing.B) {
	own, other := merge.Node{Site: "s", Name: "own"}, merge.Node{Site: "s", Name: "other"}
	batch := make([]merge.Event, 16)
	for i := range batch {
		batch[i] = measured(b, []*merge.Node{&own, &other}[i/2%2], ami.ClassCall, 2*time.Millisecond)
	}
	var m counts
	for b.Loop() {
		m.emitted(batch, own)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/event")
}

func TestOutcomeIsCounted(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]int{
		"Response: Success\r\nActionID: 1\r\n\r\n":                                               outcomeSuccess,
		"Response: Success\r\nEventList: start\r\n\r\nEvent: X\r\nOutcome: unknown\r\n\r\n":      outcomeSuccess,
		"Response: Goodbye\r\n\r\n":                                                              outcomeSuccess,
		"Response: Error\r\nMessage: No such channel\r\n\r\n":                                    outcomeRefused,
		"Response: Error\r\nMessage: x\r\nOutcome: the PBX's own\r\n\r\n":                        outcomeRefused,
		"Response: Error\r\nMessage: x\r\nOutcome: not executed\r\n\r\n":                         outcomeNotExecuted,
		"Response: Error\r\nMessage: x\r\nOutcome: unknown\r\nSystemName: x\r\n\r\nEvent: Y\r\n": outcomeUnknown,
		"Response: Error\r\nMessage: x\r\n\r\nEvent: X\r\nOutcome: unknown\r\n\r\n":              outcomeRefused,
		"": outcomeUnknown,
	} {
		m := meter{}
		send := m.listen(func([]byte) error { return nil })
		if answer != "" {
			_ = send([]byte(answer))
			_ = send([]byte("Response: Error\r\n\r\n")) // an item that looks like one
		}
		if m.outcome != want {
			t.Errorf("%q: %s, want %s", answer, outcomes[m.outcome], outcomes[want])
		}
	}
}

func TestActionScopesAreAll(t *testing.T) {
	t.Parallel()
	for _, a := range actions.All() {
		if !slices.Contains(actionScopes[:], a.Scope) {
			t.Errorf("%s has scope %s, which is not counted", a.Name, a.Scope)
		}
	}
}

func BenchmarkCountAction(b *testing.B) {
	m := newActionMeter(admin.New(admin.Config{}))
	action, err := ami.ParseMessage([]byte("Action: Getvar\r\nActionID: 1\r\nChannel: x\r\nVariable: X\r\n\r\n"))
	if err != nil {
		b.Fatal(err)
	}
	answer := []byte("Response: Success\r\nActionID: 1\r\nVariable: X\r\nValue: here\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		k := meter{begun: time.Now()}
		_ = k.listen(func([]byte) error { return nil })(answer)
		m.count(action, &k, nil)
	}
}
