package journal

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

var alpha7 = Stream{"default", "alpha", 7}

// logs is a buffer for several goroutines.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

func config(dir string) (FileConfig, *logs) {
	l := &logs{}
	return FileConfig{Dir: dir, Site: "default", Node: "alpha", Log: slog.New(slog.NewTextHandler(l, nil))}, l
}

func openFile(tb testing.TB, cfg FileConfig) *File {
	tb.Helper()
	j, err := OpenFile(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(j.Close)
	return j
}

func fill(tb testing.TB, j Journal, s Stream, from, to uint64) {
	for seq := from; seq <= to; seq++ {
		j.Append(s, seq, entry(tb, fmt.Sprint(seq)))
	}
}

// filled leaves a closed journal of events 1 … n of epoch 7.
func filled(tb testing.TB, n uint64) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "journal")
	cfg, _ := config(dir)
	j := openFile(tb, cfg)
	fill(tb, j, alpha7, 1, n)
	j.Close()
	return dir
}

func consecutive(tb testing.TB, got []uint64, from, to uint64) {
	tb.Helper()
	if uint64(len(got)) != to-from+1 || got[0] != from || got[len(got)-1] != to {
		tb.Fatalf("got %d events %v…, want %d to %d", len(got), got[:min(3, len(got))], from, to)
	}
}

func TestEventsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	dir := filled(t, 5000)
	cfg, _ := config(dir)
	j := openFile(t, cfg)
	if epoch, seq := j.Previous(); epoch != 7 || seq != 5000 {
		t.Fatalf("previous: %d, %d", epoch, seq)
	}
	consecutive(t, held(j, alpha7, 1, 5000), 1, 5000)
	consecutive(t, held(j, alpha7, 4321, 9999), 4321, 5000)
	consecutive(t, held(j, alpha7, 300, 300), 300, 300)
	if got := held(j, alpha7, 5001, 9999); got != nil {
		t.Fatalf("beyond the end: %v", got)
	}
	fill(t, j, alpha7, 4000, 5010) // peers had a little more of it
	fill(t, j, Stream{"default", "alpha", 9}, 1, 300)
	fill(t, j, Stream{"default", "bravo", 9}, 1, 300)
	fill(t, j, alpha7, 5011, 5020) // too late for the disk: its newest event is the node's newest
	consecutive(t, held(j, alpha7, 1, 9999), 1, 5020)
	j.Close()
	if s := j.Stats(); s.FileWritten != 310 || s.FileQueued != 0 {
		t.Fatalf("%+v", s)
	}
	j = openFile(t, cfg)
	if epoch, seq := j.Previous(); epoch != 9 || seq != 300 {
		t.Fatalf("previous: %d, %d", epoch, seq)
	}
	consecutive(t, held(j, alpha7, 1, 9999), 1, 5010)
	consecutive(t, held(j, Stream{"default", "alpha", 9}, 1, 9999), 1, 300)
	if got := held(j, Stream{"default", "bravo", 9}, 1, 9999); got != nil {
		t.Fatalf("peers' events are kept in memory only: %v", got)
	}
}

func TestAnEventIsOnDiskBeforeTheEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg, _ := config(dir)
	j := openFile(t, cfg)
	fill(t, j, alpha7, 1, 700)
	for deadline := time.Now().Add(20 * time.Second); j.Stats().FileWritten < 700; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", j.Stats())
		}
	}
	second := openFile(t, cfg) // as after kill -9
	consecutive(t, held(second, alpha7, 1, 700), 1, 700)
}

func TestWhatFellOutOfMemoryComesFromTheDisk(t *testing.T) {
	t.Parallel()
	cfg, _ := config(t.TempDir())
	cfg.OwnBudget = 20_000
	j := openFile(t, cfg)
	for n := range uint64(50) { // memory moves on while the disk is read
		fill(t, j, alpha7, n*100+1, n*100+100)
		written := func() bool { return j.Stats().FileQueued == 0 }
		for !written() {
			time.Sleep(time.Millisecond)
		}
		consecutive(t, held(j, alpha7, 1, n*100+100), 1, n*100+100)
	}
	last, to := uint64(0), uint64(5000)
	j.Range(alpha7, 3, 1<<62, func(seq uint64, _ wire.Entry) bool {
		if last != 0 && seq != last+1 {
			t.Fatalf("%d after %d", seq, last)
		}
		if last = seq; seq%1000 == 0 && to < 8000 {
			fill(t, j, alpha7, to+1, to+500)
			to += 500
		}
		return seq < 7000
	})
	if last < 5000 {
		t.Fatalf("ended at %d", last)
	}
	if s := j.Stats(); s.OwnFellOut == 0 {
		t.Fatalf("%+v", s)
	}
}

func TestTheDiskHasABudget(t *testing.T) {
	t.Parallel()
	cfg, _ := config(t.TempDir())
	cfg.FileBudget, cfg.OwnBudget = 20<<20, 1<<20
	j := openFile(t, cfg)
	body := strings.Repeat("x", 4000)
	const n = 10_000
	for seq := uint64(1); seq <= n; seq++ {
		j.Append(alpha7, seq, entry(t, body))
		for j.Stats().FileQueued > 1000 {
			time.Sleep(time.Millisecond)
		}
	}
	j.Close()
	s := j.Stats()
	if s.FileBytes > 20<<20 || s.FileBytes < 10<<20 || s.FileFellOut == 0 || s.Holes != 0 || s.FileWritten != n {
		t.Fatalf("%+v", s)
	}
	onDisk := int64(0)
	files, err := os.ReadDir(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		onDisk += info.Size()
	}
	if onDisk != s.FileBytes || len(files) != s.FileSegments {
		t.Fatalf("%d bytes in %d files, said to be %+v", onDisk, len(files), s)
	}
	first, last := uint64(0), uint64(0)
	j.Range(alpha7, 1, n, func(seq uint64, _ wire.Entry) bool {
		if first == 0 {
			first = seq
		} else if seq != last+1 {
			t.Fatalf("%d after %d", seq, last)
		}
		last = seq
		return true
	})
	if first < n/2 || first > n-12<<20/4200 || last != n {
		t.Fatalf("held %d to %d", first, last)
	}
}

func TestAnotherNodesJournal(t *testing.T) {
	t.Parallel()
	cfg, _ := config(filled(t, 10))
	cfg.Node = "bravo"
	_, err := OpenFile(cfg)
	if err == nil || !strings.Contains(err.Error(), "is that of node default/alpha, and this is default/bravo; give each node") {
		t.Fatal(err)
	}
}

func TestADirectoryThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _ := config(path)
	_, err := OpenFile(cfg)
	if err == nil || !strings.Contains(err.Error(), path+" cannot be written: not a directory; make it writable, or set bus.journal: memory") {
		t.Fatal(err)
	}
}

func TestAppendIsIdempotent(t *testing.T) {
	t.Parallel()
	cfg, _ := config(t.TempDir())
	for _, j := range []Journal{NewMemory("default", "alpha", 1<<20, 1<<20), openFile(t, cfg)} {
		fill(t, j, alpha7, 1, 10)
		fill(t, j, alpha7, 5, 7)
		fill(t, j, alpha7, 10, 12)
		j.Close()
		consecutive(t, held(j, alpha7, 1, 99), 1, 12)
	}
	j := openFile(t, cfg)
	consecutive(t, held(j, alpha7, 1, 99), 1, 12)
}
