package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
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

// faulty is a disk that is full, or hangs, when told to.
type faulty struct {
	file
	fault *atomic.Pointer[func() error]
}

func (f faulty) WriteAt(b []byte, at int64) (int, error) {
	if fault := f.fault.Load(); fault != nil {
		n, _ := f.file.WriteAt(b[:len(b)/2], at) // half of it got there
		return n, (*fault)()
	}
	return f.file.WriteAt(b, at)
}

// on makes j's disk faulty.
func (f *faulty) on(j *File) {
	j.create = func(path string) (file, error) {
		real, err := create(path)
		return faulty{real, f.fault}, err
	}
}

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, log := config(t.TempDir())
		cfg.OwnBudget = 100_000
		j := openFile(t, cfg)
		disk := faulty{fault: &atomic.Pointer[func() error]{}}
		disk.on(j)
		full := func() error { return syscall.ENOSPC }
		fill(t, j, alpha7, 1, 100)
		time.Sleep(time.Second)
		disk.fault.Store(&full)
		fill(t, j, alpha7, 101, 200)
		time.Sleep(10 * time.Second)
		fill(t, j, alpha7, 201, 300)
		time.Sleep(10 * time.Second)
		if s := j.Stats(); s.FileWritten != 100 || s.FileQueued != 200 || s.WriteErrors < 10 || s.Holes != 0 {
			t.Fatalf("%+v", s)
		}
		consecutive(t, held(j, alpha7, 1, 999), 1, 300) // memory serves
		if n := log.count("cannot be written"); n != 1 {
			t.Fatalf("said %d times", n)
		}
		disk.fault.Store(nil) // what waited is written: no hole
		time.Sleep(2 * time.Second)
		if s := j.Stats(); s.FileWritten != 300 || s.FileQueued != 0 || log.count("written again") != 1 {
			t.Fatalf("%+v", s)
		}
		again := openFile(t, cfg)
		consecutive(t, held(again, alpha7, 1, 999), 1, 300)

		disk.fault.Store(&full) // longer than the queue is
		n := uint64(queueBytes/cost(entry(t, "12345")) + 5000)
		fill(t, j, alpha7, 301, 310)
		time.Sleep(time.Second) // these are on their way
		fill(t, j, alpha7, 311, 310+n)
		s := j.Stats()
		if s.Holes != 1 || s.HoleEvents < 4000 || s.HoleEvents > 6000 || log.count("in time") != 1 {
			t.Fatalf("%+v", s)
		}
		disk.fault.Store(nil)
		time.Sleep(5 * time.Second)
		j.Close()
		lost := fmt.Sprintf("epoch=7 from=311 to=%d", 310+s.HoleEvents)
		if j.Stats().FileQueued != 0 || log.count("has a hole") != 1 || log.count(lost) != 1 {
			t.Fatalf("%+v, %d, %s", j.Stats(), log.count("has a hole"), lost)
		}
		again = openFile(t, cfg)
		consecutive(t, held(again, alpha7, 1, 1<<40), 1, 310)
		consecutive(t, held(again, alpha7, 311, 1<<40), 311+s.HoleEvents, 310+n)
	})
}

// A journal on a disk smaller than its budget makes room for the newest itself.
func TestASmallDisk(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1000)
	cfg, _ := config(dir)
	j := openFile(t, cfg)
	j.create = func(path string) (file, error) {
		if files, _ := os.ReadDir(dir); len(files) > 0 {
			return nil, &os.PathError{Op: "open", Path: path, Err: syscall.ENOSPC}
		}
		return create(path)
	}
	nine := Stream{"default", "alpha", 9}
	fill(t, j, nine, 1, 100)
	j.Close()
	if s := j.Stats(); s.FileWritten != 100 || s.FileFellOut == 0 || s.FileSegments != 1 {
		t.Fatalf("%+v", s)
	}
	consecutive(t, held(openFile(t, cfg), nine, 1, 999), 1, 100)
}

func TestADiskThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, log := config(t.TempDir())
		j := openFile(t, cfg)
		disk := faulty{fault: &atomic.Pointer[func() error]{}}
		disk.on(j)
		goOn := make(chan struct{})
		hang := func() error { <-goOn; return errors.New("aborted") }
		disk.fault.Store(&hang)
		fill(t, j, alpha7, 1, 100)
		time.Sleep(time.Second)
		fill(t, j, alpha7, 101, 200)
		consecutive(t, held(j, alpha7, 1, 999), 1, 200)
		j.Close() // does not wait for ever
		if log.count("events=200") != 1 {
			t.Fatal(log.b.String())
		}
		close(goOn)
		synctest.Wait()
	})
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
