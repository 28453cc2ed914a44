package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

// TestKeyedPlaneIsEquivalent: whoever feeds bus/merge with the events and marks of the keyed plane gets the stream that the nodes make
// of their frames: same events, same order, same bytes. Through a restart, a crash and graceful leaves, from the start or from the
// middle, all of it or one class.
func TestKeyedPlaneIsEquivalent(t *testing.T) {
	t.Parallel()
	a, b, c := openBus(t, "alpha"), openBus(t, "bravo"), openBus(t, "charlie")
	route(t, a, b, c)
	alpha := startNode(t, a, "alpha", 1)
	all := observe(t, a, "")
	calls := observe(t, b, "call")
	wait(t, all.ready)
	wait(t, calls.ready)
	bravo := startNode(t, b, "bravo", 1, "alpha")
	charlie := startNode(t, c, "charlie", 1, "alpha", "bravo")
	defer alpha.load(captured(t, "alpha", 0))()
	stopBravo := bravo.load(captured(t, "bravo", 100))
	stopCharlie := charlie.load(captured(t, "charlie", 200))
	eventually(t, "the cluster runs", func() bool { return alpha.len() > 800 })

	stopBravo() // leaves and comes back at once
	bravo.leave()
	eventually(t, "the others know that bravo has left", func() bool { // a new process takes longer than this
		return alpha.stream.Stats().Merge.Awaited == 2 && charlie.stream.Stats().Merge.Awaited == 2
	})
	bravo = startNode(t, b, "bravo", 2, "alpha", "charlie")
	stopBravo = bravo.load(captured(t, "bravo", 300))
	defer func() { stopBravo() }()
	late := observe(t, b, "")
	wait(t, late.ready)
	eventually(t, "the late observer sees events of all", func() bool { return late.len() > 300 })

	// Charlie crashes: it says no farewell. What it said had time to arrive, since nobody could repeat it on the keyed plane.
	stopCharlie()
	done := charlie.stream.Stats().Epoch
	eventually(t, "all of charlie has arrived", func() bool {
		for _, p := range slices.Concat(alpha.stream.Positions(), bravo.stream.Positions()) {
			for _, q := range charlie.stream.Positions() {
				if p.Node == q.Node && p.Node.Name == "charlie" && (p.Emitted != q.Emitted || q.Queued > 0 || p.Epoch != done) {
					return false
				}
			}
		}
		return true
	})
	last := fmt.Sprintf(" default/charlie/1/%d late=", charlie.own.Load())
	for _, o := range []*observer{all, late} {
		eventually(t, "an observer has the last of charlie", func() bool {
			return slices.ContainsFunc(o.get(), func(e string) bool { return strings.Contains(e, last) })
		})
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	charlie.leave()
	c = openBus(t, "charlie")
	route(t, a, b, c)
	charlie = startNode(t, c, "charlie", 2, "alpha", "bravo")
	stopCharlie = charlie.load(captured(t, "charlie", 0))
	seen := alpha.len()
	eventually(t, "the cluster runs on", func() bool { return alpha.len() > seen+800 })

	stopCharlie()
	charlie.leave()
	seen = alpha.len()
	eventually(t, "the rest runs on", func() bool { return alpha.len() > seen+500 })
	stopBravo()
	end := entryOf(t, "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: TheEnd\r\n\r\n", "Event: Newstate\r\nPrivilege: call,all\r\nEnd: yes\r\n\r\n")
	for _, e := range end {
		bravo.stream.Publish(e)
	}
	upTo := func(who string, l *list) []string {
		end, from := -1, 0
		eventually(t, who+" sees the end", func() bool {
			events := l.get()
			end = slices.IndexFunc(events[from:], func(e string) bool { return strings.Contains(e, "\r\nEnd: yes\r\n") })
			if end >= 0 {
				end += from
			}
			from = len(events)
			return end >= 0
		})
		return l.get()[:end+1]
	}
	want := upTo("alpha", &alpha.list)
	wantTail(t, "bravo", upTo("bravo", &bravo.list), want)
	full := upTo("the observer", &all.list)
	wantTail(t, "the observer", full, want)
	if len(full) < 1800 {
		t.Errorf("the observer was shown only %d of %d events", len(full), len(want))
	}
	wantTail(t, "the late observer", upTo("the late observer", &late.list), want)
	isCall := func(e string) bool {
		_, text, _ := strings.Cut(e, "\n")
		m, err := ami.ParseMessage([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		class, _ := ami.ParsePrivilege(m.Get("Privilege"))
		return class.First() == "call"
	}
	wantTail(t, "the observer of calls", upTo("the observer of calls", &calls.list), slices.DeleteFunc(slices.Clone(want), func(e string) bool { return !isCall(e) }))
	for _, o := range []*observer{all, late} {
		if g := o.gaps(); len(g) > 0 {
			t.Errorf("gaps: %v", g)
		}
	}
	for _, e := range want {
		if strings.Contains(e, " late=true\n") {
			t.Fatalf("a node dropped another from its view, so this run shows nothing: %s", e)
		}
	}
}

func entryOf(t *testing.T, texts ...string) (entries []wire.Entry) {
	t.Helper()
	for _, text := range texts {
		m, err := ami.ParseMessage([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		b, err := (&translator.Origin{Node: "bravo"}).AppendEntry(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		e, err := wire.ParseEntry(b)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}
