package merge

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

// said is what one of three sources says at a moment.
type said struct {
	at     int64
	source int
	text   string
}

// TestSameEventsSameStream: the same source events over one node, over three, and over three with a cut and a heal are the same ordered
// stream, late events aside.
func TestSameEventsSameStream(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		w := newWorld(t, seed, 0)
		var script []said
		for at := int64(0); at < int64(6*time.Second); at += 10_000 + w.rng.Int64N(int64(8*time.Millisecond)) {
			script = append(script, said{at, w.rng.IntN(3), fmt.Sprint(len(script))})
		}
		var want []string
		for _, s := range script {
			want = append(want, s.text)
		}
		one := perform(t, seed, 1, script, func(*world) {})
		if got, late := spoken(one.nodes[0]); !slices.Equal(got, want) || late > 0 {
			t.Fatalf("seed %d: one node gives %d of %d events in another order, or %d late", seed, len(got), len(want), late)
		}
		for _, n := range perform(t, seed, 3, script, func(*world) {}).nodes {
			if got, late := spoken(n); !slices.Equal(got, want) || late > 0 {
				t.Fatalf("seed %d: %s of three gives %d of %d events in another order, or %d late", seed, n.id, len(got), len(want), late)
			}
		}
		healed := perform(t, seed, 3, script, func(w *world) {
			cut := w.rng.Int64N(int64(3 * time.Second))
			w.after(cut, func() { w.isolate(w.any(), time.Duration(w.rng.Int64N(int64(2*time.Second)))) })
		})
		for _, n := range healed.nodes {
			got, late := spoken(n)
			if len(got)+late != len(want) {
				t.Fatalf("seed %d: after the heal %s has %d events and %d late ones of %d", seed, n.id, len(got), late, len(want))
			}
			if i := subsequence(got, want); i >= 0 {
				t.Fatalf("seed %d: after the heal %s has %s out of order", seed, n.id, got[i])
			}
		}
	}
}

// perform runs the script on n nodes, each of which has its share of the sources.
func perform(t *testing.T, seed uint64, n int, script []said, faults func(*world)) *world {
	w := newWorld(t, seed, n)
	w.jitter = 2 * time.Millisecond
	for _, h := range w.nodes {
		h.up()
	}
	w.run(500 * time.Millisecond)
	for _, s := range script {
		w.after(s.at, func() { w.nodes[s.source%n].step(Own{[]wire.Entry{entry(s.text)}}) })
	}
	faults(w)
	w.run(12 * time.Second)
	return w
}

// spoken returns what a node has emitted in order, and how much late.
func spoken(n *host) (texts []string, late int) {
	for i := range n.seen.emitted {
		if e := &n.seen.emitted[i]; e.Late {
			late++
		} else {
			texts = append(texts, string(e.Entry.AMI()))
		}
	}
	return texts, late
}

// subsequence returns the first index of got that does not follow in want, -1 if there is none.
func subsequence(got, want []string) int {
	at := 0
	for i, s := range got {
		n := slices.Index(want[at:], s)
		if n < 0 {
			return i
		}
		at += n + 1
	}
	return -1
}
