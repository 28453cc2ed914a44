package pbx

import (
	"cmp"
	"strings"

	"github.com/amibus/amibus/translator"
)

// request makes the channel of a destination and gives it what it inherits. nil: there is none. last: the caller gets to know why.
func (d *dial) request(to string, last bool) *leg {
	_, resource, _ := strings.Cut(to, "/")
	c, cause := d.p.request(to, "", "", d.c.linkedid)
	if c == nil {
		kind, _, _ := strings.Cut(to, "/")
		d.p.warn("Unable to create channel of type '%s' (cause %d - %s)", kind, cause, translator.CauseText(cause))
		d.blame(cause)
		if last {
			d.c.cause = cause
		}
		return nil
	}
	c.setVar("DIALEDPEERNUMBER", resource)
	d.prepare(c, false)
	return &leg{c: c, resource: resource}
}

// prepare gives a channel what the caller hands down, and whom it shows.
func (d *dial) prepare(c *channel, forwarded bool) {
	caller := d.c
	c.inherit(caller)
	c.details.dialed = caller.details.dialed + 1
	c.app, c.data = "AppDial", "(Outgoing Line)"
	stored := party{caller.place.exten, caller.connected.name}
	switch as := d.o['o']; {
	case as != "":
		c.caller = parseParty(as)
	case d.o.has('o'):
		c.caller, c.id.pres = caller.caller, caller.id.pres
	case c.caller.num == "":
		c.caller = stored
	}
	c.connected, c.id.connected = caller.caller, caller.id.pres
	if as := d.o['f']; as != "" {
		c.connected = parseParty(as)
		c.id.connected, c.id.connectedTag = 1, d.o['s']
		if code, ok := readPresentation(d.o['u']); ok {
			c.id.connected = code
		}
	} else if d.o.has('f') && forwarded {
		c.connected = party{caller.place.exten, ""}
	}
	c.account = cmp.Or(caller.details.peerAccount, caller.account, c.account)
	c.details.peerAccount = cmp.Or(caller.account, c.details.peerAccount)
	c.details.musicClass = cmp.Or(c.details.musicClass, caller.details.musicClass)
	if caller.cause == 26 || d.o.has('c') {
		c.cause = 26
	}
	c.place.exten = caller.place.exten
	c.publish()
}

// call rings a leg.
func (d *dial) call(l *leg) {
	if !l.c.tech.call(l.c) {
		if l.c.cause != 0 {
			d.c.cause = l.c.cause
		}
		l.c.hangup()
		return
	}
	d.say("DialBegin", l, translator.Header("DialString", l.resource))
	d.legs = append(d.legs, l)
}

// blame counts why a leg was lost.
func (d *dial) blame(cause int) {
	switch cause {
	case 17:
		d.busy++
	case 34:
		d.congested++
	case 16, 19:
	default:
		d.missing++
	}
}

// endStatus is the DialStatus that stands for a hangup cause.
func endStatus(cause int) string {
	switch cause {
	case 17:
		return "BUSY"
	case 34:
		return "CONGESTION"
	case 3, 20:
		return "CHANUNAVAIL"
	}
	return "NOANSWER"
}

// lost ends a leg that will not answer.
func (d *dial) lost(l *leg, status string) {
	d.end(l, status)
	d.c.cause = l.c.cause
	l.c.hangup()
	d.drop(l)
	d.left()
}

// left: nobody rings any more, maybe.
func (d *dial) left() {
	if len(d.legs) == 0 {
		d.over(d.outcome(), true)
	}
}

func (d *dial) end(l *leg, status string, forward ...translator.Part) {
	l.c.unread()
	d.say("DialEnd", l, append(forward, translator.Header("DialStatus", status))...)
}

// forward calls somebody else in the place of a leg.
func (d *dial) forward(l *leg, to string) {
	if !strings.Contains(to, "/") {
		to = "Local/" + to + "@" + cmp.Or(l.c.vars.get("FORWARD_CONTEXT"), l.c.place.context)
	}
	d.ringing = false
	_, resource, _ := strings.Cut(to, "/")
	told := translator.Header("Forward", to)
	if d.o.has('i') {
		d.end(l, "CANCEL", told)
		d.give(l, "BUSY", 17)
		return
	}
	if l.forwards >= maxForwards {
		d.p.warn("%s: forwarded %d times: %s is not called", l.c.name, maxForwards, to)
		d.give(l, "BUSY", 17)
		return
	}
	c, cause := d.p.request(to, "", "", d.c.linkedid)
	if c == nil {
		d.p.warn("Forwarding failed to create channel to dial '%s' (cause = %d)", to, cause)
		d.give(l, "BUSY", cause)
		return
	}
	next := &leg{c: c, resource: resource, forwards: l.forwards + 1}
	d.prepare(c, true)
	c.setVar("FORWARDERNAME", l.c.name)
	if d.o.has('z') {
		d.p.stop(d.limit)
	}
	if !c.tech.call(c) {
		d.p.warn("Forwarding failed to dial '%s'", to)
		c.hangup()
		d.give(l, "CONGESTION", 0)
		return
	}
	d.end(l, "CANCEL", told)
	d.say("DialBegin", next, translator.Header("DialString", resource))
	l.c.hangup()
	for i := range d.legs {
		if d.legs[i] == l {
			d.legs[i] = next
		}
	}
	if d.heeding {
		c.read(func(f frame) { d.heard(next, f) })
	}
}

// give gives a leg up that could not be forwarded.
func (d *dial) give(l *leg, status string, cause int) {
	d.end(l, status)
	l.c.hangup()
	d.blame(cause)
	d.drop(l)
	d.left()
}

// outcome is what DIALSTATUS says when nobody is left: why, if it is known of all.
func (d *dial) outcome() string {
	switch {
	case d.asked != d.busy+d.congested+d.missing:
	case d.busy > 0:
		return "BUSY"
	case d.congested > 0:
		return "CONGESTION"
	case d.missing > 0:
		return "CHANUNAVAIL"
	}
	return d.status
}
