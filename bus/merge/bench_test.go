package merge

import (
	stdheap "container/heap"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

// BenchmarkMerge measures everything between a decoded frame of 16 events and their emission in order.
func BenchmarkMerge(b *testing.B) {
	for _, origins := range []int{3, 10, 30, 100} {
		b.Run(fmt.Sprintf("origins=%d", origins), func(b *testing.B) { benchMerge(b, origins) })
	}
}

// sortFloor is the least a merge of sorted streams does for an event, in ns: the library's heap put right once, one event copied.
// Measured in the same run, best of five.
func sortFloor(origins int) float64 {
	best := time.Duration(math.MaxInt64)
	const rounds = 100_000
	h := make(clocks, origins)
	out := make([]Event, 1)
	for range 5 {
		start := time.Now()
		for range rounds {
			h[0] += int64(origins)
			stdheap.Fix(&h, 0)
			out[0] = Event{HLC: h[0]}
		}
		best = min(best, time.Since(start))
	}
	return float64(best.Nanoseconds()) / rounds
}

type clocks []int64

func (c clocks) Len() int           { return len(c) }
func (c clocks) Less(i, j int) bool { return c[i] < c[j] }
func (c clocks) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *clocks) Push(any)          {}
func (c *clocks) Pop() any          { return nil }

func benchMerge(b *testing.B, origins int) {
	floor := sortFloor(origins)
	const batch = 16
	m := New(Config{Self: Node{"default", "self"}, Epoch: 1, Hold: time.Hour, Tick: time.Second})
	now := Time{Mono: 1, Wall: 1_700_000_000_000_000_000}
	m.Step(now, Start{})
	frames := make([]*wire.Frame, origins)
	for i := range frames {
		frames[i] = &wire.Frame{Site: "default", Node: fmt.Sprintf("n%03d", i), Epoch: 1, First: 1, Mark: now.Wall}
		m.Step(now, FrameIn{Frame: frames[i]})
		for range batch {
			frames[i].Entries = append(frames[i].Entries, entry("x"))
		}
	}
	emitted := 0
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += batch {
		f := frames[(i/batch)%origins]
		for j := range f.Entries {
			now.Wall += 100
			f.Entries[j].Stamp(now.Wall)
		}
		now.Mono += 1600
		f.Mark = now.Wall
		for _, out := range m.Step(now, FrameIn{Frame: f}) {
			if e, ok := out.(Emit); ok {
				emitted += len(e.Events)
			}
		}
		f.First += batch
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/floor, "x-floor")
	if emitted < b.N-origins*batch*2 {
		b.Fatalf("emitted %d of %d", emitted, b.N)
	}
}
