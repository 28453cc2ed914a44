package engine

import (
	"testing"
	"time"

	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/config"
)

// BenchmarkEngine runs an office that makes 1,000 calls a second in fake time, through driver, PBX, rendering and topic. calls/s and
// events/s are of real time; run it with -cpu 1. The floor is the same events, ready made, through a topic to a reader who
// copies their text.
func BenchmarkEngine(b *testing.B) {
	for _, mix := range []string{config.MixOffice, config.MixTransfer} {
		b.Run(mix, func(b *testing.B) {
			const rate = 1000
			var kept []Event
			events := 0
			e := loaded(b, config.Traffic{CallsPerSecond: rate, Mix: mix, Seed: 7}, func(more []Event) {
				events += len(more)
				if len(kept) < 200_000 {
					kept = append(kept, more...)
				}
			})
			now := e.advance(time.Unix(1_700_000_000, 0), 30*time.Second) // until as many calls end as begin
			events = 0
			before := e.load.Stats().Calls
			b.ResetTimer()
			e.advance(now, time.Duration(b.N)*time.Second/rate)
			took := b.Elapsed()
			calls := float64(e.load.Stats().Calls - before)
			b.ReportMetric(calls/took.Seconds(), "calls/s")
			b.ReportMetric(float64(events)/took.Seconds(), "events/s")
			b.ReportMetric(float64(events)/max(calls, 1), "events/call")
			b.ReportMetric(float64(took.Nanoseconds())/float64(max(events, 1))/floor(kept), "x-floor")
		})
	}
}

// floor is the nanoseconds that a topic takes for one of these events.
func floor(events []Event) float64 {
	topic := stasis.NewTopic[Event]("floor")
	var text []byte
	topic.Handle(func(more []Event) {
		text = text[:0]
		for i := range more {
			text = append(text, more[i].Text...)
		}
	})
	began := time.Now()
	for range 10 {
		for i := 0; i < len(events); i += 8 {
			topic.Publish(events[i:min(i+8, len(events))]...)
		}
	}
	return max(float64(time.Since(began).Nanoseconds())/float64(10*len(events)), 1)
}
