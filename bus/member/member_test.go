package member

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/amibus/amibus/proto/amibuspb"
)

const patience = 60 * time.Second

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// logs is a log that can be looked into.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logs) count(text string) int { return strings.Count(l.String(), text) }

// fast is a configuration with quick probes.
func fast(name string, join ...string) (Config, *logs) {
	out := new(logs)
	return Config{
		Site: "default", Name: name, Listen: "127.0.0.1:0", Join: join, Rejoin: 50 * time.Millisecond,
		Self: &amibuspb.Member{Ami: name + ":5038"},
		Log:  slog.New(slog.NewTextHandler(out, nil)),
		tune: func(c *memberlist.Config) {
			c.ProbeInterval, c.ProbeTimeout = 500*time.Millisecond, 400*time.Millisecond
			c.GossipInterval = 10 * time.Millisecond
			c.SuspicionMult, c.SuspicionMaxTimeoutMult = 2, 1
			c.GossipToTheDeadTime = time.Millisecond // so that memberlist alone never finds the dead again
			c.DeadNodeReclaimTime = time.Millisecond
		},
	}, out
}

func start(t *testing.T, cfg Config) *List {
	t.Helper()
	l, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return l
}

// kill ends the list without a word, as a power cut does.
func kill(t *testing.T, l *List) {
	t.Helper()
	l.closing = func() error { return nil }
	l.cancel()
	l.work.Wait()
	if err := l.ml.Shutdown(); err != nil {
		t.Error(err)
	}
}

// names of the others that are alive.
func names(l *List) string {
	var s []string
	for _, m := range l.Others() {
		s = append(s, m.Node)
	}
	return strings.Join(s, " ")
}

func awaitNames(t *testing.T, l *List, want string) {
	t.Helper()
	await(t, fmt.Sprintf("%s sees %q", l.name, want), func() bool { return names(l) == want })
}

func three(t *testing.T) (a, b, c *List) {
	t.Helper()
	cfg, _ := fast("a")
	a = start(t, cfg)
	cfg, _ = fast("b", a.Addr())
	b = start(t, cfg)
	cfg, _ = fast("c", b.Addr())
	c = start(t, cfg)
	awaitNames(t, a, "b c")
	awaitNames(t, b, "a c")
	awaitNames(t, c, "a b")
	return a, b, c
}

func TestJoinAndLeave(t *testing.T) {
	t.Parallel()
	a, b, c := three(t)
	if !a.Joined() || !b.Joined() {
		t.Error("Joined is false")
	}
	if m := c.Others()[0]; m.Site != "default" || m.Node != "a" || m.Ami != "a:5038" || m.Schema != 1 {
		t.Errorf("c knows of a: %v", m)
	}
	began := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 10*time.Second { // a second, on a machine that has nothing else to do
		t.Errorf("Close took %v", d)
	}
	awaitNames(t, a, "b")
	awaitNames(t, b, "a")
	await(t, "nobody looks for who left", func() bool { return a.Stats().Missing == 0 && b.Stats().Missing == 0 })
	if err := c.Update(func(*amibuspb.Member) {}); err == nil {
		t.Error("Update after Close: no error")
	}
}

func TestDeath(t *testing.T) {
	t.Parallel()
	a, b, c := three(t)
	kill(t, c)
	awaitNames(t, a, "b")
	awaitNames(t, b, "a")
	if s := a.Stats(); s.Missing != 1 || s.Alive != 1 {
		t.Errorf("after the death: %+v", s)
	}
	await(t, "a looks for it", func() bool { return a.Stats().Unreachable > 0 })

	cfg, _ := fast("c") // returns elsewhere, and knows nobody: it is found only if it joins
	cfg.Join = []string{a.Addr()}
	c = start(t, cfg)
	awaitNames(t, a, "b c")
	awaitNames(t, b, "a c")
	awaitNames(t, c, "a b")
}

// TestRejoin: a node that died comes back at its old address and knows nobody; the others find it.
func TestRejoin(t *testing.T) {
	t.Parallel()
	cfg, out := fast("a")
	a := start(t, cfg)
	cfg, _ = fast("b", a.Addr())
	b := start(t, cfg)
	awaitNames(t, a, "b")
	addr := b.Addr()
	kill(t, b)
	awaitNames(t, a, "")
	await(t, "a looks for it", func() bool { return a.Stats().Unreachable > 1 })
	if n := out.count("member cannot be reached"); n != 1 {
		t.Errorf("%d lines say that it cannot be reached, want 1", n)
	}
	cfg, _ = fast("b")
	cfg.Listen = addr
	var back *List
	await(t, "address is free again", func() (ok bool) {
		var err error
		back, err = Start(cfg)
		return err == nil
	})
	t.Cleanup(func() { back.Close() })
	awaitNames(t, a, "b")
	awaitNames(t, back, "a")
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := hole.Addr().String()
	hole.Close()
	cfg, out := fast("a", addr, "no-port", "name.invalid:1")
	a := start(t, cfg)
	if a.Joined() {
		t.Error("Joined, but nobody is there")
	}
	if a.Stats().Unreachable < 3 || out.count("address="+addr) != 1 || out.count("address=no-port") != 1 {
		t.Errorf("%+v\n%s", a.Stats(), out.String())
	}
	cfg, _ = fast("b")
	cfg.Listen = addr
	b := start(t, cfg)
	awaitNames(t, a, "b")
	awaitNames(t, b, "a")
	await(t, "joined", a.Joined)
}

