package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/amibus/amibus/proto/wire"
)

func TestADamagedJournal(t *testing.T) {
	t.Parallel()
	dir := filled(t, 3000)
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	check := func(t *testing.T, name string, content []byte) (seq uint64) {
		cfg, log := config(filepath.Join(t.TempDir(), "journal"))
		if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(cfg.Dir, filepath.Base(files[0])), content, 0o640); err != nil {
			t.Fatal(err)
		}
		j := openFile(t, cfg)
		epoch, seq := j.Previous()
		got := held(j, alpha7, 1, 9999) // held looks at every event
		if seq == 0 != (epoch == 0) || seq > 0 && epoch != 7 || uint64(len(got)) != seq || seq > 0 && (got[0] != 1 || got[seq-1] != seq) {
			t.Fatalf("%s: previous %d, %d; got %d events", name, epoch, seq, len(got))
		}
		if said := log.count("cannot be used"); said > 1 || said != int(j.Stats().BadSegments) {
			t.Fatalf("%s: said %d times, counted %d", name, said, j.Stats().BadSegments)
		}
		fill(t, j, Stream{"default", "alpha", 8}, 1, 10) // and it goes on
		j.Close()
		if got := held(openFile(t, cfg), Stream{"default", "alpha", 8}, 1, 10); len(got) != 10 {
			t.Fatalf("%s: a new epoch is not kept: %v", name, got)
		}
		return seq
	}
	offsets := []int{0, 1, 7, 8, 9, 27, 28, 29, len(whole) - 1}
	for range 50 {
		offsets = append(offsets, rnd.IntN(len(whole)))
	}
	slices.Sort(offsets)
	t.Run("cut off", func(t *testing.T) {
		t.Parallel()
		before := uint64(0)
		for _, n := range offsets {
			seq := check(t, fmt.Sprintf("cut at %d", n), whole[:n])
			if seq < before || seq >= 3000 {
				t.Fatalf("cut at %d: %d events, %d when cut before", n, seq, before)
			}
			before = seq
		}
	})
	t.Run("garbage", func(t *testing.T) {
		t.Parallel()
		for _, n := range offsets {
			content := bytes.Clone(whole)
			for i := n; i < min(n+1+rnd.IntN(40), len(content)); i++ {
				content[i] ^= byte(1 + rnd.IntN(255))
			}
			if seq := check(t, fmt.Sprintf("garbage at %d", n), content); seq >= 3000 {
				t.Fatalf("garbage at %d is not seen", n)
			}
		}
	})
	t.Run("more behind", func(t *testing.T) {
		t.Parallel()
		if seq := check(t, "zeros behind", append(bytes.Clone(whole), make([]byte, 1000)...)); seq != 3000 {
			t.Fatalf("zeros behind: %d events", seq)
		}
	})
}

// A damaged part costs what is behind it in its own segment, and no replay hides that.
func TestADamagedOlderSegment(t *testing.T) {
	t.Parallel()
	dir := filled(t, 3000)
	cfg, _ := config(dir)
	second := &segment{path: filepath.Join(dir, fmt.Sprintf(segmentName, 7, 3001)), epoch: 7, first: 3001}
	w := writer{next: mark{7, 3001}}
	var items []item
	for seq := uint64(3001); seq <= 3200; seq++ {
		items = append(items, item{mark{7, seq}, entry(t, fmt.Sprint(seq))})
	}
	w.fill(items, "default", "alpha")
	if err := os.WriteFile(second.path, w.buf, 0o640); err != nil {
		t.Fatal(err)
	}
	consecutive(t, held(openFile(t, cfg), alpha7, 1, 9999), 1, 3200)
	first := filepath.Join(dir, fmt.Sprintf(segmentName, 7, 1))
	b, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(first, b, 0o640); err != nil {
		t.Fatal(err)
	}
	j := openFile(t, cfg)
	if epoch, seq := j.Previous(); epoch != 7 || seq != 3200 {
		t.Fatalf("previous: %d, %d", epoch, seq)
	}
	got := held(j, alpha7, 1, 9999)
	end := uint64(len(got))
	if end == 0 || end >= 3000 {
		t.Fatalf("%d events before the damage", end)
	}
	consecutive(t, got, 1, end)
	consecutive(t, held(j, alpha7, end+1, 9999), 3001, 3200)
}

// Whatever is in a segment, what comes out is consecutive from its first event on.
func FuzzSegment(f *testing.F) {
	whole, err := os.ReadFile(filepath.Join(filled(f, 40), fmt.Sprintf(segmentName, 7, 1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(magic))
	f.Add(appendRecord([]byte(magic), &wire.Frame{Site: "default", Node: "alpha", Epoch: 7, First: 1, Entries: []wire.Entry{entry(f, "1")}}))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		s := segment{path: filepath.Join(dir, "x.seg"), epoch: 7, first: 1, size: int64(len(content))}
		if err := os.WriteFile(s.path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, _ := config(dir)
		for _, from := range []uint64{0, 1, 20, 1 << 63} {
			next := uint64(0)
			err := (&File{cfg: cfg}).readSegment(s, from, func(f *wire.Frame) bool {
				if next != 0 && f.First != next || next == 0 && f.First > max(from, 1) || len(f.Entries) == 0 {
					t.Fatalf("from %d: a frame of %d events begins with %d, expected %d", from, len(f.Entries), f.First, next)
				}
				next = f.First + uint64(len(f.Entries))
				return next > from
			})
			if err != nil && !errors.As(err, &otherNode{}) {
				t.Fatal(err)
			}
		}
	})
}
