package node

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/wire"
)

// A node whose file epoch is gone, or whose clock was set back, is above its last incarnation all the same.
func TestTheEpochIsAboveThatOfTheJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := config.Default()
	c.Node.Name, c.Node.DataDir = "alpha", filepath.Join(dir, "data")
	c.Source.Kind = config.KindNone
	c.AMI.ManagerConf = filepath.Join(dir, "manager.conf")
	if err := os.WriteFile(c.AMI.ManagerConf, []byte("[general]\nenabled=yes\nbindaddr=127.0.0.1\nport=0\n[admin]\nsecret=secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Bus.NATS.RouteListen, c.Bus.Member.Listen, c.Admin.Listen, c.Bus.Journal = "", "", "", config.JournalFile
	j, err := journal.OpenFile(journal.FileConfig{Dir: filepath.Join(c.Node.DataDir, "journal"), Site: "default", Node: "alpha", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	e, err := wire.ParseEntry(wire.AppendEntry(nil, 0, []byte("Test"), nil, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(time.Now().Add(time.Hour).UnixMilli())
	j.Append(journal.Stream{Site: "default", Node: "alpha", Epoch: last}, 1, e)
	j.Close()
	n, err := New(c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	if n.epoch != last+1 {
		t.Fatalf("epoch %d after %d", n.epoch, last)
	}
	if again, err := n.data.nextEpoch(time.Now()); err != nil || again != last+2 {
		t.Fatalf("the next epoch is %d, %v", again, err)
	}
	rec := httptest.NewRecorder()
	n.admin.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if !bytes.Contains(rec.Body.Bytes(), []byte("amibus_journal_file_segments 1\n")) {
		t.Errorf("the journal's metrics are missing:\n%s", rec.Body)
	}
	problems, err := promlint.New(rec.Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