func TestChangedAndUpdate(t *testing.T) {
	t.Parallel()
	cfg, _ := fast("a")
	var mu sync.Mutex
	var seen []string
	cfg.Changed = func(members, _ []*amibuspb.Member) {
		mu.Lock()
		defer mu.Unlock()
		s := "-"
		for _, m := range members {
			s = m.Node + "=" + m.Systemname
		}
		seen = append(seen, s)
	}
	a := start(t, cfg)
	cfg, _ = fast("b", a.Addr())
	b := start(t, cfg)
	await(t, "joined", func() bool { return names(a) == "b" })
	if err := b.Update(func(m *amibuspb.Member) { m.Systemname, m.Node = "bravo", "else" }); err != nil {
		t.Fatal(err)
	}
	await(t, "update arrives", func() bool { o := a.Others(); return len(o) == 1 && o[0].Systemname == "bravo" && o[0].Node == "b" })
	if err := b.Update(func(m *amibuspb.Member) { m.Systemname = strings.Repeat("x", 512) }); err == nil || !strings.Contains(err.Error(), "512") {
		t.Errorf("too much to tell: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	last := func() string {
		mu.Lock()
		defer mu.Unlock()
		if len(seen) == 0 {
			return ""
		}
		return seen[len(seen)-1]
	}
	await(t, "Changed says that b left", func() bool { return last() == "-" })
	mu.Lock()
	defer mu.Unlock()
	for i := range seen[1:] {
		if seen[i] == seen[i+1] {
			t.Errorf("told twice: %v", seen)
		}
	}
}

func TestIncompatible(t *testing.T) {
	t.Parallel()
	cfg, out := fast("a")
	a := start(t, cfg)
	for i, meta := range []string{"\xff\xff nonsense", "", "\x0a\x07default\x12\x01z\x40\x02"} {
		cfg, _ := fast(fmt.Sprint("z", i), a.Addr())
		cfg.tune = func(c *memberlist.Config) { c.Delegate = stranger(meta) }
		start(t, cfg)
		await(t, "stranger is noticed", func() bool { return len(a.Others()) == 0 && a.Stats().Incompatible == uint64(i+1) })
	}
	if n := out.count("member ignored"); n != 3 {
		t.Errorf("%d lines, want 3", n)
	}
}

// stranger tells something else.
type stranger string

func (s stranger) NodeMeta(int) []byte             { return []byte(s) }
func (stranger) NotifyMsg([]byte)                  {}
func (stranger) GetBroadcasts(int, int) [][]byte   { return nil }
func (stranger) LocalState(bool) []byte            { return nil }
func (stranger) MergeRemoteState(_ []byte, _ bool) {}

func TestRefused(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Listen = "0.0.0.0:0" }, "without encryption"},
		{func(c *Config) { c.Listen = ":0" }, "without encryption"},
		{func(c *Config) { c.Listen = "127.0.0.1" }, "bus.member.listen"},
		{func(c *Config) { c.Listen = "127.0.0.1:x" }, "bus.member.listen"},
		{func(c *Config) { c.Listen = taken.Addr().String() }, "address already in use"},
		{func(c *Config) { c.Keys = [][]byte{make([]byte, 16), make([]byte, 7)} }, "key 2 has 7 bytes"},
		{func(c *Config) { c.Self.Version = strings.Repeat("x", 512) }, "at most 512"},
	} {
		cfg, _ := fast("a")
		tt.change(&cfg)
		l, err := Start(cfg)
		if err == nil {
			l.Close()
			t.Errorf("want an error with %q", tt.want)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %q, want one line with %q", err, tt.want)
		}
	}
}

// TestLeaks is not parallel: it counts goroutines, those of the others still being to come.
func TestLeaks(t *testing.T) {
	before := runtime.NumGoroutine()
	a, b, c := three(t)
	for _, l := range []*List{a, b, c} {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	}
	await(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}
