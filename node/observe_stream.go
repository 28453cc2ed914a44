package node

import (
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/admin"
)

func (n *Node) streamMetrics(a *admin.Server) {
	count := func(name, help string, fn func(m merge.Stats) uint64) {
		a.CounterFunc("amibus_stream_"+name, help, nil, func() float64 { return float64(fn(n.stream.Stats().Merge)) })
	}
	count("emitted_total", "Events of the whole cluster emitted in order.", func(m merge.Stats) uint64 { return m.Emitted })
	count("late_total", "Events emitted behind one that belongs after them.", func(m merge.Stats) uint64 { return m.Late })
	count("lost_total", "Events that nobody held any more, declared lost.", func(m merge.Stats) uint64 { return m.Lost })
	count("duplicates_total", "Events received again and ignored.", func(m merge.Stats) uint64 { return m.Duplicates })
	count("replayed_total", "Events fetched from another node's journal.", func(m merge.Stats) uint64 { return m.Replayed })
	count("stale_total", "Frames of older incarnations refused.", func(m merge.Stats) uint64 { return m.Stale })
	count("overruns_total", "Times too many events waited: whoever blocked was dropped from the view, or the own join was cut short.", func(m merge.Stats) uint64 { return m.Overruns })
	count("refused_total", "Own events refused because too many came before the join.", func(m merge.Stats) uint64 { return m.Refused })
	count("ahead_full_total", "Events received behind a hole and not kept for want of room.", func(m merge.Stats) uint64 { return m.AheadFull })
	count("clock_refused_total", "Remote clocks too far ahead to be believed.", func(m merge.Stats) uint64 { return m.ClockRefused })
	a.GaugeFunc("amibus_stream_queued_events", "Events waiting for their turn.", nil, func() float64 { return float64(n.stream.Stats().Merge.Queued) })
	a.GaugeFunc("amibus_stream_nodes_in_view", "Nodes waited for, this one included.", nil, func() float64 { return float64(n.stream.Stats().Merge.Awaited) })
	a.CollectFunc("amibus_stream_node_events", "Seq of the last event emitted, by origin node.", admin.Gauge, []string{"site", "node"},
		func(emit func(float64, ...string)) {
			for _, p := range n.stream.Positions() {
				emit(float64(p.Emitted), p.Node.Site, p.Node.Name)
			}
		})
	perNode := func(name, help string, fn func(p merge.Position) uint64) {
		a.CollectFunc("amibus_stream_node_"+name, help, admin.Counter, []string{"site", "node"}, func(emit func(float64, ...string)) {
			for _, p := range n.stream.Positions() {
				emit(float64(fn(p)), p.Node.Site, p.Node.Name)
			}
		})
	}
	perNode("late_total", "Events emitted late, by origin node.", func(p merge.Position) uint64 { return p.Late })
	perNode("lost_total", "Events declared lost, by origin node.", func(p merge.Position) uint64 { return p.Lost })
	gauges := func(name, help string, fn func(p merge.Position) float64) {
		a.CollectFunc("amibus_stream_node_"+name, help, admin.Gauge, []string{"site", "node"}, func(emit func(float64, ...string)) {
			for _, p := range n.stream.Positions() {
				emit(fn(p), p.Node.Site, p.Node.Name)
			}
		})
	}
	gauges("queued_events", "Events that wait for their turn, by origin node.", func(p merge.Position) float64 { return float64(p.Queued) })
	gauges("in_view", "1 while the node is waited for.", func(p merge.Position) float64 { return oneIf(p.Awaited) })
	gauges("missing", "1 while events of the node are missing, and looked for.", func(p merge.Position) float64 { return oneIf(p.Gapped) })
	gauges("heard_seconds", "Time since the last sign of life, by node; 0 for this one.", func(p merge.Position) float64 {
		if p.Node == n.self {
			return 0
		}
		return p.Heard.Seconds()
	})
	a.GaugeFunc("amibus_stream_clock_error_seconds", "By how much the clock of the stream still is to be led back; negative: ahead.", nil,
		func() float64 { return float64(n.stream.Stats().Merge.ClockError) / 1e9 })
	count("clock_skews_total", "Times this node's clock was found to differ from the others'.", func(m merge.Stats) uint64 { return m.Skews })
	a.CollectFunc("amibus_stream_changes_total", "Changes of a node's standing, by kind.", admin.Counter, []string{"change"},
		func(emit func(float64, ...string)) {
			for i := range n.changes {
				emit(float64(n.changes[i].Load()), merge.ChangeKind(i).String())
			}
		})
	a.CounterFunc("amibus_notes_dropped_total", "Log lines about the stream not written because too many came at once.", nil,
		func() float64 { return float64(n.notesLost.Load()) })
}
