package member

import (
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
)

// TestGrace: one that died is told of for a while; one that left is not.
func TestGrace(t *testing.T) {
	t.Parallel()
	cfg, _ := fast("a")
	cfg.Grace = 3 * time.Second
	var mu sync.Mutex
	var alive, missing int
	saw := map[string]bool{}
	cfg.Changed = func(a, m []*amibuspb.Member) {
		mu.Lock()
		defer mu.Unlock()
		alive, missing = len(a), len(m)
		for _, m := range m {
			saw[m.GetNode()] = true
		}
	}
	told := func(a, m int) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return alive == a && missing == m }
	}
	a := start(t, cfg)
	cfg, _ = fast("b", a.Addr())
	b := start(t, cfg)
	cfg, _ = fast("c", a.Addr())
	c := start(t, cfg)
	await(t, "both are there", told(2, 0))
	await(t, "and know each other", func() bool { return names(b) == "a c" && names(c) == "a b" })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "b has left", told(1, 0))
	kill(t, c)
	await(t, "c is missing", told(0, 1))
	await(t, "c is not told of any more", told(0, 0))
	if a.Stats().Missing != 1 {
		t.Error("c is not looked for any more")
	}
	mu.Lock()
	defer mu.Unlock()
	if !saw["c"] {
		t.Error("c was never missing")
	}
}
