package node

import (
	"context"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/node/upstream"
)

// Times of a check.
const (
	pastTime   = 2 * time.Second      // beyond bus.hold: until it is known what the other nodes believe
	pastLook   = 5 * time.Millisecond // between two looks
	checkAgain = time.Minute          // after one that failed
)

// check finds out what is so at the own Asterisk, while its events are held, so that what the cluster believes of it can be made true before
// they are published (node/reconcile).
type check struct {
	census func(context.Context) (upstream.Census, error)
	cancel context.CancelFunc
}

// begin publishes what is held, and what comes from now on, as soon as the Asterisk has been asked what there is. mu is held.
func (s *source) begin() {
	switch {
	case s.check != nil: // it will
	case s.census == nil:
		s.publish(nil)
	default:
		ctx, cancel := context.WithCancel(context.Background())
		s.check, s.holding = &check{census: s.census, cancel: cancel}, true
		go s.carryOut(ctx, s.check)
	}
}

// abandon ends a check that nobody needs any more. mu is held.
func (s *source) abandon() {
	if s.check != nil {
		s.check.cancel()
		s.check = nil
	}
}

func (s *source) carryOut(ctx context.Context, c *check) {
	s.recall(ctx, c)
	census, err := c.census(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.check != c: // abandoned
		return
	case err != nil:
		s.failed.Add(1)
		s.again = time.Now().Add(checkAgain)
		if !s.unchecked {
			s.unchecked = true
			s.n.component("source").Warn("it cannot be found out which calls the Asterisk has: those that ended unheard stay listed, those that began "+
				"unheard are known from their next event on", "err", err, "again_in", checkAgain)
		}
		s.publish(nil)
	default:
		s.unchecked, s.again = false, time.Time{}
		s.publish(&census)
	}
	s.release()
}

// recheck does what has failed before. mu is held.
func (s *source) recheck() {
	if s.publishing.Load() && s.census != nil && !s.again.IsZero() && time.Now().After(s.again) {
		s.again = time.Time{}
		s.publishing.Store(false)
		s.begin()
	}
}

// recall has what is believed begin with what the cluster knows: of this node before it started, or of the one it takes over from. The
// first event of this epoch has to be seen for the former, because then the epoch before is over.
func (s *source) recall(ctx context.Context, c *check) {
	s.mu.Lock()
	from, own := s.from, !s.recalled
	current := s.check == c
	if current && own {
		s.declare()
	}
	s.mu.Unlock()
	if !current {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.n.cfg.Bus.Hold+pastTime)
	defer cancel()
	var past []state.Part
	if own {
		past = append(past, s.ownPast(ctx, c)...)
	}
	if from != (merge.Node{}) {
		p, _ := s.n.state.Past(from)
		past = append(past, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.check != c {
		return
	}
	s.recalled, s.from = true, merge.Node{}
	for i := range past {
		s.n.intake.believe(&past[i])
	}
	if epoch, seq := s.n.journal.Previous(); own && seq > 0 { // it tells of dials and queues, too, and what only this node knew
		s.n.intake.relive(epoch, seq)
	}
}

// ownPast waits for what is known of this node's last epoch.
func (s *source) ownPast(ctx context.Context, c *check) []state.Part {
	for {
		switch p, known := s.n.state.Past(s.n.self); {
		case known && (p.At.Epoch >= s.n.stream.Stats().Epoch || p.At == state.Position{}):
			return []state.Part{p}
		case known: // the data directory is new, the node is not
			s.mu.Lock()
			if s.check == c && !s.declared {
				s.gap = silence{reason: "node restarted"}
				s.declare()
			}
			s.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			s.n.component("source").Warn("it is not known which calls this node had before it started: those that have ended since stay listed")
			return nil
		case <-time.After(pastLook):
		}
	}
}
