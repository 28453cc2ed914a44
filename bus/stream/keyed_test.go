package stream

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/membus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/natsbus"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

func withClass(class uint64, uniqueid string) wire.Entry {
	text := "Event: Test\r\nUniqueid: " + uniqueid + "\r\n\r\n"
	e, err := wire.ParseEntry(wire.AppendEntry(nil, class, []byte("Test"), []byte(uniqueid), nil, []byte(text)))
	if err != nil {
		panic(err)
	}
	return e
}

// TestKeyedOrder: a node is announced before it joins, its events come in order, each mark behind what it speaks of, and the last
// one says farewell. An id that no subject can hold loses its token, not its event. A mark counts what nobody wanted.
func TestKeyedOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := membus.NewNet()
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var got []bus.Msg
		listener := net.Bus("listener")
		if _, err := listener.Subscribe("ami.v1.>", func(m bus.Msg) { got = append(got, m) }); err != nil {
			t.Fatal(err)
		}
		alpha := start(t, ctx, &wg, picky{net.Bus("alpha")}, "alpha")
		<-alpha.Settled()
		long := strings.Repeat("x", bus.MaxSubject)
		for _, e := range []wire.Entry{withClass(2, "1.1"), withClass(4, "1.1"), withClass(2, long), withClass(4, "")} {
			alpha.Publish(e)
			time.Sleep(20 * time.Millisecond) // a frame for each
		}
		stop()
		wg.Wait()
		synctest.Wait()
		var seen []string
		last, lastSeq := int64(0), uint64(0)
		for _, m := range got {
			switch kind, _, _, _ := bus.ParseSubject(m.Subject); {
			case kind == "mark":
				var mark amibuspb.Mark
				if err := proto.Unmarshal(m.Data, &mark); err != nil {
					t.Fatal(err)
				}
				if mark.GetHlc() < last || mark.GetSeq() < lastSeq {
					t.Errorf("mark %v goes back", &mark)
				}
				last, lastSeq = mark.GetHlc(), mark.GetSeq()
				if len(seen) == 0 && mark.GetSeq() == 0 && mark.GetHlc() == 0 && mark.GetEpoch() == alpha.Stats().Epoch {
					seen = append(seen, "announced")
				}
			case kind == "join" && len(seen) == 1:
				seen = append(seen, "join")
			case strings.HasPrefix(m.Subject, "ami.v1.event."):
				var e amibuspb.Event
				if err := proto.Unmarshal(m.Data, &e); err != nil {
					t.Fatal(err)
				}
				if e.GetHlc() <= last {
					t.Errorf("event %d at %d behind a mark at %d", e.GetSeq(), e.GetHlc(), last)
				}
				seen = append(seen, fmt.Sprint(m.Subject, " ", e.GetSeq()))
			}
		}
		want := "[announced join ami.v1.event.call.default.alpha.1%2E1 1 ami.v1.event.call.default.alpha.% 3]"
		if fmt.Sprint(seen) != want {
			t.Errorf("seen %v\nwant %s", seen, want)
		}
		if last != math.MaxInt64 || lastSeq != 4 {
			t.Errorf("the last mark is %d, seq %d", last, lastSeq)
		}
		if st := alpha.Stats(); st.KeyedSent != 2 || st.KeyedLost != 0 {
			t.Errorf("%+v", st)
		}
		alpha.cfg.Bus.Close()
		listener.Close()
	})
}

// picky is a bus where nobody wants class log.
type picky struct{ bus.Bus }

func (picky) Wanted(subject string) bool { return !strings.Contains(subject, ".event.log.") }

// load is frames of 16 recorded events, and a stream that has nothing else to do.
func load(b *testing.B, cfg *natsbus.Bus) (*Stream, []*wire.Frame) {
	b.Helper()
	rec, err := capture.OpenDir("../../testdata/captures/busy-1", "alpha")
	if err != nil {
		b.Fatal(err)
	}
	var frames []*wire.Frame
	origin := &translator.Origin{Node: "alpha"}
	for i, m := range rec.Events() {
		raw, err := origin.AppendEntry(nil, m)
		if err != nil {
			b.Fatal(err)
		}
		e, err := wire.ParseEntry(raw)
		if err != nil {
			b.Fatal(err)
		}
		e.Stamp(int64(i + 1))
		if i%16 == 0 {
			frames = append(frames, &wire.Frame{Site: "default", Node: "alpha", Epoch: 1, First: uint64(i + 1)})
		}
		f := frames[len(frames)-1]
		f.Entries, f.Mark = append(f.Entries, e), e.HLC()
	}
	s := New(Config{Merge: merge.Config{Self: merge.Node{Site: "default", Name: "alpha"}}, Bus: cfg,
		Journal: journal.NewMemory("default", "alpha", 1<<20, 1<<20), Log: slog.New(slog.DiscardHandler)})
	return s, frames[:len(frames)-1]
}

