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

// recorded is some events of each kind that Asterisks were recorded to say. Reading all recordings takes a while, so once is enough.
var recorded = sync.OnceValues(func() (some []*ami.Message, err error) {
	events, err := capture.Events("../../../testdata/captures")
	if err != nil {
		return nil, err
	}
	kinds := map[string]int{}
	for _, m := range events {
		if kind := string(m.Get("Event")); kinds[kind] < 8 {
			kinds[kind]++
			some = append(some, m)
		}
	}
	if len(kinds) < 50 {
		return nil, fmt.Errorf("only %d kinds of events", len(kinds))
	}
	return some, nil
})

// captured are the recorded events as entries of a node; begin varies where the list starts.
func captured(t *testing.T, name string, begin int) (entries [][]byte) {
	t.Helper()
	events, err := recorded()
	if err != nil {
		t.Fatal(err)
	}
	origin := &translator.Origin{Node: name}
	for _, m := range events {
		b, err := origin.AppendEntry(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, b)
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
