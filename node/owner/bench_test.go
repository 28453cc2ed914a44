package owner_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/owner"
)

// filled is a registry of n channels of two nodes, with their names and ids in the order of their birth.
func filled(b testing.TB, n int) (f *feed, names, ids [][]byte) {
	b.Helper()
	f = newFeed(b, owner.Config{})
	nodes := []merge.Node{alpha, bravo}
	for i := range n {
		name, id := fmt.Appendf(nil, "PJSIP/phone-%d-%08x", i%1000, i), fmt.Appendf(nil, "%s-17%08d.%d", nodes[i%2].Name, i/20, i)
		f.r.Learn(nodes[i%2], id, name)
		names, ids = append(names, name), append(ids, id)
	}
	return f, names, ids
}

// BenchmarkLookUp: at 100,000 channels, of calls that are talked of (a few thousand) and of any; the latter is the memory's time.
func BenchmarkLookUp(b *testing.B) {
	f, names, ids := filled(b, 100_000)
	bare := make([][]byte, len(ids))
	for i := range ids {
		bare[i] = ids[i][len("alpha-"):]
	}
	for _, c := range []struct {
		name string
		keys [][]byte
	}{{"name", names}, {"id", ids}, {"bare", bare}} {
		for _, of := range []int{100, 1000, 100_000} {
			keys := slices.Clone(c.keys[:of])
			rand.New(rand.NewPCG(1, 2)).Shuffle(of, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			b.Run(fmt.Sprintf("%s/of%d", c.name, of), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); {
					if got := f.r.Channel(keys[i]); len(got.Owners) != 1 {
						b.Fatal(got)
					}
					if i++; i == of {
						i = 0
					}
				}
			})
		}
	}
	floor := map[string]*merge.Node{} // Go's own map, which needs a lock and folds nothing
	for i := range names {
		floor[string(names[i])] = &alpha
	}
	b.Run("floor/of1000", func(b *testing.B) {
		for i := 0; b.Loop(); {
			if floor[string(names[i])] == nil {
				b.Fatal(i)
			}
			if i++; i == 1000 {
				i = 0
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		for b.Loop() {
			if got := f.r.Channel([]byte("PJSIP/nobody-00000001")); got.Owners != nil {
				b.Fatal(got)
			}
		}
	})
}

// BenchmarkLookUpParallel: readers while events come in.
func BenchmarkLookUpParallel(b *testing.B) {
	f, names, _ := filled(b, 100_000)
	e := []merge.Event{event(b, &alpha, "", "Newchannel|Privilege: call,all|"+group("", "X/y-1", "1.1")),
		event(b, &alpha, "", "Hangup|Privilege: call,all|"+group("", "X/y-1", "1.1"))}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for now := time.Duration(0); ; now += time.Second {
			select {
			case <-stop:
				return
			default:
				f.r.Add(now, e)
			}
		}
	}()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if got := f.r.Channel(names[i%1000]); len(got.Owners) != 1 {
				b.Error(got)
				return
			}
		}
	})
	close(stop)
	<-stopped
}

// BenchmarkAdd: what an event costs the feeder.
func BenchmarkAdd(b *testing.B) {
	f, _, _ := filled(b, 100_000)
	run := func(name string, events ...merge.Event) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			now := time.Duration(0)
			for b.Loop() {
				now += 10 * time.Millisecond
				f.r.Add(now, events)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
		})
	}
	x, y := group("", "PJSIP/phone-17-00000011", "1700000000.17"), group("Dest", "PJSIP/phone-18-00000012", "1700000000.18")
	f.say(alpha, "DialBegin|Privilege: call,all|"+x+"|"+y)
	run("Newexten", event(b, &alpha, "", "Newexten|Privilege: dialplan,all|"+x+"|Extension: 1|Application: NoOp|AppData: some more text of an event"))
	run("DialState", event(b, &alpha, "", "DialState|Privilege: call,all|"+x+"|"+y+"|DialStatus: RINGING"))
	run("without", event(b, &alpha, "", "PeerStatus|Privilege: system,all|ChannelType: PJSIP|Peer: PJSIP/phone|PeerStatus: Reachable"))
	call := group("", "PJSIP/phone-17-ffffffff", "1700000001.17")
	run("life", event(b, &alpha, "", "Newchannel|Privilege: call,all|"+call), event(b, &alpha, "", "Hangup|Privilege: call,all|"+call))
}

// BenchmarkMemory reports what a channel takes at 100,000 channels, and the longest time that one event took to get in.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		events := make([]merge.Event, n)
		for i := range events {
			events[i] = event(b, &alpha, "", "Newchannel|Privilege: call,all|"+group("", fmt.Sprintf("PJSIP/phone-%d-%08x", i%1000, i), fmt.Sprintf("17%08d.%d", i/20, i)))
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r := owner.New(owner.Config{})
		longest := time.Duration(0)
		for i := range events {
			start := time.Now()
			r.Add(0, events[i:i+1])
			longest = max(longest, time.Since(start))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/channel")
		b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
		runtime.KeepAlive(events)
		runtime.KeepAlive(r)
	}
}

// TestNoAllocation: to look up, and to hear of what is known, allocates nothing.
func TestNoAllocation(t *testing.T) {
	f, names, ids := filled(t, 1000)
	f.born(alpha, "X/y-1", "1.1")
	e := []merge.Event{event(t, &alpha, "", "Newexten|Privilege: dialplan,all|"+group("", "X/y-1", "1.1"))}
	if n := testing.AllocsPerRun(100, func() {
		f.r.Channel(names[7])
		f.r.Channel(ids[7])
		f.r.Add(0, e)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
