package node

import (
	"fmt"
	"strconv"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/standby"
	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/translator"
)

// decide needs mu.
func (s *source) decide() {
	if !s.linked {
		return
	}
	self := standby.Node{Site: s.n.self.Site, Name: s.n.self.Name, Epoch: s.n.epoch, Mark: s.mark, Publishing: s.publishing.Load()}
	origin := s.n.origin.Load()
	if origin.Qualify != translator.Always {
		self.Systemname = s.system
	}
	verdict, with := standby.Decide(self, s.others)
	was, about := s.verdict, s.with
	if verdict == standby.Conflict && self.Publishing { // two clusters have met: it is too late to refuse anybody
		s.complain(with)
		return
	}
	if verdict == was && (verdict == standby.Publish || label(with) == label(about)) {
		switch {
		case verdict == standby.StandBy:
			s.gap = silence{} // the other one has listened
		case verdict == standby.Publish && !s.publishing.Load():
			s.begin()
		}
		s.overdue()
		return
	}
	s.verdict, s.with, s.since = verdict, with, time.Now()
	s.settled = s.settled || verdict == standby.StandBy
	log := s.n.component("source").With("node", label(with), "systemname", s.system, "mark", s.mark)
	switch verdict {
	case standby.StandBy:
		s.gap, s.from = silence{}, merge.Node{}
		log.Info("standing by: another node publishes the events of this Asterisk")
		s.end()
	case standby.Conflict:
		log.Warn("the Asterisk of another node has the same systemname: not publishing before it has gone", "patience", s.n.patience)
		switch {
		case was == standby.StandBy:
			s.takeOver(about)
		case s.gap.reason == "":
			s.gap = silence{"name conflict ended", s.begun}
		}
		s.end()
	case standby.Publish:
		if was == standby.StandBy {
			s.takeOver(about)
		}
		s.n.component("source").Info("publishing the events of the own Asterisk: another node does not stand in the way any more", "node", label(about),
			"mark", s.mark)
		s.begin()
	}
}

// takeOver declares that nobody may have listened since the other node was last heard of. If the own link was lost meanwhile, it may be
// that since then.
func (s *source) takeOver(from standby.Node) {
	heard := s.lastHeard(from)
	s.from = merge.Node{Site: from.Site, Name: from.Name}
	if s.gap.reason == "" {
		s.gap = silence{"standby took over", heard}
	} else {
		s.gap.since = earlier(s.gap.since, heard)
	}
}

// publish publishes what is held, and what comes from now on; before it, if it is known, what makes true what is believed. mu is held, so
// nothing comes in between.
func (s *source) publish(now *upstream.Census) {
	s.abandon()
	s.declare()
	s.from = merge.Node{} // has been told of; the next silence is another matter
	if now != nil {
		made := s.n.intake.reconcile(s.mark != "" && s.mark != s.known, now, s.queue)
		s.made.Add(uint64(made))
		s.n.component("source").Info("reconciled with the PBX", "channels", len(now.Channels), "bridges", len(now.Bridges), "synthetic_events", made,
			"held_events", len(s.queue))
	}
	if s.mark != "" {
		s.known = s.mark
	}
	for _, m := range s.queue {
		s.n.intake.take(m)
	}
	s.queue = nil
	s.publishing.Store(true)
	s.settled = s.settled || s.mark != ""
	s.changed()
}

// declare says that nobody may have listened for a while. mu is held.
func (s *source) declare() {
	if s.gap.reason == "" {
		return
	}
	s.declared = true
	since := ""
	if !s.gap.since.IsZero() {
		since = fmt.Sprintf("%d.%06d", s.gap.since.Unix(), s.gap.since.Nanosecond()/1000)
	}
	m := ami.New("Event", "Discontinuity", "Privilege", "system,all", "Node", s.n.self.String(), "Reason", s.gap.reason, "Since", since)
	if s.from != (merge.Node{}) {
		m.Add("From", s.from.String())
	}
	s.n.intake.take(m)
	s.n.component("source").Info("discontinuity: what the Asterisk said meanwhile is not known", "reason", s.gap.reason, "since", since)
	s.gap = silence{}
}

func (s *source) end() {
	if s.check != nil {
		s.abandon()
		s.release()
	}
	s.publishing.Store(false)
	s.changed()
}

// overdue refuses to go on if a conflict does not pass. Who has published or stood by is no newcomer: an Asterisk has restarted, and
// another node has not noticed.
func (s *source) overdue() {
	switch {
	case s.verdict != standby.Conflict || time.Since(s.since) < s.n.patience:
	case s.settled:
		s.complain(s.with)
	default:
		s.n.fail(s.conflict(s.with))
	}
}

func (s *source) conflict(with standby.Node) error {
	if s.n.engine != nil {
		return fmt.Errorf("the engine of this node, %s, has the systemname of the PBX of node %s, %s; give one of the nodes another name, or set "+
			"identity.qualify: always", s.n.self, label(with), strconv.Quote(s.system))
	}
	return fmt.Errorf("the Asterisk of this node, %s, and that of node %s have the same systemname, %s, and are not the same Asterisk; give one of "+
		"them another systemname in its asterisk.conf, or set identity.qualify: always", s.n.self, label(with), strconv.Quote(s.system))
}

// complain logs a conflict that nobody can be refused for, once.
func (s *source) complain(with standby.Node) {
	if !s.told {
		s.told = true
		s.n.component("source").Error(s.conflict(with).Error())
	}
}

// lastHeard is when a node that has gone was last heard of. Of one that is still there, without its link, nobody knows what it missed.
func (s *source) lastHeard(node standby.Node) time.Time {
	for _, o := range s.others {
		if label(o) == label(node) {
			return time.Time{}
		}
	}
	for _, p := range s.positions() {
		if p.Node == (merge.Node{Site: node.Site, Name: node.Name}) {
			return time.Now().Add(-p.Heard)
		}
	}
	return time.Time{}
}

func label(n standby.Node) string { return merge.Node{Site: n.Site, Name: n.Name}.String() }
