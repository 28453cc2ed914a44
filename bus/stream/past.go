package stream

import (
	"cmp"
	"slices"
	"sync"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/amibuspb"
)

// maxEnds bounds the incarnations remembered of each node, maxNodes the nodes.
const (
	maxEnds  = 16
	maxNodes = 4096
)

// ends keeps where incarnations ended by what the others say: this node may have been away when they did.
type ends struct {
	mu  sync.Mutex
	all map[merge.Node][]merge.Past // ascending
}

// note takes a Seen. Of the positions of one node all but the newest are ends.
func (e *ends) note(msg *amibuspb.Seen) {
	newest := map[merge.Node]uint64{}
	for _, p := range msg.GetPositions() {
		n := merge.Node{Site: p.GetSite(), Name: p.GetNode()}
		newest[n] = max(newest[n], p.GetEpoch())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range msg.GetPositions() {
		if n := (merge.Node{Site: p.GetSite(), Name: p.GetNode()}); p.GetEpoch() < newest[n] && (len(e.all) < maxNodes || e.all[n] != nil) {
			e.all[n] = remember(e.all[n], merge.Past{Epoch: p.GetEpoch(), End: p.GetSeq()})
		}
	}
}

// of returns what is known of a node together with more of it.
func (e *ends) of(n merge.Node, more ...merge.Past) []merge.Past {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := slices.Clone(e.all[n])
	for _, p := range more {
		all = remember(all, p)
	}
	return all
}

// remember puts p where it belongs. Of two ends the one further on is right: the other one had not heard of all.
func remember(all []merge.Past, p merge.Past) []merge.Past {
	i, found := slices.BinarySearchFunc(all, p, func(a, b merge.Past) int { return cmp.Compare(a.Epoch, b.Epoch) })
	if found {
		all[i].End = max(all[i].End, p.End)
		return all
	}
	all = slices.Insert(all, i, p)
	return all[max(0, len(all)-maxEnds):]
}

// ViewPast is View with, for a node, the incarnations of it that are over, ascending.
func (s *Stream) ViewPast(fn func(now []merge.Position, past func(merge.Node) []merge.Past)) {
	s.View(func(now []merge.Position) {
		fn(now, func(n merge.Node) []merge.Past {
			more := s.machine.Past(n)
			if m := s.cfg.Merge; n == m.Self && m.PreviousSeq > 0 {
				more = append(more, merge.Past{Epoch: m.PreviousEpoch, End: m.PreviousSeq})
			}
			return s.ends.of(n, more...)
		})
	})
}
