package busbench

import (
	stdheap "container/heap"
	"fmt"
	"math"
	"time"

	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/wire"
)

func parse(b []byte) (wire.Entry, error) { return wire.ParseEntry(b) }

// merge: an event from a decoded frame of 16 to its emission, 100 nodes, one goroutine.
func (r *run) merge() error {
	const origins = 100
	ours, floor := math.Inf(1), math.Inf(1)
	for range short(r, 7, 3) {
		ours = min(ours, mergeOnce(origins, short(r, 400_000, 100_000)))
		floor = min(floor, sortOnce(origins, 200_000))
	}
	r.put("merge of an event, 100 nodes", "µs", ours, floor, Goal{Limit: .5},
		"frames of 16, from decoded to emitted; floor: container/heap put right once, an event copied")
	return nil
}

func mergeOnce(origins, count int) float64 {
	m := merge.New(merge.Config{Self: merge.Node{Site: site, Name: "self"}, Epoch: 1, Hold: time.Hour, Tick: time.Second})
	now := merge.Time{Mono: 1, Wall: 1_700_000_000_000_000_000}
	m.Step(now, merge.Start{})
	all := make([]*wire.Frame, origins)
	for i := range all {
		name := fmt.Sprintf("n%03d", i)
		all[i] = &wire.Frame{Site: site, Node: name, Epoch: 1, First: 1, Mark: now.Wall}
		m.Step(now, merge.FrameIn{Frame: all[i]})
		all[i].Entries = entries(name, batch)
	}
	start := time.Now()
	for i := 0; i < count; i += batch {
		f := all[i/batch%origins]
		for j := range f.Entries {
			now.Wall += 100
			f.Entries[j].Stamp(now.Wall)
		}
		now.Mono += 100 * batch
		f.Mark = now.Wall
		m.Step(now, merge.FrameIn{Frame: f})
		f.First += batch
	}
	return float64(time.Since(start).Nanoseconds()) / 1e3 / float64(count)
}

// sortOnce is the least a merge of sorted streams does for an event.
func sortOnce(origins, count int) float64 {
	h := make(clocks, origins)
	out := make([]merge.Event, 1)
	start := time.Now()
	for range count {
		h[0] += int64(origins)
		stdheap.Fix(&h, 0)
		out[0] = merge.Event{HLC: h[0]}
	}
	return float64(time.Since(start).Nanoseconds()) / 1e3 / float64(count)
}

type clocks []int64

func (c clocks) Len() int           { return len(c) }
func (c clocks) Less(i, j int) bool { return c[i] < c[j] }
func (c clocks) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *clocks) Push(any)          {}
func (c *clocks) Pop() any          { return nil }

// journal: an event into a journal that is full, so that another falls out.
func (r *run) journal() error {
	count := short(r, 200_000, 50_000)
	said := entries("alpha", 1000)
	best, floor := math.Inf(1), math.Inf(1)
	for range short(r, 7, 3) {
		j := journal.NewMemory(site, "alpha", 1<<20, 1<<20)
		s := journal.Stream{Site: site, Node: "alpha", Epoch: 1}
		start := time.Now()
		for seq := range count {
			j.Append(s, uint64(seq+1), said[seq%len(said)])
		}
		best = min(best, float64(time.Since(start).Nanoseconds())/1e3/float64(count))
		kept := make([]byte, 0, 1<<20)
		start = time.Now()
		for seq := range count {
			if raw := said[seq%len(said)].Raw(); len(kept)+len(raw) > cap(kept) {
				kept = append(kept[:0], raw...)
			} else {
				kept = append(kept, raw...)
			}
		}
		floor = min(floor, float64(time.Since(start).Nanoseconds())/1e3/float64(count))
	}
	r.put("journal append, memory", "µs", best, floor, Goal{Limit: 2}, "full, so that each evicts one; floor: its bytes copied into a buffer")
	return nil
}
