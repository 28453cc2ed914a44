package pbx

import (
	"cmp"
	"strconv"
	"time"
)

// parkApp is Park([lot[,options]]): r, R, s, c(place), t(seconds), m(class).
func parkApp(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	name := cmp.Or(at(parts, 0), c.vars.get("PARKINGLOT"), "default")
	in := parking{space: c.parkingSpace()}
	options := appOptions(at(parts, 1))
	in.parker = c.parkedBy()
	_, in.ringing = options['r']
	_, in.random = options['R']
	in.comeback, in.music = options['c'], options['m']
	if n, err := strconv.Atoi(options['t']); err == nil && n >= 0 {
		in.limit, in.limited = time.Duration(min(n, 1e6))*time.Second, true
	}
	c.answer()
	var call *parked
	if l := c.p.lots[name]; l != nil {
		call = l.reserve(c, in)
	}
	if call == nil {
		c.p.warn("%s: no such parking lot, or it is full: %q", c.name, args)
		done(true)
		return
	}
	call.watch(call.l.b.enter(c, func() { done(c.flags&flagRedirect != 0) }))
}

// parkedBy is whom to ring for a call that is parked: who transferred it, else itself.
func (c *channel) parkedBy() string {
	return base(cmp.Or(c.vars.get("ATTENDEDTRANSFER"), c.vars.get("BLINDTRANSFER"), c.name))
}

// parkingSpace is the one that the channel wants.
func (c *channel) parkingSpace() int {
	n, _ := strconv.Atoi(c.vars.get("PARKINGEXTEN"))
	return max(n, 0)
}

// appOptions reads letters, each with an argument in parentheses or without.
func appOptions(text string) map[byte]string {
	out := map[byte]string{}
	for i := 0; i < len(text); i++ {
		letter, arg := text[i], ""
		if i+1 < len(text) && text[i+1] == '(' {
			end := i + 2
			for end < len(text) && text[end] != ')' {
				end++
			}
			arg, i = text[i+2:end], end
		}
		out[letter] = arg
	}
	return out
}

// parkedCall is ParkedCall([lot[,space]]): takes a call out of the lot, that of the first space if none is given.
func parkedCall(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	c.answer()
	var call *parked
	if l := c.p.lots[cmp.Or(at(parts, 0), c.vars.get("PARKINGLOT"), "default")]; l != nil {
		call = l.pick(at(parts, 1))
	}
	if call == nil || call.m.leaving {
		c.p.warn("%s: no parked call in %q", c.name, args)
		done(false)
		return
	}
	m := call.m
	b := c.p.newBasic()
	call.vacate()
	call.say("UnParkedCall", c)
	m.move(b, nil, true)
	b.enter(c, func() { done(c.flags&flagRedirect != 0) })
}

// lotOf returns the lot that has a space of that number, nil if there is none.
func (p *PBX) lotOf(space string) *lot {
	n, err := strconv.Atoi(space)
	if err != nil {
		return nil
	}
	for _, l := range p.Lots() {
		if n >= l.First && n <= l.Last {
			return p.lots[l.Name]
		}
	}
	return nil
}

func (l *lot) pick(space string) *parked {
	if space != "" {
		n, _ := strconv.Atoi(space)
		return l.calls[n]
	}
	for n := l.First; n <= l.Last; n++ {
		if call := l.calls[n]; call != nil {
			return call
		}
	}
	return nil
}
