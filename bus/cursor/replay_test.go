package cursor

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
)

// model is a Source whose stream goes on while it is read, and that has lost some events.
type model struct {
	t       *testing.T
	rand    *rand.Rand
	topic   *stasis.Topic[merge.Event]
	nodes   []merge.Node
	now     map[merge.Node]*merge.Position
	past    map[merge.Node][]merge.Past
	held    map[string]merge.Event
	all     []merge.Event
	hlc     int64
	writing int // events that are still to be said while somebody reads
	settled chan struct{}
}

func key(n merge.Node, epoch, seq uint64) string { return fmt.Sprint(n, epoch, "/", seq) }

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, rand: rand.New(rand.NewPCG(seed, 0)), topic: stasis.NewTopic[merge.Event]("model"), nodes: []merge.Node{alpha, bravo, east},
		now: map[merge.Node]*merge.Position{}, past: map[merge.Node][]merge.Past{}, held: map[string]merge.Event{}, settled: make(chan struct{})}
	close(m.settled)
	for _, n := range m.nodes {
		m.now[n] = &merge.Position{Node: n, Epoch: 1}
	}
	return m
}

// say emits some events, now and then of a new incarnation; one in ten is lost.
func (m *model) say(count int) {
	for range count {
		p := m.now[m.nodes[m.rand.IntN(len(m.nodes))]]
		if m.rand.IntN(40) == 0 && p.Emitted > 0 {
			m.past[p.Node] = append(m.past[p.Node], merge.Past{Epoch: p.Epoch, End: p.Emitted})
			p.Epoch, p.Emitted = p.Epoch+1+uint64(m.rand.IntN(2)), 0
		}
		p.Emitted++
		m.hlc++
		e := merge.Event{HLC: m.hlc, Node: &p.Node, Epoch: p.Epoch, Seq: p.Emitted}
		m.all = append(m.all, e)
		if m.rand.IntN(10) > 0 {
			m.held[key(p.Node, p.Epoch, p.Emitted)] = e
		}
		m.topic.Publish(e)
	}
}

func (m *model) Settled() <-chan struct{} { return m.settled }

func (m *model) ViewPast(fn func([]merge.Position, func(merge.Node) []merge.Past)) {
	var now []merge.Position
	for _, n := range m.nodes {
		now = append(now, *m.now[n])
	}
	fn(now, func(n merge.Node) []merge.Past {
		all := m.past[n]
		return all[max(0, len(all)-3):] // older ones are forgotten
	})
}

func (m *model) Fetch(_ context.Context, n merge.Node, epoch, from, to uint64) (events []merge.Event, err error) {
	if m.writing > 0 {
		m.writing--
		m.say(1)
	}
	for seq := from; seq <= min(to, from+1000) && len(events) < 7; seq++ {
		e, ok := m.held[key(n, epoch, seq)]
		if !ok && len(events) > 0 {
			return events, nil
		}
		if ok {
			events = append(events, e)
		}
	}
	return events, nil
}

// read resumes from v, and reads the live stream until the model has nothing more to say. It returns what came and where that ends.
func (m *model) read(v Vector, small int) (got []merge.Event) {
	m.t.Helper()
	r := NewReplay(Config{Source: m, Subscribe: func() *stasis.Subscription[merge.Event] { return m.topic.Subscribe(1 << 20) }, Small: small}, v)
	defer r.Close()
	at := maps.Clone(v)
	for {
		b, err := r.Next(m.t.Context())
		if err != nil {
			m.t.Fatal(err)
		}
		back := maps.Clone(b.At)
		back.Back(b.Events, nil)
		for n, p := range back {
			if old, ok := at[n]; ok && len(b.Events) > 0 && old.Compare(p) > 0 {
				m.t.Fatalf("%v is at %v before a batch, and was at %v behind the last one", n, p, old)
			}
		}
		at = b.At
		got = append(got, b.Events...)
		if b.Live == nil {
			continue
		}
		defer b.Live.Close()
		m.say(5)
		live, err := b.Live.Take(nil)
		if err != nil {
			m.t.Fatal(err)
		}
		for _, e := range live {
			left, again := b.Ahead.Trim(&e)
			if again {
				m.t.Fatalf("%+v makes a new replay necessary", e)
			}
			if left {
				got = append(got, e)
			}
		}
		return got
	}
}

