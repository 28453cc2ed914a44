package stream

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/membus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// fetchAll fetches from … to in pieces, and returns the seqs that came.
func fetchAll(t *testing.T, s *Stream, origin merge.Node, epoch, from, to uint64) (seqs []uint64) {
	t.Helper()
	for from <= to {
		events, err := s.Fetch(t.Context(), origin, epoch, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return seqs
		}
		for i, e := range events {
			if e.Seq < from || e.Seq > to || i > 0 && e.Seq != from || *e.Node != origin || e.Epoch != epoch {
				t.Fatalf("asked for %d…%d, event %d of the answer is %v %d/%d", from, to, i, e.Node, e.Epoch, e.Seq)
			}
			if want := fmt.Sprintf("%s %d", origin.Name, e.Seq); string(e.Entry.AMI()) != want || e.HLC != e.Entry.HLC() {
				t.Fatalf("%q at %d, want %q", e.Entry.AMI(), e.HLC, want)
			}
			seqs = append(seqs, e.Seq)
			from = e.Seq + 1
		}
	}
	return seqs
}

func upTo(n uint64, but ...uint64) (seqs []uint64) {
	for seq := uint64(1); seq <= n; seq++ {
		if !slices.Contains(but, seq) {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

func TestFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := membus.NewNet()
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		all := map[string]*listener{}
		names := []string{"alpha", "bravo", "charlie"}
		for i, name := range names {
			all[name] = start(t, ctx, &wg, net.Bus(name), name, names[:i]...)
			<-all[name].Settled()
		}
		for i := range 1000 {
			all["alpha"].Publish(entry(fmt.Sprintf("alpha %d", i+1)))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		origin, epoch := merge.Node{Site: "default", Name: "alpha"}, all["alpha"].Stats().Epoch
		id := journal.Stream{Site: origin.Site, Node: origin.Name, Epoch: epoch}
		holds := func(name string, ranges ...[2]uint64) { // replaces a journal by one that has less
			j := journal.NewMemory("default", name, 1<<20, 1<<20)
			for _, r := range ranges {
				all["charlie"].cfg.Journal.Range(id, r[0], r[1], func(seq uint64, e wire.Entry) bool { j.Append(id, seq, e); return true })
			}
			all[name].mu.Lock()
			all[name].Stream.cfg.Journal = j
			all[name].mu.Unlock()
		}
		check := func(what, at string, want []uint64) {
			t.Helper()
			if got := fetchAll(t, all[at].Stream, origin, epoch, 1, 1000); !slices.Equal(got, want) {
				t.Fatalf("%s: %d events, want %d; from %v", what, len(got), len(want), got[:min(len(got), 5)])
			}
		}
		check("all here", "charlie", upTo(1000))
		holds("alpha", [2]uint64{900, 1000})
		check("the origin asks its peers", "alpha", upTo(1000))
		holds("bravo")
		check("from two places", "bravo", upTo(1000))
		if got := fetchAll(t, all["bravo"].Stream, origin, epoch, 300, 1<<63-1); len(got) != 701 {
			t.Fatalf("without an end: %d of 701 events", len(got))
		}
		holds("charlie", [2]uint64{400, 700})
		check("nobody has the beginning, nor a part in the middle", "bravo", append(upTo(1000)[399:700], upTo(1000)[899:]...))
		if got := fetchAll(t, all["bravo"].Stream, origin, epoch, 701, 1000); !slices.Equal(got, upTo(1000)[899:]) {
			t.Fatalf("behind a hole: %v", got)
		}
		if got := fetchAll(t, all["bravo"].Stream, origin, epoch-1, 1, 1000); len(got) > 0 {
			t.Fatalf("of another incarnation: %v", got)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := all["bravo"].Fetch(canceled, origin, epoch, 1, 10); err == nil {
			t.Fatal("no error although nobody waits")
		}
		stop()
		wg.Wait()
		for _, l := range all {
			l.cfg.Bus.Close()
		}
	})
}

func TestEnds(t *testing.T) {
	t.Parallel()
	e := ends{all: map[merge.Node][]merge.Past{}}
	say := func(of string, epochs ...uint64) {
		msg := &amibuspb.Seen{}
		for _, epoch := range epochs {
			msg.Positions = append(msg.Positions, &amibuspb.Position{Site: "default", Node: of, Epoch: epoch, Seq: 10 * epoch})
		}
		e.note(msg)
	}
	bravo := merge.Node{Site: "default", Name: "bravo"}
	say("bravo", 3, 1, 7)
	say("charlie", 9)
	say("bravo", 5, 6)
	want := []merge.Past{{Epoch: 1, End: 10}, {Epoch: 3, End: 33}, {Epoch: 4, End: 1}, {Epoch: 5, End: 50}}
	if got := e.of(bravo, merge.Past{Epoch: 3, End: 33}, merge.Past{Epoch: 1, End: 2}, merge.Past{Epoch: 4, End: 1}); !slices.Equal(got, want) {
		t.Fatalf("%v", got)
	}
	if got := e.of(merge.Node{Site: "default", Name: "charlie"}); len(got) > 0 {
		t.Fatalf("an incarnation that is not over: %v", got)
	}
	for epoch := range uint64(100) {
		say("bravo", epoch, 1000)
	}
	if got := e.of(bravo); len(got) != maxEnds || got[maxEnds-1].Epoch != 99 {
		t.Fatalf("%v", got)
	}
}
