package journal

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

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
