package pbx

import (
	"cmp"
	"slices"

	"github.com/amibus/amibus/translator"
)

// listen begins to read the caller and the legs. Asterisk's poll picks the last of those that have something to say.
func (d *dial) listen() {
	if d.c.gone || len(d.legs) == 0 {
		return
	}
	d.c.read(d.caller)
	for _, l := range slices.Backward(d.legs) {
		l.c.read(func(f frame) { d.heard(l, f) })
	}
	d.heeding = true
}

// entertained: the caller hears music or ringing, not the leg.
func (d *dial) entertained() bool { return d.o.has('m') || d.o.has('r') }

// heard handles what a leg says.
func (d *dial) heard(l *leg, f frame) {
	switch f.kind {
	case frameAnswer:
		d.answered(l)
	case frameRinging:
		d.alive()
		if !d.ringing && !d.o.has('m') && d.o['r'] == "" {
			d.ringing = true
			d.c.tech.indicate(d.c, frameRinging)
		}
		if !d.rang {
			d.rang = true
			d.took("RINGTIME", l.c.created)
		}
		d.say("DialState", l, translator.Header("DialStatus", "RINGING"))
	case frameProgress:
		d.progresses(l)
	case frameProceeding:
		if !d.o.has('r') {
			d.c.tech.indicate(d.c, frameProceeding)
		}
		d.say("DialState", l, translator.Header("DialStatus", "PROCEEDING"))
	case frameBusy:
		if f.forward != "" {
			d.forward(l, f.forward)
			return
		}
		d.busy++
		d.lost(l, "BUSY")
	case frameCongestion:
		d.congested++
		d.lost(l, "CONGESTION")
	case frameHangup:
		d.blame(l.c.cause)
		d.lost(l, endStatus(l.c.cause))
	case frameHold, frameUnhold:
		d.c.tech.indicate(d.c, f.kind)
	case frameDTMFBegin, frameDTMFEnd:
		if !d.entertained() {
			d.alive()
			if d.single {
				d.c.tech.digit(d.c, f.digit, f.kind == frameDTMFBegin, f.duration)
			}
		}
	}
}

// alive: the timeout for early media is over.
func (d *dial) alive() { d.p.stop(d.early) }

// progresses: the first time, digits may be sent to the leg, before anything is said.
func (d *dial) progresses(l *leg) {
	d.alive()
	if !d.o.has('r') && (d.single || !d.ringing) {
		d.c.tech.indicate(d.c, frameProgress)
	}
	said := func() { d.say("DialState", l, translator.Header("DialStatus", "PROGRESS")) }
	if d.progress {
		said()
		return
	}
	d.progress = true
	d.took("PROGRESSTIME", l.c.created)
	if digits := d.digits(2); digits != "" {
		l.c.sendDigits(digits, defaultGap, defaultDigit, func(ok bool) {
			if l.c.gone || !slices.Contains(d.legs, l) {
				return
			}
			said()
			l.c.read(func(f frame) { d.heard(l, f) })
		})
		return
	}
	said()
}

// caller handles what the caller says while the legs ring: it gives up, dials its way out, or is heard by them.
func (d *dial) caller(f frame) {
	switch f.kind {
	case frameHangup:
		d.giveUp()
		d.over("CANCEL", false)
		return
	case frameDTMFEnd:
		if d.o.has('d') && d.wayOut(f.digit) {
			return
		}
	}
	for _, l := range d.legs {
		switch f.kind {
		case frameDTMFBegin, frameDTMFEnd:
			l.c.tech.digit(l.c, f.digit, f.kind == frameDTMFBegin, f.duration)
		case frameHold, frameUnhold, frameFlash:
			l.c.tech.indicate(l.c, f.kind)
		}
	}
}

// wayOut ends the Dial if a digit is an extension to go to instead.
func (d *dial) wayOut(digit byte) bool {
	context := cmp.Or(d.c.vars.get("EXITCONTEXT"), d.c.place.context)
	if !d.c.existsIn(context, string(digit)) {
		return false
	}
	d.giveUp()
	d.c.place.context = context
	d.t.digit = digit
	d.over("CANCEL", true)
	return true
}

// giveUp: the caller wants none of them any more.
func (d *dial) giveUp() { d.cancel("CANCEL", cmp.Or(d.c.cause, 16)) }

func (d *dial) timeout(status string) {
	if d.c.gone || len(d.legs) == 0 {
		return
	}
	d.cancel(status, 0)
	d.over(status, true)
}

// cancel ends all legs: first everybody is told, then they are hung up.
func (d *dial) cancel(status string, cause int) {
	if d.c.cause == 26 || d.o.has('c') {
		cause = 26
	}
	for _, l := range d.legs {
		d.end(l, status)
	}
	for _, l := range d.legs {
		if cause > 0 {
			l.c.cause = cause
		}
		l.c.hangup()
	}
	d.legs = nil
}
