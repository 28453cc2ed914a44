package natsbus

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// BenchmarkRequest: a request to another node, beside one of NATS itself over the same servers.
func BenchmarkAgainstFloor(b *testing.B) {
	all := mesh(b, 3)
	stop, err := all[1].Serve("bench.ours", func(_ context.Context, req []byte, send func([]byte) error) error { return send(req) })
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	sub, err := all[1].conn.Subscribe("bench.floor", func(m *nats.Msg) { _ = m.Respond(m.Data) })
	if err != nil {
		b.Fatal(err)
	}
	defer sub.Unsubscribe()
	for !all[0].Wanted("bench.ours") || !all[0].Wanted("bench.floor") {
		time.Sleep(time.Millisecond)
	}
	req := make([]byte, 200)
	var ours, floor []time.Duration
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	for b.Loop() {
		at := time.Now()
		if _, err := all[0].conn.RequestWithContext(ctx, "bench.floor", req); err != nil {
			b.Fatal(err)
		}
		floor = append(floor, time.Since(at))
		at = time.Now()
		if err := all[0].Request(ctx, "bench.ours", req, func([]byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(at))
	}
	slices.Sort(ours)
	slices.Sort(floor)
	at := len(ours) / 2
	b.ReportMetric(float64(floor[at])/1e3, "µs/floor-p50")
	b.ReportMetric(float64(ours[at])/float64(floor[at]), "ratio-p50")
}
