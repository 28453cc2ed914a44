package pbx

import "time"

const (
	digitTimeout    = 5 * time.Second // between the digits of an extension
	responseTimeout = 10 * time.Second
	maxDigits       = 80
)

// waiter is a dialplan that can have a call wait for digits at the end of an extension instead of ending it.
type waiter interface{ Waits() bool }

// missing: there is nothing at the place.
func (t *thread) missing() {
	c := t.c
	switch {
	case t.over != nil:
		t.over()
	case t.hanging:
		t.end()
	case !c.exists(c.place.exten):
		t.invalid(c.place.exten)
	default: // the extension fell through its end: the far end hears how the last Dial went
		if w, ok := c.p.cfg.Dialplan.(waiter); ok && w.Waits() {
			t.collect("", responseTimeout)
			return
		}
		switch c.vars.get("DIALSTATUS") {
		case "BUSY":
			busy(t, "10", t.finish)
		case "CONGESTION", "CHANUNAVAIL":
			congestion(t, "10", t.finish)
		default:
			t.stop()
		}
	}
}

// stop ends the call.
func (t *thread) stop() {
	t.ending = true
	t.c.p.soon(t.step)
}

// begin goes on at another extension of the context.
func (t *thread) begin(exten string) {
	t.c.place = place{t.c.place.context, exten, 1}
	t.c.p.soon(t.step)
}

// invalid: nothing is dialled like that.
func (t *thread) invalid(exten string) {
	c := t.c
	switch {
	case c.exists("i"):
		c.setVar("INVALID_EXTEN", exten)
		t.begin("i")
	case c.exists("e"):
		t.begin("e")
	default:
		c.p.warn("Channel '%s' sent to invalid extension but no invalid handler: context,exten,priority=%s,%s,%d",
			c.name, c.place.context, exten, c.place.priority)
		t.stop()
	}
}

// collect reads more digits for as long as they could make another extension, and goes there.
func (t *thread) collect(dialed string, limit time.Duration) {
	c := t.c
	if len(dialed) >= maxDigits || !c.more(dialed) {
		t.dialed(dialed)
		return
	}
	c.wait(limit, func(f frame) bool {
		if f.kind == frameDTMFEnd {
			dialed += string(f.digit)
		}
		return f.kind == frameDTMFEnd
	}, func(w why) {
		switch {
		case w == enough:
			t.collect(dialed, digitTimeout)
		case w == elapsed:
			t.dialed(dialed)
		default:
			t.finish(false)
		}
	})
}

func (t *thread) dialed(exten string) {
	c := t.c
	switch {
	case c.exists(exten):
		t.begin(exten)
	case exten != "":
		t.invalid(exten)
	case c.exists("t"):
		t.begin("t")
	case c.exists("e"):
		t.begin("e")
	default:
		c.p.warn("Timeout, but no rule 't' or 'e' in context '%s'", c.place.context)
		t.stop()
	}
}

// expired goes on at T (else e) if what would end the call is its AbsoluteTimeout.
func (t *thread) expired() bool {
	c := t.c
	if !c.expired || t.single != nil || t.over != nil || t.ending || c.flags&flagRedirect != 0 {
		return false
	}
	c.expired = false
	for _, exten := range []string{"T", "e"} {
		if c.exists(exten) {
			c.flags &^= flagHangup
			c.place, t.jumped = place{c.place.context, exten, 1}, false
			return true
		}
	}
	return false
}
