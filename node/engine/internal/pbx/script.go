package pbx

import (
	"strconv"
	"strings"

	"github.com/amibus/amibus/translator"
)

// scripted is how an endpoint behaves in this call: as it is configured, but for what variables of its channel say. A dialplan sets them
// for whom it dials with two underscores (Set(__SIM_RESULT=busy)), an Originate with a Variable.
//
//	SIM_RESULT   answer, busy, congestion, no-answer or reject
//	SIM_STATES   channel states it goes through first, by Asterisk's names: Rsrvd,OffHook,Dialing,Pre-ring …
//	SIM_RING     seconds before it answers or rejects
//	SIM_TALK     seconds after which it hangs up; 0: it stays
//	SIM_CAUSE    of reject
//	SIM_DTMF     digits it sends once it has answered
//	SIM_FORWARD  TECH/RESOURCE to call instead
//
// What cannot be read is left out with a warning.
func (c *channel) scripted(e Endpoint) Endpoint {
	value := func(name string) (string, bool) {
		i := c.vars.find(name)
		if i < 0 {
			return "", false
		}
		return c.vars[i].Value, true
	}
	if v, ok := value("SIM_RESULT"); ok {
		e.Busy, e.Congestion, e.NoAnswer, e.Reject, e.Forward = false, false, false, 0, ""
		switch strings.ToLower(v) {
		case "answer":
		case "busy":
			e.Busy = true
		case "congestion":
			e.Congestion = true
		case "no-answer":
			e.NoAnswer = true
		case "reject":
			e.Reject = causeRejected
			if cause, ok := value("SIM_CAUSE"); ok {
				if n, err := strconv.Atoi(cause); err == nil && n > 0 && n < 128 {
					e.Reject = n
				} else {
					c.p.warn("%s: SIM_CAUSE is %q, must be a hangup cause", c.name, cause)
				}
			}
		default:
			c.p.warn("%s: SIM_RESULT is %q, must be answer, busy, congestion, no-answer or reject", c.name, v)
		}
	}
	if v, ok := value("SIM_STATES"); ok {
		e.states = c.states(v)
	}
	if v, ok := value("SIM_RING"); ok {
		e.Ring = secondsOr(v, e.Ring)
	}
	if v, ok := value("SIM_TALK"); ok {
		e.Talk = secondsOr(v, e.Talk)
	}
	if v, ok := value("SIM_DTMF"); ok {
		e.DTMF = keyed(v)
	}
	if v, ok := value("SIM_FORWARD"); ok {
		e.Forward = v
	}
	return e
}

// states reads names of channel states; what is up or busy is for the result to say.
func (c *channel) states(names string) (states []int) {
	for name := range strings.SplitSeq(names, ",") {
		state := 0
		for state < 10 && !strings.EqualFold(translator.StateName(state), strings.TrimSpace(name)) {
			state++
		}
		if state == 10 || state == stateUp || state == stateBusy {
			c.p.warn("%s: SIM_STATES: %q is not the name of a channel state before an answer", c.name, name)
		} else if len(states) < maxKeyed {
			states = append(states, state)
		}
	}
	return states
}

const (
	causeRejected = 21
	maxKeyed      = 256
)

// keyed keeps what a telephone can send.
func keyed(text string) string {
	var out strings.Builder
	for _, r := range text {
		if strings.ContainsRune("0123456789*#ABCDabcd", r) && out.Len() < maxKeyed {
			out.WriteRune(r)
		}
	}
	return out.String()
}
