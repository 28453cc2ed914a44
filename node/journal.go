package node

import (
	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/node/admin"
	"github.com/amibus/amibus/node/config"
)

// openJournal finds what the last incarnation has left. The epoch is above that one's even if the file epoch is gone.
func (n *Node) openJournal() error {
	if n.cfg.Bus.Journal != config.JournalFile {
		n.journal = journal.NewMemory(n.self.Site, n.self.Name, journal.OwnBudget, journal.PeerBudget)
		return nil
	}
	j, err := journal.OpenFile(journal.FileConfig{Dir: n.data.path("journal"), Site: n.self.Site, Node: n.self.Name, Log: n.component("journal")})
	if err != nil {
		return err
	}
	n.journal = j
	epoch, seq := j.Previous()
	if epoch == 0 {
		return nil
	}
	n.log.Info("events of the last incarnation are in the journal", "epoch", epoch, "last_seq", seq)
	if epoch < n.epoch {
		return nil
	}
	n.epoch = epoch + 1
	return n.data.keepEpoch(n.epoch)
}

func (n *Node) journalMetrics(a *admin.Server) {
	gauge := func(name, help string, fn func(s journal.Stats) float64) {
		a.GaugeFunc("amibus_journal_"+name, help, nil, func() float64 { return fn(n.journal.Stats()) })
	}
	counter := func(name, help string, fn func(s journal.Stats) uint64) {
		a.CounterFunc("amibus_journal_"+name, help, nil, func() float64 { return float64(fn(n.journal.Stats())) })
	}
	gauge("own_bytes", "Memory for this node's own events.", func(s journal.Stats) float64 { return float64(s.OwnBytes) })
	gauge("peers_bytes", "Memory for other nodes' events.", func(s journal.Stats) float64 { return float64(s.PeerBytes) })
	counter("own_fell_out_total", "Own events no longer in memory, because the newer ones need the room.", func(s journal.Stats) uint64 { return s.OwnFellOut })
	counter("peers_fell_out_total", "Other nodes' events no longer in memory, because the newer ones need the room.", func(s journal.Stats) uint64 { return s.PeersFell })
	if n.cfg.Bus.Journal != config.JournalFile {
		return
	}
	gauge("file_bytes", "Own events on disk.", func(s journal.Stats) float64 { return float64(s.FileBytes) })
	gauge("file_segments", "Files they are in.", func(s journal.Stats) float64 { return float64(s.FileSegments) })
	gauge("file_queued_events", "Own events on their way to the disk.", func(s journal.Stats) float64 { return float64(s.FileQueued) })
	counter("file_written_events_total", "Own events written to disk.", func(s journal.Stats) uint64 { return s.FileWritten })
	counter("file_fell_out_bytes_total", "Bytes deleted from disk, because the newer events need the room.", func(s journal.Stats) uint64 { return s.FileFellOut })
	counter("file_holes_total", "Times the disk was too slow, full or broken for so long that own events were not written.", func(s journal.Stats) uint64 { return s.Holes })
	counter("file_hole_events_total", "Own events not written to disk.", func(s journal.Stats) uint64 { return s.HoleEvents })
	counter("file_write_errors_total", "Writes to disk that failed.", func(s journal.Stats) uint64 { return s.WriteErrors })
	counter("file_bad_segments_total", "Files in which something cannot be read.", func(s journal.Stats) uint64 { return s.BadSegments })
}
