package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/natsbus"
	"github.com/amibus/amibus/bus/stream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

// hold is long enough that a busy machine drops nobody: only then is one order promised.
const hold = 5 * time.Second

// list collects what somebody was shown: key and text of each event.
type list struct {
	mu  sync.Mutex
	all []string
}

func (l *list) add(hlc int64, site, node string, epoch, seq uint64, late bool, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf("%d %s/%s/%d/%d late=%v\n%s", hlc, site, node, epoch, seq, late, text))
}

func (l *list) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

func (l *list) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// node is one incarnation: a bus and the stream over it, as in a real node, and what its own listeners see.
type node struct {
	list
	name   string
	bus    *natsbus.Bus
	stream *stream.Stream
	leave  func()       // gracefully
	own    atomic.Int64 // events of its own that it has emitted
}

func openBus(t *testing.T, name string) *natsbus.Bus {
	t.Helper()
	b, err := natsbus.Start(natsbus.Config{Name: "default/" + name, RouteListen: "127.0.0.1:0", ClientListen: "127.0.0.1:0",
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// route makes every bus know every other.
func route(t *testing.T, all ...*natsbus.Bus) {
	t.Helper()
	var addrs []string
	for _, b := range all {
		addrs = append(addrs, b.RouteAddr())
	}
	for _, b := range all {
		if err := b.SetRoutes(addrs); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, b := range all {
		if err := b.WaitRoutes(ctx, len(all)-1); err != nil {
			t.Fatal(err)
		}
	}
}

func startNode(t *testing.T, b *natsbus.Bus, name string, epoch uint64, others ...string) *node {
	t.Helper()
	n := &node{name: name, bus: b}
	n.stream = stream.New(stream.Config{
		Merge:   merge.Config{Self: merge.Node{Site: "default", Name: name}, Epoch: epoch, Hold: hold},
		Bus:     b,
		Journal: journal.NewMemory("default", name, 64<<20, 64<<20),
		Emitted: func(events []merge.Event) {
			for i := range events {
				e := &events[i]
				if e.Missing > 0 {
					t.Errorf("%s lost %d events of %s up to %d", name, e.Missing, e.Node, e.Seq)
				}
				if e.Node.Name == name {
					n.own.Add(1)
				}
				n.add(e.HLC, e.Node.Site, e.Node.Name, e.Epoch, e.Seq, e.Late, e.Entry.AMI())
			}
		},
		Changed: func(c merge.Change) { t.Logf("%s: %s %s %s", name, c.Node, c.What, c.Why) },
		Log:     slog.New(slog.DiscardHandler),
	})
	var peers []merge.Node
	for _, o := range others {
		peers = append(peers, merge.Node{Site: "default", Name: o})
	}
	n.stream.SetPeers(peers)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := n.stream.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	n.leave = func() { stop(); <-done }
	t.Cleanup(n.leave)
	wait(t, n.stream.Settled())
	return n
}

// load publishes events until stop, no faster than this machine can carry them.
func (n *node) load(entries [][]byte) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; time.Sleep(4 * time.Millisecond) {
			for range 3 {
				if int64(i) > n.own.Load()+60 {
					break
				}
				e, err := wire.ParseEntry(bytes.Clone(entries[i%len(entries)]))
				if err != nil {
					panic(err)
				}
				n.stream.Publish(e)
				i++
			}
		}
	}()
	return func() { cancel(); <-done }
}

// captured are the entries of all recorded events, so that each kind occurs; begin varies where the list starts.
func captured(t *testing.T, name string, begin int) (entries [][]byte) {
	t.Helper()
	origin := &translator.Origin{Node: name}
	events, err := capture.Events("../../../testdata/captures")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, m := range events {
		if kind := string(m.Get("Event")); kinds[kind] < 8 { // some of each are enough
			kinds[kind]++
			b, err := origin.AppendEntry(nil, m)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, b)
		}
	}
	if len(kinds) < 50 {
		t.Fatalf("only %d kinds of events", len(kinds))
	}
	return slices.Concat(entries[begin:], entries[:begin])
}

// observer is the example itself, with its output kept.
type observer struct {
	list
	ready chan struct{}
	mu    sync.Mutex
	notes []string
}

func observe(t *testing.T, b *natsbus.Bus, classes string) *observer {
	t.Helper()
	o := &observer{ready: make(chan struct{})}
	c := newConsumer(t.Output(), classes == "", true, hold)
	c.show = func(e *amibuspb.Event, text []byte, late bool) {
		o.add(e.GetHlc(), e.GetSite(), e.GetNode(), e.GetEpoch(), e.GetSeq(), late, text)
	}
	c.note = func(text string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.notes = append(o.notes, text)
		if strings.HasPrefix(text, "in order") {
			close(o.ready)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx, "nats://"+b.ClientAddr(), subjects(classes, ""), c, 0); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return o
}

func (o *observer) gaps() (all []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range o.notes {
		if strings.HasPrefix(n, "gap") {
			all = append(all, n)
		}
	}
	return all
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func wait(t *testing.T, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(30 * time.Second):
		t.Fatal("not ready within 30 s")
	}
}

// wantTail: got is want from some event on. what came before is what the listener was too late for.
func wantTail(t *testing.T, who string, got, want []string) {
	t.Helper()
	if len(got) == 0 || len(got) > len(want) {
		t.Fatalf("%s: %d events, at most %d are right", who, len(got), len(want))
	}
	want = want[len(want)-len(got):]
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: event %d of %d is\n%s\nwant\n%s", who, i, len(got), got[i], want[i])
		}
	}
}

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
	upTo := func(who string, l *list) (events []string) {
		eventually(t, who+" sees the end", func() bool {
			events = l.get()
			for i, e := range events {
				if strings.Contains(e, "\r\nEnd: yes\r\n") {
					events = events[:i+1]
					return true
				}
			}
			return false
		})
		return events
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

// TestGaps: what is missing is told once, by the next event or mark, and what comes twice is shown once.
func TestGaps(t *testing.T) {
	t.Parallel()
	g := newGaps()
	event := func(epoch, seq uint64) string {
		lost, duplicate := g.event(&amibuspb.Event{Site: "s", Node: "n", Epoch: epoch, Seq: seq})
		if duplicate {
			return "duplicate"
		}
		if lost == nil {
			return ""
		}
		return fmt.Sprint(lost.epoch, ":", lost.from, "-", lost.to)
	}
	mark := func(epoch, seq uint64) string {
		if lost := g.mark(&amibuspb.Mark{Site: "s", Node: "n", Epoch: epoch, Seq: seq}); lost != nil {
			return fmt.Sprint(lost.epoch, ":", lost.from, "-", lost.to)
		}
		return ""
	}
	for i, c := range []struct{ got, want string }{
		{event(5, 10), ""}, // met in the middle
		{event(5, 11), ""},
		{mark(5, 11), ""},
		{event(5, 14), "5:12-13"},
		{event(5, 13), "duplicate"},
		{mark(5, 16), "5:15-16"},
		{mark(5, 16), ""},
		{mark(6, 0), ""}, // the next incarnation is announced
		{event(6, 2), "6:1-1"},
		{mark(5, 20), ""},
		{event(5, 17), ""},
		{event(7, 1), ""},
	} {
		if c.got != c.want {
			t.Errorf("step %d: %q, want %q", i, c.got, c.want)
		}
	}
}
