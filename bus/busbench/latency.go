package busbench

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stream"
)

// times collects durations from several goroutines.
type times struct {
	mu  sync.Mutex
	all []int64
}

func (t *times) add(d int64) {
	t.mu.Lock()
	t.all = append(t.all, d)
	t.mu.Unlock()
}

// latency: from Publish to the callbacks, three nodes at 1000 events a second each.
func (r *run) latency() error {
	const tick = 3 * time.Millisecond // auto, for three nodes
	var p50, p99, own50, own99, raw50, raw99 []float64
	for range short(r, 3, 1) {
		raw, err := r.rawLatency(short(r, 2*time.Second, time.Second))
		if err != nil {
			return err
		}
		raw50, raw99 = append(raw50, quantile(raw.all, .5)), append(raw99, quantile(raw.all, .99))
		merged, own, err := r.streamLatency(short(r, 4*time.Second, time.Second))
		if err != nil {
			return err
		}
		p50, p99 = append(p50, quantile(merged.all, .5)), append(p99, quantile(merged.all, .99))
		own50, own99 = append(own50, quantile(own.all, .5)), append(own99, quantile(own.all, .99))
	}
	limit := func(d time.Duration) Goal { return Goal{Limit: float64(d.Microseconds())} }
	note := "Publish to Emitted at the others, tick 3 ms; floor: a message on NATS alone"
	r.put("merged latency, p50", "µs", slices.Min(p50), slices.Min(raw50), limit(tick+time.Millisecond), note)
	r.put("merged latency, p99", "µs", slices.Min(p99), slices.Min(raw99), limit(tick+3*time.Millisecond), note)
	note = "Publish to Arrived at the own node"
	r.put("arrival of own events, p50", "µs", slices.Min(own50), none, limit(100*time.Microsecond), note)
	r.put("arrival of own events, p99", "µs", slices.Min(own99), none, limit(500*time.Microsecond), note)
	return nil
}

func (r *run) streamLatency(length time.Duration) (merged, own *times, err error) {
	c, err := r.cluster(settings{nodes: 3, hold: patience, keyed: stream.KeyedWanted})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	merged, own = new(times), new(times)
	base := time.Now()
	for _, n := range c.nodes {
		note := func(to *times, others bool) *func([]merge.Event) {
			fn := func(events []merge.Event) {
				now := int64(time.Since(base))
				for i := range events {
					if e := &events[i]; e.Missing == 0 && (e.Node.Name != n.self.Name) == others {
						to.add(now - stampOf(&e.Entry))
					}
				}
			}
			return &fn
		}
		n.onEmit.Store(note(merged, true))
		n.onKeep.Store(note(own, false))
	}
	r.pace(c.nodes, time.Millisecond, length, func(n *node, i int) {
		n.stream.Publish(entry(n.self.Name, i/10, int64(time.Since(base))))
	})
	want := int64(3 * (length/time.Millisecond + 1))
	return merged, own, r.await("the last events", func() bool { return c.least() >= want })
}

// rawLatency is that of single messages of an event's size at the same rate.
func (r *run) rawLatency(length time.Duration) (t *times, err error) {
	c, err := r.cluster(settings{nodes: 3, bare: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	t = new(times)
	base := time.Now()
	for _, n := range c.nodes {
		_, err := n.bus.Subscribe(bus.FramePattern, func(m bus.Msg) {
			now := int64(time.Since(base))
			if e, err := parse(m.Data); err == nil {
				t.add(now - stampOf(&e))
			}
		})
		if err != nil {
			return nil, err
		}
	}
	if err := r.heard(c, bus.SubjectFrame(site, "x")); err != nil {
		return nil, err
	}
	var failed atomic.Pointer[error]
	r.pace(c.nodes, time.Millisecond, length, func(n *node, i int) {
		e := entry(n.self.Name, i/10, int64(time.Since(base)))
		if err := n.bus.Publish(bus.SubjectFrame(site, n.self.Name), e.Raw()); err != nil {
			failed.Store(&err)
		}
	})
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return t, r.sleep(50 * time.Millisecond)
}

// kill: how long the merged stream of a survivor stands still when a node vanishes. Its server is closed under it, so it says no farewell; the
// survivors go on at 1000 events a second.
func (r *run) kill() error {
	const hold = 300 * time.Millisecond
	var stalls []float64
	for range short(r, 5, 1) {
		stall, err := r.killOne(hold)
		if err != nil {
			return err
		}
		stalls = append(stalls, stall)
	}
	r.put("stall when a node vanishes", "ms", median(stalls), float64(hold.Milliseconds()), Goal{Limit: float64(hold.Milliseconds() + 50)},
		"longest silence of a survivor's merged stream; floor: bus.hold")
	return nil
}

func (r *run) killOne(hold time.Duration) (ms float64, err error) {
	c, err := r.cluster(settings{nodes: 3, hold: hold, keyed: stream.KeyedWanted})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	survivors, victim := c.nodes[:2], c.nodes[2]
	var mu sync.Mutex
	last, longest := [2]time.Time{}, time.Duration(0)
	for i, n := range survivors {
		fn := func([]merge.Event) {
			now := time.Now()
			mu.Lock()
			defer mu.Unlock()
			if !last[i].IsZero() {
				longest = max(longest, now.Sub(last[i]))
			}
			last[i] = now
		}
		n.onEmit.Store(&fn)
	}
	var killed error
	var wg sync.WaitGroup
	wg.Go(func() {
		if killed = r.sleep(300 * time.Millisecond); killed == nil {
			killed = victim.bus.Close()
		}
	})
	r.pace(survivors, time.Millisecond, 1500*time.Millisecond, func(n *node, i int) { n.stream.Publish(entry(n.self.Name, i/10, 0)) })
	wg.Wait()
	if st := survivors[0].stream.Stats(); killed == nil && st.Merge.Dropped == 0 {
		killed = fmt.Errorf("the node that vanished is still waited for: %+v", st)
	}
	mu.Lock()
	defer mu.Unlock()
	return float64(longest.Microseconds()) / 1e3, killed
}
