package node

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/amibus/amibus/bus/merge"
)

// TestANewEpochIsKept though the log lags behind, and the last one also if the node stops at once; what is still to be logged then is.
func TestANewEpochIsKept(t *testing.T) {
	t.Parallel()
	var lines atomic.Int64
	n := &Node{data: dataDir(t.TempDir()), log: slog.New(slog.NewTextHandler(lineCounter{&lines}, nil)), notes: make(chan any, 2),
		epochs: make(chan uint64, 1)}
	n.endings = newEndings(n)
	for range 5 { // more than fit
		n.changed(merge.Change{What: merge.Skewed})
	}
	for epoch := uint64(77); epoch < 80; epoch++ {
		n.changed(merge.Change{What: merge.Fenced, Epoch: epoch})
	}
	n.lastWords()
	if got, err := n.data.read("epoch"); got != "79" || err != nil {
		t.Errorf("epoch %q, %v; want 79", got, err)
	}
	if got := lines.Load(); got != 2 || n.notesLost.Load() != 6 {
		t.Errorf("%d lines, %d notes lost; want 2 and 6", got, n.notesLost.Load())
	}
}

type lineCounter struct{ lines *atomic.Int64 }

func (c lineCounter) Write(b []byte) (int, error) {
	c.lines.Add(int64(strings.Count(string(b), "\n")))
	return len(b), nil
}
