package pbx

import (
	"fmt"
	"strings"
	"time"
)

// Endpoint says how Sim/NAME behaves when it is called. The zero value answers at once and stays.
type Endpoint struct {
	Ring        time.Duration // before it answers; it rings meanwhile
	Busy        bool
	Congestion  bool
	NoAnswer    bool          // rings for ever
	Reject      int           // ends with this cause instead of answering
	Talk        time.Duration // hangs up after that; 0: stays
	DTMF        string        // sent after the answer, one digit every 250 ms
	Forward     string        // TECH/RESOURCE to call instead
	Unavailable bool
	states      []int // it goes through first (script.go)
	Native      bool  // its media may go around the PBX: with another such one its bridge is native_rtp
}

// sim is a scripted endpoint.
type sim struct {
	p      *PBX
	e      Endpoint
	timers []*timer
	held   bool // the other side has put it on hold
}

// requestSim makes the channel of an endpoint. One that is not configured answers at once.
func (p *PBX) requestSim(name, id, linkedid string) (c *channel, cause int) {
	name, _, _ = strings.Cut(name, "/")
	s := &sim{p: p, e: p.cfg.Endpoints[name]}
	if s.e.Unavailable {
		return nil, 20
	}
	c, ok := p.newChannel(s, p.simName(name), id, linkedid, stateDown, place{"default", "s", 1})
	if !ok {
		return nil, 34
	}
	return c, 0
}

func (p *PBX) simName(name string) string {
	p.sims++
	return fmt.Sprintf("Sim/%s-%08x", name, p.sims-1)
}

// incoming is a call that an endpoint makes.
func (p *PBX) incoming(in Incoming) {
	s := &sim{p: p, e: p.cfg.Endpoints[in.Endpoint]}
	c, ok := p.newChannel(s, p.simName(in.Endpoint), "", "", stateRing, place{in.Context, in.Exten, 1})
	if !ok {
		return
	}
	if in.Begun != nil {
		in.Begun(c.uniqueid)
	}
	c.caller = party{in.CallerNum, in.CallerName}
	c.publish()
	for _, v := range in.Variables {
		c.assign(v.Name, v.Value)
	}
	if s.e.Talk > 0 {
		s.after(s.e.Talk, func() { c.queueHangup(16) })
	}
	c.run(nil)
}

func (s *sim) kind() string { return "Sim" }

func (s *sim) after(d time.Duration, run func()) { s.timers = append(s.timers, s.p.after(d, run)) }

func (s *sim) call(c *channel) bool {
	s.e = c.scripted(s.e)
	e := &s.e
	for _, state := range e.states {
		s.p.soon(func() {
			if !c.gone {
				c.setState(state)
			}
		})
	}
	switch {
	case e.Busy:
		s.p.soon(func() { c.cause = 17; c.queue(frame{kind: frameBusy}) })
	case e.Congestion:
		s.p.soon(func() { c.cause = 34; c.queue(frame{kind: frameCongestion}) })
	case e.Forward != "":
		s.p.soon(func() { c.queue(frame{kind: frameBusy, forward: e.Forward}) })
	case e.Reject != 0:
		s.ring(c)
		s.after(e.Ring, func() { c.queueHangup(e.Reject) })
	case e.NoAnswer:
		s.ring(c)
	default:
		if e.Ring > 0 {
			s.ring(c)
		}
		s.after(e.Ring, func() { s.picksUp(c) })
	}
	return true
}

func (s *sim) ring(c *channel) {
	s.p.soon(func() {
		if !c.gone {
			c.setState(stateRinging)
			c.queue(frame{kind: frameRinging})
		}
	})
}

func (s *sim) picksUp(c *channel) {
	c.queue(frame{kind: frameAnswer})
	if s.e.Talk > 0 {
		s.after(s.e.Talk, func() { c.queueHangup(16) })
	}
	for i := range len(s.e.DTMF) {
		at := time.Duration(i+1) * 250 * time.Millisecond
		digit := s.e.DTMF[i]
		s.after(at, func() { c.queue(frame{kind: frameDTMFBegin, digit: digit}) })
		s.after(at+defaultDigit, func() { c.queue(frame{kind: frameDTMFEnd, digit: digit, duration: defaultDigit}) })
	}
}

func (s *sim) indicate(c *channel, what kind) {
	if what == frameHold || what == frameUnhold {
		s.held = what == frameHold
		c.track()
	}
	c.p.changed(c.device)
}

func (s *sim) answer(*channel)                           {}
func (s *sim) digit(*channel, byte, bool, time.Duration) {}
func (s *sim) hangup(*channel) {
	for _, t := range s.timers {
		s.p.stop(t)
	}
	s.timers = nil
}
