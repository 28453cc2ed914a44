package journal

import (
	"fmt"
	"testing"

	"github.com/amibus/amibus/proto/wire"
)

func entry(tb testing.TB, text string) wire.Entry {
	tb.Helper()
	e, err := wire.ParseEntry(wire.AppendEntry(nil, 1, []byte("Test"), nil, nil, []byte(text)))
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func held(j Journal, s Stream, from, to uint64) (seqs []uint64) {
	j.Range(s, from, to, func(seq uint64, e wire.Entry) bool {
		if string(e.AMI()) != fmt.Sprint(seq) {
			panic("wrong event")
		}
		seqs = append(seqs, seq)
		return true
	})
	return seqs
}

func TestRangeGivesWhatIsHeld(t *testing.T) {
	t.Parallel()
	j := NewMemory("default", "alpha", 1<<20, 1<<20)
	own := Stream{"default", "alpha", 7}
	for seq := uint64(1); seq <= 1000; seq++ {
		j.Append(own, seq, entry(t, fmt.Sprint(seq)))
	}
	if got := held(j, own, 300, 700); len(got) != 401 || got[0] != 300 || got[400] != 700 {
		t.Fatalf("got %d events, %v…", len(got), got[:min(3, len(got))])
	}
	if got := held(j, own, 999, 5000); len(got) != 2 {
		t.Fatalf("beyond the end: %v", got)
	}
	if got := held(j, Stream{"default", "alpha", 8}, 1, 10); got != nil {
		t.Fatalf("another epoch: %v", got)
	}
}

func TestBudgetsAreKeptApart(t *testing.T) {
	t.Parallel()
	j := NewMemory("default", "alpha", 100_000, 50_000)
	own, bravo, charlie := Stream{"default", "alpha", 1}, Stream{"default", "bravo", 1}, Stream{"default", "charlie", 1}
	for seq := uint64(1); seq <= 5000; seq++ {
		j.Append(own, seq, entry(t, fmt.Sprint(seq)))
		j.Append(bravo, seq, entry(t, fmt.Sprint(seq)))
		if seq%10 == 0 {
			j.Append(charlie, seq/10, entry(t, fmt.Sprint(seq/10)))
		}
	}
	s := j.Stats()
	if s.OwnBytes > 100_000 || s.PeerBytes > 50_000 || s.OwnBytes < 90_000 || s.PeerBytes < 45_000 {
		t.Fatalf("budgets: %+v", s)
	}
	if s.OwnFellOut == 0 || s.PeersFell == 0 {
		t.Fatalf("nothing fell out: %+v", s)
	}
	got := held(j, own, 1, 5000)
	if got[len(got)-1] != 5000 || got[0] != 5000-uint64(len(got))+1 {
		t.Fatalf("the newest are kept: %d … %d", got[0], got[len(got)-1])
	}
}

func TestASkippedSeqHidesNoHole(t *testing.T) {
	t.Parallel()
	j := NewMemory("default", "alpha", 1<<20, 1<<20)
	s := Stream{"default", "bravo", 1}
	j.Append(s, 1, entry(t, "1"))
	j.Append(s, 5, entry(t, "5"))
	if got := held(j, s, 1, 9); len(got) != 1 || got[0] != 5 {
		t.Fatalf("got %v", got)
	}
}

func TestARangeHasNoHole(t *testing.T) {
	t.Parallel()
	j := NewMemory("default", "alpha", 100_000, 100_000)
	s := Stream{"default", "alpha", 1}
	for seq := uint64(1); seq <= 500; seq++ {
		j.Append(s, seq, entry(t, fmt.Sprint(seq)))
	}
	last := uint64(0)
	j.Range(s, 1, 5000, func(seq uint64, _ wire.Entry) bool {
		if last != 0 && seq != last+1 {
			t.Fatalf("%d after %d", seq, last)
		}
		if last = seq; seq == 100 { // the reader is slow: what it would get next falls out
			for n := uint64(501); n <= 3000; n++ {
				j.Append(s, n, entry(t, fmt.Sprint(n)))
			}
		}
		return true
	})
	if last == 0 || last >= 500 {
		t.Fatalf("ended at %d", last)
	}
}
