package pbx

import (
	"strings"
	"time"
)

// answered connects the caller with a leg; the others were answered elsewhere. What options put in between comes one after the other.
func (d *dial) answered(l *leg) {
	c, peer := d.c, l.c
	d.p.stop(d.limit)
	d.p.stop(d.early)
	c.unread()
	peer.unread()
	c.cause, peer.cause = 16, 16
	d.drop(l)
	peer.place.exten, peer.place.priority = "", 1
	if d.o.has('a') {
		c.answer()
	}
	d.elsewhere()
	c.setVar("DIALSTATUS", "ANSWER")
	c.setVar("DIALEDPEERNAME", peer.name)
	c.setVar("DIALEDPEERNUMBER", peer.vars.get("DIALEDPEERNUMBER"))
	if d.o['A'] == "" {
		d.send(l)
		return
	}
	d.both(l, soundTime, func() { d.send(l) })
}

// elsewhere ends the legs that were too late. Q says with which cause.
func (d *dial) elsewhere() {
	cause := 26
	if text := d.o['Q']; text != "" {
		n, ok := causeOf(text)
		if strings.EqualFold(text, "NONE") {
			n, ok = 0, true
		}
		if ok {
			cause = n
		} else {
			d.p.warn("%s: Invalid cause given to Dial(...Q(<cause>)): \"%s\"", d.c.name, text)
		}
	}
	for _, l := range d.legs {
		d.end(l, "CANCEL")
	}
	for _, l := range d.legs {
		l.c.cause = cause
		l.c.hangup()
	}
	d.legs = nil
}

// both keeps caller and peer for a while. If one of them ends meanwhile, it is over.
func (d *dial) both(l *leg, long time.Duration, then func()) {
	var limit *timer
	peer := l.c
	end := func() {
		d.c.unread()
		peer.unread()
		d.p.stop(limit)
	}
	limit = d.p.after(long, func() {
		if end(); !d.c.gone && !peer.gone {
			then()
		}
	})
	ends := func(f frame) {
		if f.kind == frameHangup {
			end()
			d.end(l, "ANSWER")
			peer.hangup()
			d.done(d.c.flags&flagRedirect != 0)
		}
	}
	d.c.read(ends)
	peer.read(ends)
}

// send is option G: both go on in the dialplan, the peer one priority behind.
func (d *dial) send(l *leg) {
	target := caret(d.o['G'])
	if target == "" {
		d.subroutine(l)
		return
	}
	d.t.goTo(target)
	l.c.place = d.c.place
	l.c.place.priority++
	l.c.app, l.c.data = "", ""
	l.c.run(nil)
	d.end(l, "ANSWER")
	d.done(true)
}

// subroutine is option U: the peer runs it, and may refuse the call.
func (d *dial) subroutine(l *leg) {
	if d.o['U'] == "" {
		d.talk(l)
		return
	}
	context, args, given := strings.Cut(caret(d.o['U']), ",")
	target := context + ",s,1"
	if given {
		target += "(" + args + ")"
	}
	l.c.routine(target, false, func() { d.verdict(l) })
}

// verdict is what the subroutine said of the call.
func (d *dial) verdict(l *leg) {
	c, result := d.c, l.c.vars.get("GOSUB_RESULT")
	if result == "" {
		d.talk(l)
		return
	}
	if at := l.c.vars.find("GOSUB_RETVAL"); at >= 0 {
		c.setVar("GOSUB_RETVAL", l.c.vars[at].Value)
	}
	status := "ANSWER"
	switch word := strings.ToUpper(result); {
	case word == "BUSY", word == "CONGESTION", word == "CHANUNAVAIL":
		status, d.goOn = result, true
	case word == "CONTINUE":
		d.goOn = true
	case word == "ABORT":
	case strings.HasPrefix(word, "GOTO:"):
		d.goOn = d.t.goTo(caret(result[len("GOTO:"):])) || d.goOn
	default:
		d.talk(l)
		return
	}
	d.end(l, result)
	d.fail(l, status)
}

// fail ends a call that was answered, but will not be talked.
func (d *dial) fail(l *leg, status string) {
	if d.c.flags&flagHangup == 0 && l.c.flags&flagHangup != 0 {
		d.c.cause = l.c.cause
	}
	d.afterwards(l.c)
	l.c.released()
	d.over(status, false)
}

// digits are a part of option D: for the called, for the caller, at progress.
func (d *dial) digits(i int) string { return at(strings.Split(d.o['D'], ":"), i) }

// talk sends digits, first to the called, and bridges.
func (d *dial) talk(l *leg) {
	d.end(l, "ANSWER")
	if d.duration > 0 {
		peer := l.c
		d.p.stop(peer.limit)
		peer.limit = d.p.after(d.duration, func() { peer.softHangup(0) })
	}
	d.stream(l, l.c, d.digits(0), func() { d.stream(l, d.c, d.digits(1), func() { d.connect(l) }) })
}

func (d *dial) stream(l *leg, to *channel, digits string, then func()) {
	if digits == "" {
		then()
		return
	}
	to.sendDigits(digits, defaultGap, defaultDigit, func(ok bool) {
		if !ok {
			d.fail(l, "ANSWER")
			return
		}
		then()
	})
}

func (d *dial) connect(l *leg) {
	if d.o.has('m') {
		d.c.stopMusic()
	}
	d.c.answer()
	d.afterwards(l.c)
	d.p.connect(d.c, l.c, d.hungUp)
}

// afterwards is what the peer does when the talk is over: e runs h, F goes on.
func (d *dial) afterwards(peer *channel) {
	from := d.c.place
	switch target := caret(d.o['F']); {
	case d.o.has('e'):
		peer.after = func() bool { return peer.runH(from.context) }
	case target != "":
		peer.goesTo(func() (place, bool) {
			peer.place = from
			return peer.parse(target)
		})
	case d.o.has('F'):
		from.priority++
		peer.goesTo(func() (place, bool) {
			_, ok := peer.step(from)
			return from, ok
		})
	}
}

// goesTo has the channel go on somewhere when its bridge is over, unless it was hung up.
func (c *channel) goesTo(where func() (place, bool)) {
	c.after = func() bool {
		if c.flags&flagHangup != 0 {
			return false
		}
		to, ok := where()
		if ok {
			c.place, c.app, c.data = to, "", ""
			c.run(nil)
		}
		return ok
	}
}

// runH runs the h of a context on a channel without a dialplan, which then ends.
func (c *channel) runH(context string) bool {
	if !c.existsIn(context, "h") {
		return false
	}
	c.flags |= flagHangup
	c.place, c.app, c.data = place{context, "h", 1}, "", ""
	c.thread = &thread{c: c, ending: true, hanging: true}
	c.p.soon(c.thread.step)
	return true
}

// hungUp ends a Dial after the talk.
func (d *dial) hungUp() {
	c := d.c
	redirected := c.flags&flagRedirect != 0
	if !redirected {
		d.took("ANSWEREDTIME", c.answered)
		d.took("DIALEDTIME", c.created)
	}
	c.setVar("DIALSTATUS", "ANSWER")
	d.done(redirected || c.flags&flagHangup == 0 && d.goOn)
}
