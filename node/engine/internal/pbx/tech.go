package pbx

import (
	"strings"
	"time"
)

// tech is the far end of a channel: the other half of a Local channel, or a scripted endpoint.
type tech interface {
	kind() string
	// call rings what the channel was requested for. ok is false if there is nothing to ring.
	call(c *channel) (ok bool)
	// answer tells the far end that we answered.
	answer(c *channel)
	// indicate tells the far end something else.
	indicate(c *channel, what kind)
	// digit sends a digit to the far end: its begin, or, with a duration, its end.
	digit(c *channel, digit byte, begin bool, d time.Duration)
	// hangup tells the far end that the channel ends.
	hangup(c *channel)
}

// request makes the channel to call TECH/RESOURCE with. cause says why there is none.
func (p *PBX) request(dial, id, other, linkedid string) (c *channel, cause int) {
	kind, resource, _ := strings.Cut(dial, "/")
	switch {
	case resource == "":
	case strings.EqualFold(kind, "Local"):
		return p.requestLocal(resource, id, other, linkedid)
	case strings.EqualFold(kind, "Sim"):
		return p.requestSim(resource, id, linkedid)
	default:
		p.warn("no channel type registered for %q", kind)
		return nil, 66
	}
	return nil, 20
}