// check holds what a reader got from v on against what was said.
func (m *model) check(v Vector, got []merge.Event) {
	m.t.Helper()
	v = maps.Clone(v)
	open := map[merge.Node]bool{}
	ends := map[merge.Node]map[uint64]uint64{}
	for _, e := range m.all {
		if ends[*e.Node] == nil {
			ends[*e.Node] = map[uint64]uint64{}
		}
		ends[*e.Node][e.Epoch] = e.Seq
	}
	var last int64
	for _, e := range got {
		p := v[*e.Node]
		if e.Epoch > p.Epoch { // what was skipped?
			for epoch, end := range ends[*e.Node] {
				if !open[*e.Node] && (epoch == p.Epoch && p.Seq < end || epoch > p.Epoch && epoch < e.Epoch) {
					m.t.Fatalf("%v from %v to %d/%d: incarnation %d ends at %d", e.Node, p, e.Epoch, e.Seq, epoch, end)
				}
			}
			p = Pos{e.Epoch, 0}
		}
		open[*e.Node] = e.Missing == Open
		if e.Missing == Open {
			if e.Seq != p.Seq || e.Epoch != p.Epoch {
				m.t.Fatalf("open gap of %v at %d/%d, reader at %v", e.Node, e.Epoch, e.Seq, p)
			}
			for seq := e.Seq + 1; seq <= ends[*e.Node][e.Epoch]; seq++ {
				if _, ok := m.held[key(*e.Node, e.Epoch, seq)]; ok {
					m.t.Fatalf("%v %d/%d is in an open gap from %d, and is held", e.Node, e.Epoch, seq, e.Seq+1)
				}
			}
			continue
		}
		if e.Epoch != p.Epoch || e.Seq-max(e.Missing, 1) != p.Seq {
			m.t.Fatalf("%v: %d/%d (missing %d) after %v", e.Node, e.Epoch, e.Seq, e.Missing, p)
		}
		for seq := e.Seq - e.Missing + 1; seq <= e.Seq && e.Missing > 0; seq++ {
			if _, ok := m.held[key(*e.Node, e.Epoch, seq)]; ok {
				m.t.Fatalf("%v %d/%d is declared missing, and is held", e.Node, e.Epoch, seq)
			}
		}
		if e.Missing == 0 && !e.Late {
			if e.HLC < last {
				m.t.Fatalf("%v %d/%d is out of order, and not flagged late", e.Node, e.Epoch, e.Seq)
			}
			last = e.HLC
		}
		v[*e.Node] = Pos{e.Epoch, e.Seq}
	}
	for _, n := range m.nodes {
		p := m.now[n]
		if at := v[n]; at.Compare(Pos{p.Epoch, p.Emitted}) < 0 {
			m.t.Fatalf("%v: got up to %v of %d/%d", n, at, p.Epoch, p.Emitted)
		}
	}
}

