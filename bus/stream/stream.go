package stream

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/wire"
)

// linger is how long a node that has left still gives replays: the last frame may have been lost.
const linger = 300 * time.Millisecond

// outboxLen bounds the messages waiting for the bus.
const outboxLen = 1024

// Keyed says when events are published one by one on the keyed plane.
type Keyed uint8

// The choices.
const (
	KeyedWanted Keyed = iota // where somebody listens
	KeyedAlways
	KeyedNever
)

// Config of a Stream. Emitted, Arrived and Changed are called in the lock, one at a time, and must not block nor call the Stream;
// slices are valid during the call.
type Config struct {
	Merge   merge.Config
	Bus     bus.Bus
	Journal journal.Journal
	Keyed   Keyed
	Emitted func([]merge.Event) // the merged stream: events in order, and gaps
	Arrived func([]merge.Event) // the same in the order of arrival: per node only, nothing waits; may be nil
	Changed func(merge.Change)
	Pace    func(context.Context) // called before each piece of a backlog, out of the lock: waits a moment if readers lag; may be nil
	Log     *slog.Logger
}

// Stream is safe for concurrent use.
type Stream struct {
	cfg   Config
	start time.Time

	mu      sync.Mutex
	machine *merge.Machine
	peers   []merge.Node
	armed   int64 // mono the timer is set to

	outbox   chan any
	kick     chan struct{} // capacity 1: the timer is set too late
	asks     sync.WaitGroup
	fetching chan struct{} // holds as many as ask for a reader now
	ends     ends
	ctx      context.Context // of Run
	settled  chan struct{}
	once     sync.Once

	framesIn, framesOut, dropped, keyed, keyedLost atomic.Uint64
	bad                                            [reasons]atomic.Uint64
	badLogged                                      [reasons]atomic.Int64 // mono of the last log line, never 0
}

// New returns a stream that does nothing until Run. Events published before are kept and stamped after the join.
func New(cfg Config) *Stream {
	return &Stream{cfg: cfg, start: time.Now(), machine: merge.New(cfg.Merge), outbox: make(chan any, outboxLen),
		fetching: make(chan struct{}, fetchAtOnce), ends: ends{all: map[merge.Node][]merge.Past{}}, kick: make(chan struct{}, 1), settled: make(chan struct{}), ctx: context.Background()}
}

func (s *Stream) now() merge.Time {
	t := time.Now()
	return merge.Time{Mono: int64(t.Sub(s.start)), Wall: t.UnixNano()}
}

// Publish stamps events of this node, in order. The entries must not be changed afterwards.
func (s *Stream) Publish(entries ...wire.Entry) { s.step(merge.Own{Entries: entries}) }

// SetPeers tells which other nodes are alive.
func (s *Stream) SetPeers(peers []merge.Node) {
	s.mu.Lock()
	s.peers = append([]merge.Node(nil), peers...)
	s.mu.Unlock()
	s.step(merge.Peers{Peers: peers})
}

// Settled is closed once this node's own join is complete.
func (s *Stream) Settled() <-chan struct{} { return s.settled }

// step feeds the machine and carries out what it decides.
func (s *Stream) step(in merge.Input) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, out := range s.machine.Step(s.now(), in) {
		s.carryOut(out)
	}
	if s.machine.Wake() < s.armed {
		select {
		case s.kick <- struct{}{}:
		default:
		}
	}
}

func (s *Stream) carryOut(out merge.Output) {
	switch out := out.(type) {
	case merge.Emit:
		s.cfg.Emitted(out.Events)
	case merge.Keep:
		s.keep(out.Events)
		if s.cfg.Arrived != nil {
			s.cfg.Arrived(out.Events)
		}
	case merge.Early:
		s.keep(out.Events)
	case merge.Ask:
		s.asks.Go(func() { s.ask(out) })
	case merge.Change:
		if out.What == merge.Settled {
			s.once.Do(func() { close(s.settled) })
		}
		s.cfg.Changed(out)
	default:
		s.post(out)
	}
}

func (s *Stream) keep(events []merge.Event) {
	for i := range events {
		if e := &events[i]; e.Missing == 0 {
			s.cfg.Journal.Append(journal.Stream{Site: e.Node.Site, Node: e.Node.Name, Epoch: e.Epoch}, e.Seq, e.Entry)
		}
	}
}

// post hands a message to the goroutine that talks to the bus.
func (s *Stream) post(msg any) {
	select {
	case s.outbox <- msg:
	default:
		if s.dropped.Add(1)%1000 == 1 {
			s.cfg.Log.Warn("outbox overflow: the bus does not take messages; peers will fetch what they miss", "dropped", s.dropped.Load())
		}
	}
}

// Run takes part in the cluster until ctx ends, then leaves it gracefully.
func (s *Stream) Run(ctx context.Context) error {
	asking, stopAsking := context.WithCancel(ctx)
	s.mu.Lock()
	s.ctx = asking
	peers := s.peers
	s.mu.Unlock()
	stop, err := s.subscribe()
	if err != nil {
		stopAsking()
		return err
	}
	done := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() { s.sendAll(done) })
	s.step(merge.Start{Peers: peers})
	s.tick(ctx)
	s.step(merge.Leave{})
	time.Sleep(linger)
	stop()
	stopAsking()
	s.asks.Wait()
	close(done)
	sending.Wait()
	return nil
}

// tick steps the machine whenever it wants to, until ctx ends.
func (s *Stream) tick(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			s.step(merge.Tick{})
		case <-s.kick:
		}
		s.mu.Lock()
		s.armed = s.machine.Wake()
		wait := time.Duration(s.armed) - time.Since(s.start)
		s.mu.Unlock()
		timer.Reset(max(wait, 0))
	}
}

// Stats of a stream.
type Stats struct {
	Merge                merge.Stats
	FramesIn, FramesOut  uint64
	KeyedSent, KeyedLost uint64          // events published on the keyed plane, and those that could not be
	Bad                  [reasons]uint64 // messages refused, by Reason
	OutboxDropped        uint64
	Epoch                uint64
}

// Stats returns a snapshot.
func (s *Stream) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Merge: s.machine.Stats(), FramesIn: s.framesIn.Load(), FramesOut: s.framesOut.Load(), KeyedSent: s.keyed.Load(),
		KeyedLost: s.keyedLost.Load(), OutboxDropped: s.dropped.Load(), Epoch: s.machine.Epoch()}
	for r := range s.bad {
		st.Bad[r] = s.bad[r].Load()
	}
	return st
}

// Positions returns the standing of every node.
func (s *Stream) Positions() []merge.Position {
	var all []merge.Position
	s.View(func(now []merge.Position) { all = now })
	return all
}

// View calls fn with the standing of every node, while nothing is emitted: what fn sees of those who read the stream belongs to it.
// fn must be quick and not call the Stream.
func (s *Stream) View(fn func(now []merge.Position)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(s.machine.Positions())
}
