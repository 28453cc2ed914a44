package node

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/standby"
	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/amibuspb"
)

// What is held until it is decided who publishes; that takes about a second.
const (
	holdEvents = 64 << 10
	holdBytes  = 32 << 20
)

// source stands between the own Asterisk and the stream: it passes events on while this node is the one to publish them, and declares,
// before the first one, that others before it may not have been heard.
type source struct {
	n           *Node
	publishing  atomic.Bool   // changed with mu held
	held        atomic.Uint64 // events left to another node
	conflicting atomic.Uint64 // events not published because of a conflict
	kick        chan struct{} // capacity 1: what is gossiped has changed
	positions   func() []merge.Position

	mu      sync.Mutex
	others  []standby.Node
	mark    string
	system  string         // systemname
	linked  bool           // logged in, and the others had time to hear of it
	holding bool           // logged in, and they had not
	queue   []*ami.Message // events while holding
	size    int            // bytes in queue
	logins  int
	begun   time.Time       // of the link
	gap     silence         // to be declared before the next event
	verdict standby.Verdict // the last one, also while the link is down
	with    standby.Node    // whom the verdict is about
	since   time.Time       // of the verdict
	met     bool            // has been told which Asterisk it is
	settled bool            // has published the events of an Asterisk it knew, or stood by for it
	told    bool            // that a conflict does not pass

	census    func(context.Context) (upstream.Census, error) // of the link; nil before it is known which Asterisk it is
	check     *check                                         // under way
	again     time.Time                                      // when to check what could not be; zero: all has been
	unchecked bool                                           // it was logged that it could not
	known     string                                         // the mark of the Asterisk that is believed in
	declared  bool                                           // a Discontinuity has been
	recalled  bool                                           // what the cluster knew of this node when it started is believed
	from      merge.Node                                     // what it knows of that one is to be believed, too
	made      atomic.Uint64                                  // synthetic events
	failed    atomic.Uint64                                  // checks that failed
}

// silence is a time in which nobody may have listened.
type silence struct {
	reason string    // empty: there was none
	since  time.Time // zero: unknown
}

// earlier than both, if one is unknown.
func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func newSource(n *Node) *source {
	return &source{n: n, kick: make(chan struct{}, 1), positions: func() []merge.Position { return n.stream.Positions() }}
}

// event passes an event of the Asterisk on, or not. It is called by the goroutine that reads them.
func (s *source) event(m *ami.Message) {
	if s.publishing.Load() {
		s.n.intake.take(m)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holding && (len(s.queue) == holdEvents || s.size > holdBytes) {
		s.n.component("source").Warn("too many events before it is known who publishes them: deciding now", "events", len(s.queue))
		s.settle()
	}
	switch {
	case s.publishing.Load():
		s.n.intake.take(m)
	case s.holding:
		s.queue, s.size = append(s.queue, m.Clone()), s.size+len(m.Bytes())
	default:
		s.drop(1)
	}
}

// drop counts events that are not published.
func (s *source) drop(events int) {
	count := &s.held
	if s.verdict == standby.Conflict {
		count = &s.conflicting
	}
	count.Add(uint64(events))
}

// loggedIn is told before the first event of a link.
func (s *source) loggedIn(heard time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.verdict == standby.Conflict && s.gap.reason != "": // nothing has been published since before the conflict
	case s.logins > 0:
		s.gap = silence{"link lost", heard}
	case s.n.restarted:
		s.gap = silence{reason: "node restarted"}
	}
	s.logins++
	s.holding, s.begun = true, time.Now()
}