// However the reader stops and wherever he goes on, he gets each event once, in its node's order, or a gap for it.
func TestReplayAgainstModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		m := newModel(t, seed)
		m.say(m.rand.IntN(300))
		v := Vector{}
		for _, n := range m.nodes { // anywhere in what was said
			var of []merge.Event
			for _, e := range m.all {
				if *e.Node == n {
					of = append(of, e)
				}
			}
			v[n] = Pos{1, 0}
			if len(of) > 0 && m.rand.IntN(4) > 0 {
				e := of[m.rand.IntN(len(of))]
				v[n] = Pos{e.Epoch, e.Seq}
			}
		}
		m.writing = m.rand.IntN(300)
		m.check(v, m.read(v, m.rand.IntN(50)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A reader who comes from a node that is ahead gets nothing twice; one who names a node nobody knows keeps his place.
func TestAhead(t *testing.T) {
	t.Parallel()
	m := newModel(t, 1)
	m.nodes = m.nodes[:2]
	m.say(60)
	v := Now([]merge.Position{*m.now[alpha], *m.now[bravo]}, false)
	p := v[alpha]
	v[alpha], v[east] = Pos{p.Epoch, p.Seq + 3}, Pos{9, 9}
	got := NewReplay(Config{Source: m, Subscribe: func() *stasis.Subscription[merge.Event] { return m.topic.Subscribe(100) }}, v)
	b, err := got.Next(t.Context())
	if err != nil || len(b.Events) > 0 || b.Live == nil {
		t.Fatalf("%+v, %v", b, err)
	}
	defer b.Live.Close()
	if want := (Vector{alpha: {p.Epoch, p.Seq + 3}, east: {9, 9}}); !maps.Equal(b.Ahead, want) || !maps.Equal(b.At, v) {
		t.Fatalf("ahead %v, at %v", b.Ahead, b.At)
	}
}

// A node that the reader does not name starts at the first event of its incarnation.
func TestUnnamedNode(t *testing.T) {
	t.Parallel()
	m := newModel(t, 2)
	m.nodes = m.nodes[:1]
	m.now[alpha].Epoch = 4
	m.past[alpha] = []merge.Past{{Epoch: 3, End: 10}}
	m.say(20)
	got := m.read(Vector{}, 0)
	m.check(Vector{}, got)
}

// A replay that ends early leaves no subscription behind.
func TestClose(t *testing.T) {
	t.Parallel()
	m := newModel(t, 3)
	m.say(20)
	sub := m.topic.Subscribe(100)
	r := NewReplay(Config{Source: m, Subscribe: func() *stasis.Subscription[merge.Event] { return sub }, Small: 100}, Vector{})
	if b, err := r.Next(t.Context()); err != nil || b.Live != nil {
		t.Fatalf("%+v, %v", b, err)
	}
	r.Close()
	if _, err := sub.Take(nil); err != stasis.ErrClosed {
		t.Fatalf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Next(ctx); err != context.Canceled {
		t.Fatalf("%v", err)
	}
}

// TestBeforeTheNodeHasJoined: who resumes at a node that has just started must not be taken for one who is ahead of it.
func TestBeforeTheNodeHasJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, 1)
		m.say(100)
		joined := m.now
		m.now, m.settled = map[merge.Node]*merge.Position{}, make(chan struct{})
		for _, n := range m.nodes {
			m.now[n] = &merge.Position{Node: n}
		}
		r := NewReplay(Config{Source: m, Subscribe: func() *stasis.Subscription[merge.Event] { return m.topic.Subscribe(1 << 20) }, Small: 1},
			Vector{alpha: {1, 1}})
		defer r.Close()
		first := make(chan Batch, 1)
		go func() {
			b, err := r.Next(t.Context())
			if err != nil {
				t.Error(err)
			}
			first <- b
		}()
		synctest.Wait()
		m.now = joined
		close(m.settled)
		if b := <-first; len(b.Events) == 0 {
			t.Fatal("nothing is replayed")
		}
	})
}

// Of nodes that the reader does not want nothing is fetched, however much he lacks of them, and the replay is not longer for them.
func TestWithin(t *testing.T) {
	t.Parallel()
	m := newModel(t, 1)
	m.say(2000)
	fetched := map[merge.Node]bool{}
	r := NewReplay(Config{Source: watched{m, fetched}, Subscribe: func() *stasis.Subscription[merge.Event] { return m.topic.Subscribe(1 << 20) },
		Small: 2000, Within: func(n merge.Node) bool { return n == bravo }}, Vector{})
	defer r.Close()
	for {
		b, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Events {
			if *e.Node != bravo {
				t.Fatalf("an event of %s", e.Node)
			}
		}
		if b.Live != nil {
			b.Live.Close()
			if len(b.Ahead) > 0 || b.At[alpha] != (Pos{m.now[alpha].Epoch, m.now[alpha].Emitted}) {
				t.Errorf("ends at %v, with %v to be skipped", b.At, b.Ahead)
			}
			break
		}
	}
	if len(fetched) != 1 || !fetched[bravo] {
		t.Errorf("fetched of %v", fetched)
	}
}

// watched notes of which nodes something is fetched.
type watched struct {
	*model
	fetched map[merge.Node]bool
}

func (w watched) Fetch(ctx context.Context, n merge.Node, epoch, from, to uint64) ([]merge.Event, error) {
	w.fetched[n] = true
	return w.model.Fetch(ctx, n, epoch, from, to)
}
