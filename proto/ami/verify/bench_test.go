package verify_test

import (
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/ami/verify"
)

// BenchmarkEvents feeds the busiest capture, again and again, to one checker each: events per second on one core.
func BenchmarkEvents(b *testing.B) {
	c, err := capture.OpenDir("../../../testdata/captures/busy-1", "alpha")
	if err != nil {
		b.Fatal(err)
	}
	var all []*ami.Message
	size := 0
	for _, m := range c.Messages[1:] {
		all = append(append(all, m.Text), m.Rest...)
	}
	for _, m := range all {
		size += len(m.Bytes())
	}
	b.ReportAllocs()
	b.SetBytes(int64(size / len(all)))
	for i := 0; i < b.N; {
		check := verify.New(verify.Config{Report: func(v verify.Violation) { b.Fatal(v) }})
		check.Connected()
		for _, m := range all[:min(len(all), b.N-i)] {
			check.Next(m)
			i++
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