// cpu is the processor time this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// planes publishes the frames and gives the CPU time for each event, the reader at another node included: it waits until that has all.
func planes(b *testing.B, pattern string, unit int, send func(s *Stream, f *wire.Frame), read func(data []byte) int) float64 {
	b.Helper()
	home := natsBus(b, natsbus.Config{Name: "default/alpha", RouteListen: "127.0.0.1:0"})
	away := natsBus(b, natsbus.Config{Name: "default/bravo", RouteListen: "127.0.0.1:0"})
	if err := away.SetRoutes([]string{home.RouteAddr()}); err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	got := 0
	if _, err := away.Subscribe(pattern, func(m bus.Msg) {
		n := read(m.Data)
		mu.Lock()
		got += n
		mu.Unlock()
	}); err != nil {
		b.Fatal(err)
	}
	subject := bus.SubjectFrame("default", "alpha")
	if pattern != bus.FramePattern {
		subject = "ami.v1.event.call.default.alpha.%"
	}
	eventually(b, "interest is known", func() bool { return home.Wanted(subject) })
	s, frames := load(b, home)
	before, sent := cpu(b), 0
	for i := 0; i < unit; i += 16 {
		send(s, frames[i/16%len(frames)])
		sent += 16
		if sent%4096 == 0 { // the reader must not be cut as too slow
			eventually(b, "the reader keeps up", func() bool { mu.Lock(); defer mu.Unlock(); return got > sent-8192 })
		}
	}
	eventually(b, "all have arrived", func() bool { mu.Lock(); defer mu.Unlock(); return got == sent })
	return float64((cpu(b) - before).Nanoseconds()) / float64(sent)
}

// BenchmarkPlanes is what an event costs on its way to one full reader at another node: in frames, as the nodes have it, and one by
// one on the keyed plane. CPU time of both ends and both NATS servers.
func BenchmarkPlanes(b *testing.B) {
	events := max(b.N, 16)
	var buf []byte
	frames := planes(b, bus.FramePattern, events, func(s *Stream, f *wire.Frame) {
		buf = wire.AppendFrame(buf[:0], f)
		s.publish(bus.SubjectFrame(f.Site, f.Node), buf)
	}, func(data []byte) int {
		var f wire.Frame
		if err := wire.ParseFrame(data, &f); err != nil {
			b.Error(err)
		}
		return len(f.Entries)
	})
	var text []byte
	keyed := planes(b, bus.EventPattern, events, func(s *Stream, f *wire.Frame) { buf = s.sendKeyed(buf[:0], f) }, func(data []byte) int {
		var err error
		if text, err = translator.AppendText(text[:0], data); err != nil {
			b.Error(err)
		}
		return 1
	})
	b.ReportMetric(frames, "frames-cpu-ns/event")
	b.ReportMetric(keyed, "keyed-cpu-ns/event")
	b.ReportMetric(keyed/frames, "keyed/frames")
}

// BenchmarkKeyed is what it costs to publish an event on the keyed plane, as a ratio to publishing the same bytes on the same subject
// when they are there already. Somebody at another node reads all of it. The two take turns, so that both meet the same machine.
func BenchmarkKeyed(b *testing.B) {
	home := natsBus(b, natsbus.Config{Name: "default/alpha", RouteListen: "127.0.0.1:0"})
	away := natsBus(b, natsbus.Config{Name: "default/bravo", RouteListen: "127.0.0.1:0"})
	if err := away.SetRoutes([]string{home.RouteAddr()}); err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	got, sent := 0, 0
	if _, err := away.Subscribe(bus.EventPattern, func(bus.Msg) { mu.Lock(); got++; mu.Unlock() }); err != nil {
		b.Fatal(err)
	}
	eventually(b, "interest is known", func() bool { return home.Wanted("ami.v1.event.call.default.alpha.%") })
	s, frames := load(b, home)
	rec := &recorder{Bus: home}
	s.cfg.Bus = rec
	for _, f := range frames {
		s.sendKeyed(nil, f)
	}
	s.cfg.Bus = home
	arrived := func() {
		eventually(b, "all have arrived", func() bool { mu.Lock(); defer mu.Unlock(); return got == sent })
	}
	var keyed, raw time.Duration
	var buf []byte
	b.ResetTimer()
	const turn = 64 // frames; at its end nothing is under way any more
	for done := 0; done < b.N; done += 16 * turn {
		k := done / 16 % (len(frames) - turn)
		used := cpu(b)
		for _, f := range frames[k : k+turn] {
			buf = s.sendKeyed(buf[:0], f)
		}
		sent += 16 * turn
		arrived()
		keyed += cpu(b) - used
		used = cpu(b)
		for _, m := range rec.msgs[k*16 : (k+turn)*16] {
			if err := home.Publish(m.Subject, m.Data); err != nil {
				b.Fatal(err)
			}
		}
		sent += 16 * turn
		arrived()
		raw += cpu(b) - used
	}
	b.ReportMetric(float64(keyed)/float64(raw), "keyed/raw")
}

// recorder keeps what is published.
type recorder struct {
	bus.Bus
	msgs []bus.Msg
}

func (r *recorder) Publish(subject string, data []byte) error {
	r.msgs = append(r.msgs, bus.Msg{Subject: subject, Data: append([]byte(nil), data...)})
	return nil
}
