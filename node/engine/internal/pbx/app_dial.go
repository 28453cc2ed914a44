package pbx

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

// dial is one run of Dial: it calls legs, and connects the first that answers.
type dial struct {
	t                        *thread
	c                        *channel
	p                        *PBX
	options                  string
	legs                     []*leg // live ones
	began                    time.Time
	heeding                  bool // the legs are read
	ringing                  bool
	limit                    *timer
	busy, congested, missing int
	done                     func(bool)
}

// leg is one destination.
type leg struct {
	c        *channel
	resource string // behind TECH/
}

const (
	maxLegs   = 256
	pollDelay = time.Millisecond // what it takes Dial to call all legs before it listens to the first
)

// clean are the variables that Dial unsets at its begin, in order.
var clean = []string{
	"DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME", "ANSWEREDTIME", "ANSWEREDTIME_MS", "DIALEDTIME", "DIALEDTIME_MS",
	"RINGTIME", "RINGTIME_MS", "PROGRESSTIME", "PROGRESSTIME_MS",
}

// dialApp is Dial(TECH/RESOURCE[&…][,timeout[,options]]).
func dialApp(t *thread, args string, done func(bool)) {
	parts := split(args)
	d := &dial{t: t, c: t.c, p: t.c.p, options: at(parts, 2), began: t.c.p.now, done: done}
	for _, name := range clean {
		d.c.setVar(name, "")
	}
	legs := make([]*leg, 0, 1)
	for _, to := range strings.Split(at(parts, 0), "&") {
		if l := d.request(strings.TrimSpace(to)); l != nil && len(legs) < maxLegs {
			legs = append(legs, l)
		}
	}
	for _, l := range legs {
		d.call(l)
	}
	if len(d.legs) == 0 {
		d.over(d.status())
		return
	}
	if limit, ok := seconds(at(parts, 1)); ok && limit > 0 {
		d.limit = d.p.after(limit, d.timeout)
	}
	d.p.after(pollDelay, d.listen)
}

// listen begins to read the caller and the legs. Asterisk's poll picks the last of those that have something to say.
func (d *dial) listen() {
	if d.c.gone {
		return
	}
	d.c.read(d.caller)
	for _, l := range slices.Backward(d.legs) {
		l.c.read(func(f frame) { d.heard(l, f) })
	}
	d.heeding = true
}

// request makes the channel of a destination and gives it what it inherits.
func (d *dial) request(to string) *leg {
	_, resource, _ := strings.Cut(to, "/")
	c, cause := d.p.request(to, "", "", d.c.linkedid)
	if c == nil {
		d.c.cause = cause
		d.missing++
		return nil
	}
	c.setVar("DIALEDPEERNUMBER", resource)
	c.inherit(d.c)
	c.app, c.data = "AppDial", "(Outgoing Line)"
	if c.caller.num == "" {
		c.caller = party{d.c.place.exten, d.c.caller.name}
	}
	c.connected = d.c.caller
	c.place.exten = d.c.place.exten
	c.publish()
	return &leg{c, resource}
}

// call rings a leg.
func (d *dial) call(l *leg) {
	if !l.c.tech.call(l.c) {
		l.c.hangup()
		d.missing++
		return
	}
	d.say("DialBegin", l, translator.Header("DialString", l.resource))
	d.legs = append(d.legs, l)
	if d.heeding {
		l.c.read(func(f frame) { d.heard(l, f) })
	}
}

func (d *dial) say(name string, l *leg, parts ...translator.Part) {
	d.p.raise(name, append([]translator.Part{d.c.group(""), l.c.group("Dest")}, parts...)...)
}

// heard handles what a leg says.
func (d *dial) heard(l *leg, f frame) {
	switch f.kind {
	case frameAnswer:
		d.answered(l)
	case frameRinging:
		if !d.ringing {
			d.ringing = true
			d.c.tech.indicate(d.c, frameRinging)
			d.took("RINGTIME", d.began)
		}
		d.say("DialState", l, translator.Header("DialStatus", "RINGING"))
	case frameProgress:
		d.took("PROGRESSTIME", d.began)
		d.c.tech.indicate(d.c, frameProgress)
		d.say("DialState", l, translator.Header("DialStatus", "PROGRESS"))
	case frameProceeding:
		d.c.tech.indicate(d.c, frameProceeding)
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
		d.lost(l, d.blame(l.c.cause))
	}
}

