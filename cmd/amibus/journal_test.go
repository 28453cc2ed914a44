package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/proto/wire"
)

var lastSeq = regexp.MustCompile(`events of the last incarnation are in the journal".*"last_seq":(\d+)`)

// TestKillWhileJournalling: a node that was killed in the middle of its work, and of writing, gives the others what they did not get
// from it, once it is back.
func TestKillWhileJournalling(t *testing.T) {
	t.Parallel()
	bravo := &testNode{name: "bravo", dir: t.TempDir()}
	bravo.run(t)
	client := dial(t, bravo.addr.AMI)
	source := freeAddr(t)
	alpha := &testNode{name: "alpha", dir: t.TempDir(), source: source, join: []string{bravo.addr.Member}, journal: "file"}
	alpha.run(t)
	inView(t, map[string]*testNode{"alpha": alpha, "bravo": bravo}, 2)
	replay(t, source, "2", "busy-1", "alpha", "--loop")
	client.wait(500, time.Minute, bravo.addr.AMI)

	tell(t, bravo, syscall.SIGSTOP)
	t.Cleanup(func() { tell(t, bravo, syscall.SIGCONT) })
	eventually(t, time.Minute, "alpha goes on alone", func() bool { return alpha.metric("amibus_stream_nodes_in_view") == 1 })
	sent := alpha.metric("amibus_journal_file_written_events_total")
	var written float64
	eventually(t, time.Minute, "alpha writes more", func() bool {
		written = alpha.metric("amibus_journal_file_written_events_total")
		return written >= sent+1500
	})
	alpha.kill()
	tell(t, bravo, syscall.SIGCONT)
	alpha.source = "" // the second incarnation has no events of its own
	alpha.run(t)
	found := lastSeq.FindStringSubmatch(alpha.log.String())
	if found == nil {
		t.Fatalf("alpha does not say what it found:\n%s", alpha.log.String())
	}
	last, err := strconv.Atoi(found[1])
	if err != nil || last < int(written) {
		t.Fatalf("%v events were on disk, %d are", written, last)
	}
	client.wait(last, time.Minute, bravo.addr.AMI)
	inView(t, map[string]*testNode{"alpha": alpha, "bravo": bravo}, 2)
	got := client.seen(bravo.addr.AMI)
	if len(got) != last {
		t.Fatalf("%d events of alpha at bravo, %d were on alpha's disk", len(got), last)
	}
	want := recorded(t, "busy-1", "alpha")
	wantSame(t, "client of bravo", got[:min(len(got), len(want))], want[:min(len(got), len(want))])
	if lost := bravo.metric("amibus_stream_lost_total"); lost != 0 {
		t.Fatalf("bravo says that %v events are lost", lost)
	}
}

func tell(t *testing.T, n *testNode, s syscall.Signal) {
	t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil && n.cmd.ProcessState == nil {
		t.Fatal(err)
	}
}

// A journal that cannot be used is told before anything runs.
func TestAJournalThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(dir string) error
		want    string
	}{
		"a file": {func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
			"journal cannot be written: not a directory; make it writable, or set bus.journal: memory"},
		"of another node": {ofAlpha, "is that of node default/alpha, and this is default/bravo; give each node a data_dir of its own, or delete that directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &testNode{name: "bravo", dir: t.TempDir(), journal: "file"}
			n.configure(t)
			if err := os.Mkdir(filepath.Join(n.dir, "data"), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := c.prepare(filepath.Join(n.dir, "data", "journal")); err != nil {
				t.Fatal(err)
			}
			code, _, said := finish(t, n.dir, "run", "--config", "amibus.yaml", "--log-level", "error")
			if code != 2 || !strings.Contains(said, c.want) || strings.Count(said, "\n") != 1 {
				t.Fatalf("exit code %d: %s", code, said)
			}
		})
	}
}

// ofAlpha makes a journal with one event of alpha.
func ofAlpha(dir string) error {
	j, err := journal.OpenFile(journal.FileConfig{Dir: dir, Site: "default", Node: "alpha", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer j.Close()
	e, err := wire.ParseEntry(wire.AppendEntry(nil, 0, []byte("Test"), nil, nil, []byte("Event: Test\r\n\r\n")))
	if err == nil {
		j.Append(journal.Stream{Site: "default", Node: "alpha", Epoch: 1}, 1, e)
	}
	return err
}
