package node

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

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
	n          *Node
	publishing atomic.Bool   // changed with mu held
	held       atomic.Uint64 // events not published
	kick       chan struct{} // capacity 1: what is gossiped has changed

	mu      sync.Mutex
	others  []standby.Node
	mark    string
	system  string         // systemname
	linked  bool           // logged in, and the others had time to hear of it
	holding bool           // logged in, and they had not
	queue   []*ami.Message // events while holding
	size    int            // bytes in queue
	logins  int
	gap     silence // to be declared before the next event
	verdict standby.Verdict
	with    standby.Node // whom the verdict is about
	since   time.Time    // of the verdict
	told    bool         // that a conflict does not pass
}

// silence is a time in which nobody may have listened.
type silence struct {
	reason string    // empty: there was none
	since  time.Time // zero: unknown
}

func newSource(n *Node) *source { return &source{n: n, kick: make(chan struct{}, 1)} }

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
		s.held.Add(1)
	}
}

// loggedIn is told before the first event of a link.
func (s *source) loggedIn(heard time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.logins > 0:
		s.gap = silence{"link lost", heard}
	case s.n.restarted:
		s.gap = silence{reason: "node restarted"}
	}
	s.logins++
	s.holding, s.verdict = true, standby.Publish
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
	s.settle()
}

// settle ends the time of holding.
func (s *source) settle() {
	if s.holding {
		s.linked = true
		s.decide()
		s.release()
	}
}

// release gives up what is held: it has been published, or is another node's to publish.
func (s *source) release() {
	s.held.Add(uint64(len(s.queue)))
	s.holding, s.queue, s.size = false, nil, 0
}

// remarked is told that another node has set the mark at the same time, and was later.
func (s *source) remarked(mark string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark = mark
	s.changed()
	s.decide()
}

// loggedOut is told at the end of a link. What is held was heard, so nobody else is to make up for it.
func (s *source) loggedOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.linked, s.mark = false, ""
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

// standsBy tells for whom this node stands by, if it does.
func (s *source) standsBy() (node string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.linked || s.verdict == standby.Publish {
		return "", false
	}
	return label(s.with), true
}
