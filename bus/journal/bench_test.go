package journal

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

const benchEvents = 100_000

// cpu is what this process has used so far.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchEntry(tb testing.TB) wire.Entry { return entry(tb, strings.Repeat("x", 457)) }

// BenchmarkAppend is the time in the caller, who holds the stream's lock.
func BenchmarkAppend(b *testing.B) {
	e := benchEntry(b)
	b.Run("memory", func(b *testing.B) {
		j := NewMemory("default", "alpha", 1<<20, 1<<20)
		b.ReportAllocs()
		for seq := uint64(1); b.Loop(); seq++ {
			j.Append(alpha7, seq, e)
		}
	})
	b.Run("file", func(b *testing.B) {
		cfg, _ := config(b.TempDir())
		cfg.OwnBudget = 1 << 20
		j := openFile(b, cfg)
		b.ReportAllocs()
		for seq := uint64(1); b.Loop(); seq++ {
			j.Append(alpha7, seq, e)
			if seq%1000 == 0 { // more than a node ever has at once
				b.StopTimer()
				drained(b, j)
				b.StartTimer()
			}
		}
	})
}

func drained(tb testing.TB, j *File) {
	for j.Stats().FileQueued > 0 {
		time.Sleep(time.Millisecond)
	}
	if s := j.Stats(); s.Holes > 0 {
		tb.Fatalf("%+v", s)
	}
}

// BenchmarkWrite is the processor time of the whole way to the disk, memory ring included; the floor is to write the same bytes to a file.
func BenchmarkWrite(b *testing.B) {
	e := benchEntry(b)
	floor := cpu(b)
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	chunk := make([]byte, len(e.Raw())*128)
	for range benchEvents / 128 {
		if _, err := f.Write(chunk); err != nil {
			b.Fatal(err)
		}
	}
	floor = (cpu(b) - floor) / benchEvents
	f.Close()
	cfg, _ := config(b.TempDir())
	cfg.OwnBudget = 1 << 20
	j := openFile(b, cfg)
	before := cpu(b)
	for seq := uint64(1); b.Loop(); seq++ {
		j.Append(alpha7, seq, e)
		if seq%1000 == 0 {
			drained(b, j)
		}
	}
	j.Close()
	used := (cpu(b) - before) / time.Duration(b.N)
	b.ReportMetric(float64(used.Nanoseconds()), "cpu-ns/event")
	b.ReportMetric(float64(used)/float64(floor), "x-floor")
}

// BenchmarkReplay reads 100,000 events from disk; the floor is to read the files.
func BenchmarkReplay(b *testing.B) {
	cfg, _ := config(b.TempDir())
	j := openFile(b, cfg)
	e := benchEntry(b)
	for seq := uint64(1); seq <= benchEvents; seq++ {
		j.Append(alpha7, seq, e)
		if seq%5000 == 0 {
			drained(b, j)
		}
	}
	j.Close()
	files, err := filepath.Glob(filepath.Join(cfg.Dir, "*.seg"))
	if err != nil {
		b.Fatal(err)
	}
	floor := time.Hour
	for range 5 { // the first one finds nothing warm
		start := time.Now()
		for _, f := range files {
			if _, err := os.ReadFile(f); err != nil {
				b.Fatal(err)
			}
		}
		floor = min(floor, time.Since(start))
	}
	j = openFile(b, cfg)
	for b.Loop() {
		n := 0
		j.Range(alpha7, 1, benchEvents, func(uint64, wire.Entry) bool { n++; return true })
		if n != benchEvents {
			b.Fatalf("%d events", n)
		}
	}
	per := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(per.Nanoseconds())/benchEvents, "ns/event")
	b.ReportMetric(float64(per)/float64(floor), "x-floor")
}

// BenchmarkOpen opens a journal that is full.
func BenchmarkOpen(b *testing.B) {
	cfg, _ := config(b.TempDir())
	cfg.OwnBudget = 1 << 20
	j := openFile(b, cfg)
	e := entry(b, strings.Repeat("x", 8000))
	for seq := uint64(1); seq <= 36_000; seq++ {
		j.Append(alpha7, seq, e)
		if seq%500 == 0 {
			drained(b, j)
		}
	}
	j.Close()
	for b.Loop() {
		j := openFile(b, cfg)
		if _, seq := j.Previous(); seq != 36_000 {
			b.Fatal(seq)
		}
		j.Close()
	}
	b.ReportMetric(float64(j.Stats().FileBytes)/(1<<20), "MiB")
}
