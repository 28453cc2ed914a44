package capture

import (
	"context"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

const (
	maxBatch = 64 << 10               // bytes of events that go out in one write
	minRound = 100 * time.Microsecond // a loop that nobody's mask lets through must not spin
)

// play delivers the recorded events until the end, or for ever.
func (s *Server) play(ctx context.Context) {
	if !s.atFullSpeed() {
		select {
		case <-s.first:
		case <-ctx.Done():
			return
		}
	}
	for round := time.Now(); s.playOnce(ctx, round); {
		if !s.cfg.Loop || len(s.stream) == 0 {
			close(s.done)
			return
		}
		round = round.Add(max(s.scaled(s.length), minRound))
		if !sleepUntil(ctx, round) {
			return
		}
	}
}

// playOnce delivers all recorded events; they are due from round on. It returns false if ctx ended.
func (s *Server) playOnce(ctx context.Context, round time.Time) bool {
	for rest := s.stream; len(rest) > 0; {
		if !sleepUntil(ctx, round.Add(s.scaled(rest[0].due))) {
			return false
		}
		n := s.dueNow(rest, round)
		for !s.deliver(rest[:n]) && s.atFullSpeed() {
			select {
			case <-s.hearing:
			case <-ctx.Done():
				return false
			}
		}
		s.stats.events.Add(uint64(n))
		rest = rest[n:]
	}
	return true
}

// dueNow returns how many of the events, at least one, are due and fit into one write.
func (s *Server) dueNow(events []event, round time.Time) int {
	now, size := time.Since(round), 0
	for i := range events {
		size += len(events[i].raw)
		if i > 0 && (size > maxBatch || s.scaled(events[i].due) > now) {
			return i
		}
	}
	return len(events)
}

// scaled turns recorded time into time of this Server.
func (s *Server) scaled(d time.Duration) time.Duration {
	if s.atFullSpeed() {
		return 0
	}
	return time.Duration(float64(d) / s.cfg.Speed)
}

// sleepUntil returns false if ctx ended.
func sleepUntil(ctx context.Context, t time.Time) bool {
	if wait := time.Until(t); wait > 0 {
		return sleep(ctx, wait)
	}
	return ctx.Err() == nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// deliver writes events to every session that receives any, and tells whether there was one.
func (s *Server) deliver(events []event) (heard bool) {
	s.order.Lock()
	defer s.order.Unlock()
	for _, c := range s.all() {
		if c.deliver(events) {
			heard = true
		}
	}
	if heard || !s.atFullSpeed() {
		for i := range events {
			s.calls.take(events[i].raw)
		}
	}
	return heard
}

func (s *Server) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*session, 0, len(s.sessions))
	for c := range s.sessions {
		all = append(all, c)
	}
	return all
}

// raise delivers an event that an action caused, with the head that the recorded Asterisk would give it. body holds whole
// lines.
func (s *Server) raise(name string, classes ami.Class, body []byte) {
	raw := append([]byte("Event: "), name...)
	raw = classes.AppendPrivilege(append(raw, "\r\nPrivilege: "...))
	raw = append(raw, "\r\n"...)
	if s.stamped {
		raw = append(raw, "Timestamp: "+timestamp(time.Now())+"\r\n"...)
	}
	if s.system != "" {
		raw = append(raw, "SystemName: "+s.system+"\r\n"...)
	}
	raw = append(append(raw, body...), "\r\n"...)
	s.stats.raised.Add(1)
	s.deliver([]event{{raw: raw, classes: classes}})
}
