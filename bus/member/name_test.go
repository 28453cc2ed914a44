package member

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/amibus/amibus/proto/amibuspb"
)

func TestClaimUncontested(t *testing.T) {
	t.Parallel()
	cfg, _ := fast("a")
	a := start(t, cfg)
	cfg, _ = fast("b", a.Addr(), "127.0.0.1:1")
	b := start(t, cfg)
	for _, l := range []*List{a, b} {
		began := time.Now()
		if err := l.Claim(t.Context()); err != nil || time.Since(began) > patience {
			t.Errorf("%s: %v after %v", l.name, err, time.Since(began))
		}
	}
}

// patient probes so slowly that a busy machine is never taken for a death.
func patient(c *memberlist.Config) {
	c.ProbeInterval, c.ProbeTimeout, c.GossipInterval = 20*time.Second, 15*time.Second, 10*time.Millisecond
}

// twins is a, a live b that a knows, and another b that has come later. watched counts what a is told to have changed.
func twins(t *testing.T, patience time.Duration, tune func(*memberlist.Config)) (a, b, twin *List, out, twinOut *logs, watched *atomic.Int32) {
	t.Helper()
	watched = new(atomic.Int32)
	cfg, out := fast("a")
	cfg.tune = tune
	cfg.Changed = func(_, _ []*amibuspb.Member) { watched.Add(1) }
	a = start(t, cfg)
	cfg, _ = fast("b", a.Addr())
	cfg.tune = tune
	b = start(t, cfg)
	if err := b.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitNames(t, a, "b")
	await(t, "a has been told", func() bool { return watched.Load() == 1 })
	cfg, twinOut = fast("b", a.Addr())
	cfg.tune, cfg.Patience = tune, patience
	return a, b, start(t, cfg), out, twinOut, watched
}

// TestClaimRefused: a newcomer whose name a live node has is refused with both addresses, and has disturbed nobody, not even by going.
func TestClaimRefused(t *testing.T) {
	t.Parallel()
	a, b, twin, out, _, watched := twins(t, 300*time.Millisecond, patient)
	claim := make(chan error, 1)
	go func() { claim <- twin.Claim(t.Context()) }()
	await(t, "the rival is known", func() bool { addr, ok := twin.Rival(); return ok && addr == b.Addr() })
	err := <-claim
	if err == nil || !strings.Contains(err.Error(), b.Addr()) || !strings.Contains(err.Error(), twin.Addr()) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v, want one line with %s and %s", err, b.Addr(), twin.Addr())
	}
	if err := twin.Close(); err != nil {
		t.Error(err)
	}
	if a.Stats().Conflicts == 0 {
		t.Error("no conflict counted")
	}
	<-time.After(500 * time.Millisecond) // what the twin may have done would be seen by now
	if names(a) != "b" || watched.Load() != 1 || a.Stats().Missing != 0 {
		t.Errorf("a sees %q, was told %d changes, %+v", names(a), watched.Load(), a.Stats())
	}
	line := fmt.Sprintf("node=default/b address=%s other_address=%s", b.Addr(), twin.Addr())
	if n := out.count(line); n != 1 || out.count("level=ERROR") > 0 {
		t.Errorf("a logged it %d times, want once, and no error:\n%s", n, out.String())
	}
}

// TestClaimAfterDeath: a pod that is back at another address before its death is known gets in when it is, and nothing looks like an error.
func TestClaimAfterDeath(t *testing.T) {
	t.Parallel()
	cfg, _ := fast("")
	a, b, twin, out, twinOut, _ := twins(t, time.Minute, cfg.tune)
	claim := make(chan error, 1)
	go func() { claim <- twin.Claim(t.Context()) }()
	await(t, "it waits", func() bool { _, ok := twin.Rival(); return ok })
	select {
	case err := <-claim:
		t.Fatalf("Claim returned %v while the other one lives", err)
	default:
	}
	kill(t, b)
	if err := <-claim; err != nil {
		t.Fatal(err)
	}
	await(t, "a sees the new one", func() bool { p := a.aliveAt("default/b"); return p == twin.Addr() })
	if strings.Contains(out.String()+twinOut.String(), "level=ERROR") {
		t.Errorf("logged as an error:\n%s%s", out.String(), twinOut.String())
	}
	if err := twin.Close(); err != nil { // it leaves properly: the name is its own now
		t.Error(err)
	}
	await(t, "a sees it leave", func() bool { return names(a) == "" && a.Stats().Missing == 0 })
}

// aliveAt returns the address at which a node is alive.
func (l *List) aliveAt(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.table[name]; p != nil && p.died.IsZero() {
		return p.addr
	}
	return ""
}

// TestClaimGivenUp: who is told to stop while waiting stops, without saying that the other one leaves.
func TestClaimGivenUp(t *testing.T) {
	t.Parallel()
	a, _, twin, _, _, watched := twins(t, time.Minute, patient)
	ctx, cancel := context.WithCancel(t.Context())
	claim := make(chan error, 1)
	go func() { claim <- twin.Claim(ctx) }()
	await(t, "it waits", func() bool { _, ok := twin.Rival(); return ok })
	cancel()
	if err := <-claim; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := twin.Close(); err != nil {
		t.Error(err)
	}
	<-time.After(300 * time.Millisecond)
	if names(a) != "b" || watched.Load() != 1 {
		t.Errorf("a sees %q, was told %d changes", names(a), watched.Load())
	}
}

// TestTwoClusters: two nodes of one name that could not know of each other meet. Only that is an error, and the one who is not let in says it,
// too.
func TestTwoClusters(t *testing.T) {
	t.Parallel()
	var addrs []string
	var outs []*logs
	for range 2 {
		cfg, out := fast("b")
		cfg.Patience, cfg.Rejoin = 100*time.Millisecond, 20*time.Millisecond
		l := start(t, cfg)
		if err := l.Claim(t.Context()); err != nil {
			t.Fatal(err)
		}
		addrs, outs = append(addrs, l.Addr()), append(outs, out)
	}
	cfg, out := fast("a", addrs...)
	cfg.Patience = 100 * time.Millisecond
	start(t, cfg)
	await(t, "it is an error", func() bool {
		return out.count("level=ERROR") > 0 && outs[0].count("level=ERROR")+outs[1].count("level=ERROR") > 0
	})
}
