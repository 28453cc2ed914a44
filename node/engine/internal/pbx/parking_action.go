package pbx

import "cmp"

// parkAction is the action Park. If the TimeoutChannel is whom the channel talks to, that one parks it: it hears the space, and leaves.
func (p *PBX) parkAction(in Park) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "Channel does not exist: "+in.Channel)
		return
	}
	if in.Return != "" {
		c.setVar("BLINDTRANSFER", in.Return)
		c.eraseVar("ATTENDEDTRANSFER")
	}
	if in.Space != "" {
		c.setVar("PARKINGEXTEN", in.Space)
	}
	l := p.lots[cmp.Or(in.Lot, c.vars.get("PARKINGLOT"), "default")]
	if l == nil || !c.movable() || c.member != nil && (c.member.parked != nil || c.member.leaving || c.member.b.transfer != nil) {
		p.fail(in.ID, "Park action failed\n")
		return
	}
	ask := parking{limit: in.Timeout, limited: in.Timeout > 0, space: c.parkingSpace()}
	var parker *channel
	if c.member != nil {
		parker = c.member.b.peer(c)
	}
	if parker == nil || parker.name != in.Return {
		parker = nil
	}
	if !l.parkChannel(c, parker, ask) {
		p.fail(in.ID, "Park action failed\n")
		return
	}
	p.reply(in.ID, "Park successful\n")
}

// parkChannel parks a channel wherever it is. parker is who does it and leaves then, nil if nobody in its bridge. ok is false if there is
// no space.
func (l *lot) parkChannel(c, parker *channel, in parking) (ok bool) {
	if parker != nil {
		c.setVar("BLINDTRANSFER", parker.name)
		c.eraseVar("ATTENDEDTRANSFER")
	}
	in.parker = c.parkedBy()
	m := c.member
	if m == nil {
		return l.parkThread(c, in)
	}
	call := l.reserve(c, in)
	if call == nil {
		return false
	}
	old := m.b
	if !m.move(l.b, nil, true) {
		call.m = m
		call.end("ParkedCallGiveUp")
		return false
	}
	call.watch(m)
	if parker != nil {
		if mine := parker.member; mine != nil && mine.b == old {
			l.p.soon(mine.leave)
		}
	} else if old.basic() && len(old.members) < 2 {
		old.dissolve()
	}
	return true
}

// parkThread takes a channel out of what it runs, which does not go on afterwards.
func (l *lot) parkThread(c *channel, in parking) (ok bool) {
	if l.free(0) == 0 || c.thread.instead != nil {
		return false
	}
	t := c.thread
	t.instead = func() {
		c.app, c.data = "", ""
		after := func() {
			if c.flags&flagRedirect == 0 {
				c.flags |= flagHangup
			}
			l.p.soon(t.step)
		}
		c.answer()
		call := l.reserve(c, in)
		if call == nil {
			after()
			return
		}
		call.watch(l.b.enter(c, after))
	}
	c.redirectTo(c.place)
	return true
}
