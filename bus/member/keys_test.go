package member

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
)

var oldKey, newKey = bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 16)

// TestKeysDiffer: who has no key in common is kept out, and both sides say why, once.
func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][][]byte{"another key": {newKey}, "no key": nil} {
		cfg, out := fast("a")
		cfg.Keys = [][]byte{oldKey}
		a := start(t, cfg)
		cfg, _ = fast("b", a.Addr())
		cfg.Keys = [][]byte{oldKey, newKey} // in the middle of a change of keys
		b := start(t, cfg)
		awaitNames(t, b, "a")
		cfg, outC := fast("c", a.Addr())
		cfg.Keys = keys
		c := start(t, cfg)
		await(t, "it tries again", func() bool { return c.Stats().Unreachable >= 3 })
		if c.Joined() || names(a) != "b" {
			t.Errorf("%s: joined", name)
		}
		if c.Stats().Undecryptable == 0 || outC.count("is bus.member.key_file the same there?") != 1 {
			t.Errorf("%s: the one who is kept out does not know why: %+v\n%s", name, c.Stats(), outC.String())
		}
		if a.Stats().Undecryptable == 0 || out.count("is bus.member.key_file the same everywhere?") != 1 {
			t.Errorf("%s: the one who keeps it out does not say so: %+v\n%s", name, a.Stats(), out.String())
		}
	}
}

// TestKeyRotation: a key is changed node by node, and nobody is lost meanwhile.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	var changes atomic.Int32
	var nodes []*List
	var join []string
	for _, name := range []string{"a", "b", "c"} {
		cfg, _ := fast(name, join...)
		cfg.tune, cfg.Keys = patient, [][]byte{oldKey}
		cfg.Changed = func(_, _ []*amibuspb.Member) { changes.Add(1) }
		l := start(t, cfg)
		nodes, join = append(nodes, l), append(join, l.Addr())
	}
	whole := func() bool {
		return names(nodes[0]) == "b c" && names(nodes[1]) == "a c" && names(nodes[2]) == "a b"
	}
	await(t, "all know each other", whole)
	step := 0
	for _, keys := range [][][]byte{{oldKey, newKey}, {newKey, oldKey}, {newKey}} {
		for i, l := range nodes {
			if err := l.SetKeys(keys); err != nil {
				t.Fatal(err)
			}
			if got := l.keyring.GetPrimaryKey(); !bytes.Equal(got, keys[0]) || len(l.keyring.GetKeys()) != len(keys) {
				t.Fatalf("node %d has %d keys, the first of %d bytes", i, len(l.keyring.GetKeys()), len(got))
			}
			// What each tells next reaches the others, whatever keys they have.
			step++
			for j, teller := range nodes {
				if err := teller.Update(func(m *amibuspb.Member) { m.Systemname = strings.Repeat("x", step) }); err != nil {
					t.Errorf("step %d, node %d: %v", step, j, err)
				}
			}
			await(t, "all hear of it", func() bool {
				return !slices.ContainsFunc(nodes, func(l *List) bool {
					return slices.ContainsFunc(l.Others(), func(m *amibuspb.Member) bool { return len(m.Systemname) != step })
				})
			})
			if !whole() {
				t.Fatalf("step %d: somebody is lost", step)
			}
		}
	}
	for _, l := range nodes {
		if s := l.Stats(); s.Undecryptable > 0 || s.Missing > 0 || s.Unreachable > 0 {
			t.Errorf("%s: %+v", l.name, s)
		}
	}
	cfg, _ := fast("d", join[0])
	cfg.Keys = [][]byte{newKey}
	d := start(t, cfg)
	awaitNames(t, d, "a b c")
	cfg, _ = fast("e", join[0])
	cfg.Keys = [][]byte{oldKey}
	e := start(t, cfg)
	await(t, "the old key is of no use", func() bool { return e.Stats().Undecryptable > 0 })
	<-time.After(200 * time.Millisecond)
	if e.Joined() {
		t.Error("joined with the old key")
	}
}

// TestSetKeysRefused: what is wrong changes nothing.
func TestSetKeysRefused(t *testing.T) {
	t.Parallel()
	cfg, _ := fast("a")
	cfg.Keys = [][]byte{oldKey}
	a := start(t, cfg)
	for _, keys := range [][][]byte{nil, {newKey, []byte("short")}} {
		if err := a.SetKeys(keys); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", keys, err)
		}
	}
	if got := a.keyring.GetKeys(); len(got) != 1 || !bytes.Equal(got[0], oldKey) {
		t.Errorf("%d keys", len(got))
	}
	cfg, _ = fast("b")
	b := start(t, cfg)
	if err := b.SetKeys([][]byte{newKey}); err == nil {
		t.Error("encryption was switched on")
	}
	if err := b.SetKeys(nil); err != nil {
		t.Error(err)
	}
}