// identified is told which Asterisk it is. It decides when the others had the time to hear of it: of several nodes that link to one Asterisk at
// once each then knows of the other.
func (s *source) identified(id upstream.Identity) {
	s.mu.Lock()
	s.mark = id.Mark
	if id.Mark != "" {
		s.setSystem(id.SystemName)
	}
	s.mu.Unlock()
	s.gossip()
	s.mu.Lock()
	defer s.mu.Unlock()
	if id.Found && !s.met && !s.n.restarted && !s.publishing.Load() { // the data directory is new, the Asterisk is not
		s.gap = silence{reason: "node restarted"}
	}
	if id.Found && !s.met {
		s.known = id.Mark
	}
	s.met, s.census = true, id.Census
	s.conclude()
}

// isMark tells whether the own Asterisk has this mark.
func (s *source) isMark(mark string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mark == mark
}

// settle ends the time of holding early. As long as the Asterisk is not known, it is taken for the one it was, which another node may
// be publishing the events of.
func (s *source) settle() {
	switch {
	case !s.holding:
	case s.check != nil: // too many events, or the link is lost: without it, and once more later
		s.again = time.Now().Add(checkAgain)
		s.publish(nil)
		s.release()
	case s.mark == "" && s.outdone():
		s.release()
	default:
		s.conclude()
	}
}

// outdone tells whether the node the last verdict was about goes on publishing.
func (s *source) outdone() bool {
	return s.verdict != standby.Publish && slices.ContainsFunc(s.others, func(o standby.Node) bool {
		return o.Publishing && label(o) == label(s.with)
	})
}

// conclude ends the time of holding.
func (s *source) conclude() {
	s.linked = true
	s.decide()
	if s.check == nil {
		s.release()
	}
}

// release gives up what is held: it has been published, or is not to be.
func (s *source) release() {
	s.drop(len(s.queue))
	s.holding, s.queue, s.size = false, nil, 0
}

// remarked is told that another node has set the mark at the same time, and was later.
func (s *source) remarked(mark string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == s.mark {
		s.known = mark
	}
	s.mark = mark
	s.changed()
	s.decide()
}

// loggedOut is told at the end of a link. What is held was heard, so nobody else is to make up for it.
func (s *source) loggedOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.linked, s.mark, s.census = false, "", nil
	s.publishing.Store(false)
	s.changed()
}

// named is told the systemname once the link is up, which also those have who could not mark their Asterisk.
func (s *source) named(systemname string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setSystem(systemname)
}

func (s *source) setSystem(name string) {
	origin := *s.n.origin.Load()
	origin.Systemname = name
	s.n.origin.Store(&origin)
	s.n.owners.SetSource(s.n.self, name)
	if s.system != name {
		s.system = name
		s.changed()
	}
}

// membersChanged is told who else is there.
func (s *source) membersChanged(members []*amibuspb.Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others = s.others[:0]
	for _, m := range members {
		s.others = append(s.others, standby.Node{Site: m.GetSite(), Name: m.GetNode(), Epoch: m.GetEpoch(), Mark: m.GetMark(),
			Systemname: m.GetSystemname(), Publishing: m.GetPublishing()})
	}
	s.decide()
}

// changed has what is gossiped told anew.
func (s *source) changed() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// run gossips until ctx ends, and looks after what takes its time.
func (s *source) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-s.kick:
			if ctx.Err() == nil { // leaving tells more
				s.gossip()
			}
		case <-tick.C:
			s.mu.Lock()
			s.decide()
			s.recheck()
			s.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// gossip tells the others; it waits until that is on its way.
func (s *source) gossip() {
	if s.n.members == nil {
		return
	}
	err := s.n.members.Update(func(m *amibuspb.Member) {
		s.mu.Lock()
		defer s.mu.Unlock()
		m.Systemname, m.Mark, m.Publishing = s.system, s.mark, s.publishing.Load()
	})
	if err != nil {
		s.n.log.Warn("the state of the source cannot be gossiped", "err", err)
	}
}

// standing returns the verdict for this node, and the node it is about; Publish without a link.
func (s *source) standing() (v standby.Verdict, node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.linked || s.verdict == standby.Publish {
		return standby.Publish, ""
	}
	return s.verdict, label(s.with)
}
