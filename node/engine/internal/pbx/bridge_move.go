package pbx

// bridge joins two channels, wherever they are.
func (p *PBX) bridge(in Bridge) {
	one, two := p.find(in.Channel1), p.find(in.Channel2)
	switch {
	case one == nil:
		p.fail(in.ID, "Channel1 does not exist: "+in.Channel1)
	case two == nil:
		p.fail(in.ID, "Channel2 does not exist: "+in.Channel2)
	case !one.movable():
		p.fail(in.ID, "Unable to add Channel1 to bridge: "+one.name)
	case one == two || !two.movable():
		p.fail(in.ID, "Unable to add Channel2 to bridge: "+two.name)
	default:
		p.reply(in.ID, "Channels have been bridged")
		b := p.newBasic()
		one.moveTo(b)
		two.moveTo(b)
	}
}

// moveTo brings a channel into a bridge: out of another, or out of what its thread does, which goes on afterwards.
func (c *channel) moveTo(b *bridge) {
	if m := c.member; m != nil {
		old := m.b
		if m.move(b, nil, true) && old.basic() && old.transfer == nil && len(old.members) < 2 {
			old.dissolve()
		}
		return
	}
	t := c.thread
	dialplan := t.single == nil
	t.instead = func() {
		c.app, c.data = "", ""
		b.enter(c, func() { t.goOn(dialplan) })
	}
	c.redirectTo(c.place)
}

// goOn takes a thread up again after a bridge that interrupted it.
func (t *thread) goOn(next bool) {
	switch {
	case t.c.gone:
		return
	case t.c.flags&flagRedirect != 0:
		t.redirected()
		return
	case next:
		t.c.place.priority++
	}
	t.c.p.soon(t.step)
}

func (p *PBX) bridgeDestroy(in BridgeDestroy) {
	b := p.bridges[in.Bridge]
	if b == nil {
		p.fail(in.ID, "Specified BridgeUniqueid not found")
		return
	}
	p.reply(in.ID, "Bridge has been destroyed")
	b.dissolve()
}

func (p *PBX) bridgeKick(in BridgeKick) {
	b := p.bridges[in.Bridge]
	c := p.find(in.Channel)
	switch {
	case c == nil:
		p.fail(in.ID, "Channel does not exist")
	case in.Bridge == "" && c.member == nil:
		p.fail(in.ID, "Channel is not in a bridge")
	case in.Bridge != "" && b == nil:
		p.fail(in.ID, "Bridge not found")
	case c.member == nil || b != nil && c.member.b != b:
		p.fail(in.ID, "Channel kick from bridge failed")
	default:
		p.reply(in.ID, "Channel has been kicked")
		c.member.leave()
	}
}

// bridgeApp is Bridge(channel): joins the channel with another.
func bridgeApp(t *thread, args string, done func(bool)) {
	c, name := t.c, at(split(args), 0)
	other := c.p.find(name)
	if other == nil || other == c || !other.movable() {
		c.setVar("BRIDGERESULT", "NONEXISTENT")
		done(true)
		return
	}
	c.answer()
	b := c.p.newBasic()
	other.moveTo(b)
	b.enter(c, func() {
		c.setVar("BRIDGERESULT", "SUCCESS")
		done(c.flags&flagHangup == 0)
	})
}
