package node

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
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
