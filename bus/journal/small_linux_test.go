package journal

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

// A journal on a disk smaller than its budget keeps what it can, the newest, and leaves some room.
func TestASmallDiskForReal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=40m"); err != nil {
		t.Skipf("SKIPPED, the journal on a disk that is really full is not tested: cannot mount a tmpfs: %v (root can)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	cfg, log := config(dir + "/journal")
	cfg.OwnBudget = 1 << 20
	j := openFile(t, cfg)
	e := entry(t, strings.Repeat("x", 8000))
	const n = 15_000 // 120 MB
	for seq := uint64(1); seq <= n; seq++ {
		j.Append(alpha7, seq, e)
		for j.Stats().FileQueued > 500 {
			time.Sleep(time.Millisecond)
		}
	}
	j.Close()
	s := j.Stats()
	if s.FileWritten != n || s.Holes != 0 || s.WriteErrors == 0 || s.WriteErrors > 3 || log.count("no room") != int(s.WriteErrors) {
		t.Fatalf("%+v", s)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < 4<<20 {
		t.Fatalf("%d bytes are left for others", free)
	}
	first, last := uint64(0), uint64(0)
	openFile(t, cfg).Range(alpha7, 1, n, func(seq uint64, _ wire.Entry) bool {
		if first == 0 {
			first = seq
		}
		last = seq
		return true
	})
	if last != n || n-first < 2000 {
		t.Fatalf("held %d to %d", first, last)
	}
	// Others take all there is: the node goes on, and the journal does when there is room again.
	nine := Stream{"default", "alpha", 9}
	j = openFile(t, cfg)
	var space atomic.Bool
	j.create = func(path string) (file, error) {
		f, err := create(path)
		return greedy{f, dir + "/others", &space}, err
	}
	fill(t, j, nine, 1, 2000)
	for deadline := time.Now().Add(20 * time.Second); log.count("cannot be written") == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", j.Stats())
		}
	}
	consecutive(t, held(j, nine, 1, 9999), 1, 2000)
	space.Store(true)
	for deadline := time.Now().Add(20 * time.Second); j.Stats().FileQueued > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", j.Stats())
		}
	}
	j.Close()
	if log.count("written again") != 1 {
		t.Fatal(log.b.String())
	}
	j = openFile(t, cfg)
	consecutive(t, held(j, nine, 1, 9999), 1, 2000)
	j.Close()
}

// greedy is a disk that others fill before each write, until there is space.
type greedy struct {
	file
	others string
	space  *atomic.Bool
}

func (g greedy) WriteAt(b []byte, at int64) (int, error) {
	if g.space.Load() {
		_ = os.Remove(g.others)
	} else if err := os.WriteFile(g.others, make([]byte, 48<<20), 0o600); err == nil {
		return 0, errors.New("48 MiB fit on the disk")
	}
	return g.file.WriteAt(b, at)
}