// blame counts why a leg was lost, and returns what its DialEnd says.
func (d *dial) blame(cause int) string {
	switch cause {
	case 17:
		d.busy++
	case 34, 42:
		d.congested++
	case 16, 18, 19, 26:
	default:
		d.missing++
	}
	return endStatus(cause)
}

// endStatus is the DialStatus that stands for a hangup cause.
func endStatus(cause int) string {
	switch cause {
	case 17:
		return "BUSY"
	case 34, 42:
		return "CONGESTION"
	}
	return "NOANSWER"
}

// lost ends a leg that will not answer.
func (d *dial) lost(l *leg, status string) {
	d.end(l, status)
	d.c.cause = l.c.cause
	l.c.hangup()
	d.legs = slices.DeleteFunc(d.legs, func(x *leg) bool { return x == l })
	if len(d.legs) == 0 {
		d.over(d.status())
	}
}

func (d *dial) end(l *leg, status string, forward ...translator.Part) {
	l.c.unread()
	d.say("DialEnd", l, append(forward, translator.Header("DialStatus", status))...)
}

// forward calls somebody else in the place of a leg.
func (d *dial) forward(l *leg, to string) {
	d.end(l, "CANCEL", translator.Header("Forward", to))
	next := d.request(to)
	l.c.hangup()
	d.legs = slices.DeleteFunc(d.legs, func(x *leg) bool { return x == l })
	if next != nil {
		d.call(next)
	}
	if len(d.legs) == 0 {
		d.over(d.status())
	}
}

// status is what DIALSTATUS says when nobody is left.
func (d *dial) status() string {
	switch {
	case d.busy > 0:
		return "BUSY"
	case d.congested > 0:
		return "CONGESTION"
	case d.missing > 0:
		return "CHANUNAVAIL"
	}
	return "NOANSWER"
}

// caller handles what the caller says while the legs ring: it gives up.
func (d *dial) caller(f frame) {
	if f.kind == frameHangup {
		d.cancel("CANCEL", 0)
		d.over("CANCEL")
	}
}

func (d *dial) timeout() {
	if d.c.gone {
		return
	}
	d.cancel("NOANSWER", 0)
	d.over("NOANSWER")
}

// cancel ends all legs: first everybody is told, then they are hung up.
func (d *dial) cancel(status string, cause int) {
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

// over ends a Dial that nobody answered.
func (d *dial) over(status string) {
	d.p.stop(d.limit)
	d.c.unread()
	d.c.setVar("DIALSTATUS", status)
	d.done(status != "CANCEL")
}

// answered connects the caller with a leg; the others were answered elsewhere.
func (d *dial) answered(l *leg) {
	c, peer := d.c, l.c
	d.p.stop(d.limit)
	c.unread()
	peer.unread()
	d.legs = slices.DeleteFunc(d.legs, func(x *leg) bool { return x == l })
	d.cancel("CANCEL", 26)
	c.setVar("DIALSTATUS", "ANSWER")
	c.setVar("DIALEDPEERNAME", peer.name)
	c.setVar("DIALEDPEERNUMBER", l.resource)
	peer.place.exten, peer.place.priority = "", 1
	d.end(l, "ANSWER")
	c.answer()
	since := d.p.now
	d.p.connect(c, peer, func() { d.hungUp(since) })
}

// hungUp ends a Dial after the talk.
func (d *dial) hungUp(answered time.Time) {
	c := d.c
	redirected := c.flags&flagRedirect != 0
	if !redirected {
		d.took("ANSWEREDTIME", answered)
		d.took("DIALEDTIME", d.began)
	}
	c.setVar("DIALSTATUS", "ANSWER")
	d.done(redirected || c.flags&flagHangup == 0 && strings.Contains(d.options, "g"))
}

// took sets a variable to the seconds since a moment, and its _MS to the milliseconds.
func (d *dial) took(name string, since time.Time) {
	took := d.p.now.Sub(since)
	d.c.setVar(name, strconv.FormatInt(int64(took/time.Second), 10))
	d.c.setVar(name+"_MS", strconv.FormatInt(took.Milliseconds(), 10))
}
