package stream

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus/natsbus"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) lines(with string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, with) {
			n++
		}
	}
	return n
}

func natsBus(t testing.TB, cfg natsbus.Config) *natsbus.Bus {
	t.Helper()
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	b, err := natsbus.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBadMessages: whatever somebody else publishes on the bus's subjects is refused, counted by reason and logged, though not each
// time, and the node goes on with its work.
func TestBadMessages(t *testing.T) {
	t.Parallel()
	home := natsBus(t, natsbus.Config{Name: "default/alpha", ClientListen: "127.0.0.1:0", Trusting: true})
	away := natsBus(t, natsbus.Config{Name: "default/bravo", URLs: []string{"nats://" + home.ClientAddr()}})
	stranger, err := nats.Connect("nats://" + home.ClientAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	log := &logBuffer{}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	alpha := startWith(t, ctx, &wg, home, "alpha", 5*time.Second, slog.New(slog.NewTextHandler(log, nil)))
	<-alpha.Settled()
	bravo := startWith(t, ctx, &wg, away, "bravo", 5*time.Second, slog.New(slog.DiscardHandler), "alpha")
	<-bravo.Settled()

	noise := make([]byte, 300)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	newer := &amibuspb.Frame{Site: "default", Node: "delta", Epoch: 1, First: 1, Schema: wire.Schema + 1}
	frame := func(site, node string, epoch, first uint64) []byte {
		return wire.AppendFrame(nil, &wire.Frame{Site: site, Node: node, Epoch: epoch, First: first, Mark: 1})
	}
	join := func(node string, epoch, previous uint64) []byte {
		return marshal(t, &amibuspb.Join{Site: "default", Node: node, Epoch: epoch, PreviousEpoch: previous})
	}
	joined := func(a *amibuspb.JoinAnswer) []byte {
		a.Site, a.Node, a.JoinerEpoch = "default", "delta", alpha.Stats().Epoch
		return marshal(t, a)
	}
	far := []*amibuspb.Position{{Site: "default", Node: "bravo", Epoch: math.MaxUint64, Seq: math.MaxUint64}}
	cases := []struct {
		name, subject string
		data          []byte
		reason        Reason
		says          string
	}{
		{"random bytes as a frame", "ami.v1.frame.default.delta", noise, Malformed, "malformed message"},
		{"nothing as a frame", "ami.v1.frame.default.delta", nil, Malformed, "no schema version"},
		{"a join as a frame", "ami.v1.frame.default.delta", join("delta", 7, 0), Malformed, "no schema version"},
		{"a frame of a newer schema", "ami.v1.frame.default.delta", marshal(t, newer), Schema,
			"frame of default/delta has version 2, this binary reads 1; run the same amibus version everywhere"},
		{"a frame of another node", "ami.v1.frame.default.delta", frame("default", "bravo", 1<<47, 1), Foreign, "speaks for another node"},
		{"a frame of another site", "ami.v1.frame.default.bravo", frame("other", "bravo", 1<<47, 1), Foreign, "speaks for another node"},
		{"a frame beyond all clocks", "ami.v1.frame.default.delta", frame("default", "delta", math.MaxUint64, 1), Malformed, "cannot be"},
		{"a frame that starts nowhere", "ami.v1.frame.default.delta", frame("default", "delta", 1, 0), Malformed, "cannot be"},
		{"a frame at the end of the numbers", "ami.v1.frame.default.delta", frame("default", "delta", 1, math.MaxUint64), Malformed, "cannot be"},
		{"random bytes as a join", "ami.v1.join.default.delta", noise, Malformed, "proto"},
		{"a join of another node", "ami.v1.join.default.delta", join("bravo", 1<<47, 0), Foreign, "speaks for another node"},
		{"a join beyond all clocks", "ami.v1.join.default.delta", join("delta", math.MaxUint64, 0), Malformed, "cannot be"},
		{"a join of no incarnation", "ami.v1.join.default.delta", join("delta", 0, 0), Malformed, "cannot be"},
		{"a join before its time", "ami.v1.join.default.delta", join("delta", 5, 5), Malformed, "cannot be"},
		{"random bytes as an answer", "ami.v1.joined.default.alpha", noise, Malformed, "proto"},
		{"an answer that would end the epochs", "ami.v1.joined.default.alpha", joined(&amibuspb.JoinAnswer{HighestEpoch: math.MaxUint64}), Malformed, "cannot be"},
		{"an answer that would end the clock", "ami.v1.joined.default.alpha", joined(&amibuspb.JoinAnswer{Floor: math.MaxInt64}), Malformed, "cannot be"},
		{"an answer with positions beyond all", "ami.v1.joined.default.alpha", joined(&amibuspb.JoinAnswer{Emitted: far}), Malformed, "cannot be"},
		{"random bytes as a seen", "ami.v1.seen.default.delta", noise, Malformed, "proto"},
		{"a seen of another node", "ami.v1.seen.default.delta", marshal(t, &amibuspb.Seen{Site: "default", Node: "bravo", Ask: true}), Foreign, "speaks for"},
		{"a seen with positions beyond all", "ami.v1.seen.default.bravo", marshal(t, &amibuspb.Seen{Site: "default", Node: "bravo", Positions: far}), Malformed,
			"cannot be"},
	}
	var want [reasons]uint64
	for _, c := range cases {
		for r := range alpha.badLogged { // as if the last line were long ago
			alpha.badLogged[r].Store(0)
		}
		lines := log.lines(c.says)
		want[c.reason]++
		if err := stranger.Publish(c.subject, c.data); err != nil {
			t.Fatal(err)
		}
		eventually(t, c.name+" is counted as "+c.reason.String(), func() bool { return alpha.Stats().Bad == want })
		eventually(t, c.name+" is logged", func() bool { return log.lines(c.says) == lines+1 })
	}
	before := log.lines("bad message")
	for range 500 {
		if err := stranger.Publish("ami.v1.frame.default.delta", noise); err != nil {
			t.Fatal(err)
		}
	}
	want[Malformed] += 500
	eventually(t, "all are counted", func() bool { return alpha.Stats().Bad == want })
	if n := log.lines("bad message") - before; n > 1 { // the test may take longer than badLogEvery, but not twice
		t.Errorf("%d lines about 500 messages of one kind", n)
	}

	for range 10 {
		bravo.Publish(entry("from bravo"))
		alpha.Publish(entry("from alpha"))
	}
	eventually(t, "both nodes serve the events of both", func() bool { return len(alpha.texts()) == 20 && len(bravo.texts()) == 20 })
	if st := alpha.Stats(); st.Merge.Lost+st.Merge.Late+st.Merge.Stale+st.Merge.Dropped > 0 || st.Merge.Awaited != 2 {
		t.Errorf("the merge was disturbed: %+v", st)
	}
}

// TestBadReplay: who is asked for events of one stream and answers with another is not believed.
func TestBadReplay(t *testing.T) {
	t.Parallel()
	home := natsBus(t, natsbus.Config{Name: "default/alpha", ClientListen: "127.0.0.1:0", Trusting: true})
	away := natsBus(t, natsbus.Config{Name: "default/liar", URLs: []string{"nats://" + home.ClientAddr()}})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	alpha := startWith(t, ctx, &wg, home, "alpha", 5*time.Second, slog.New(slog.DiscardHandler))
	<-alpha.Settled()
	lie := wire.AppendFrame(nil, &wire.Frame{Site: "default", Node: "victim", Epoch: 9, First: 1, Entries: []wire.Entry{entry("a lie")}})
	end, err := away.Serve("ami.v1.replay.default.liar", func(_ context.Context, _ []byte, send func([]byte) error) error { return send(lie) })
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	hole := wire.AppendFrame(nil, &wire.Frame{Site: "default", Node: "liar", Epoch: 3, First: 5, Mark: 1}) // 1 to 4 are missing
	if err := away.Publish("ami.v1.frame.default.liar", hole); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lie is counted", func() bool { return alpha.Stats().Bad[Foreign] > 0 })
	if len(alpha.texts()) > 0 {
		t.Fatalf("emitted %q", alpha.texts())
	}
}
