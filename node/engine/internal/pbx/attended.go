package pbx

import "github.com/amibus/amibus/translator"

// attendedTransfer joins whom one channel talks to with whom another one does, and ends both. Asterisk has no action for that: it comes from
// a telephone.
func (p *PBX) attendedTransfer(in AttendedTransfer) {
	one, two := p.find(in.Channel), p.find(in.Second)
	if one == nil || two == nil || one == two {
		p.fail(in.ID, "No such channel")
		return
	}
	var bridges [2]*bridge
	var parties []translator.Part
	for i, c := range []*channel{one, two} {
		if c.member == nil {
			continue
		}
		bridges[i] = c.member.b
		if peer := c.member.b.peer(c); peer != nil {
			parties = append(parties, peer.group([]string{"Transferee", "TransferTarget"}[i]))
		}
	}
	result, dest, more, finish := one.joinWith(two)
	if text := transferErrors[result]; text != "" {
		p.fail(in.ID, text)
	} else {
		p.reply(in.ID, "Transfer succeeded")
	}
	attended(p, result, [2]*channel{one, two}, bridges, parties, "Yes", dest, more...)
	finish()
	if result == transferred {
		two.softHangup(0)
	}
}

// joinWith says how one call is made of the two that the channels are in: by a move, a merge, or a Local channel between bridges that must
// stay apart. finish does it, once that is said.
func (c *channel) joinWith(second *channel) (result, dest string, more []translator.Part, finish func()) {
	m, other := c.member, second.member
	if m == nil || other == nil || m.leaving || other.leaving || m.b == other.b || len(m.b.members) < 2 || len(other.b.members) < 2 ||
		m.b.transfer != nil || other.b.transfer != nil || m.b.dissolved || other.b.dissolved {
		return transferInvalid, "Fail", nil, nothing
	}
	first, last := m.b, other.b
	for _, x := range []*member{m, other} {
		x.c.say("Unhold")
		x.b.write(frameUnhold, x.c)
	}
	c.sayTransfer("ATTENDEDTRANSFER", "BLINDTRANSFER")
	final := first
	switch joined(first, last) {
	case swapToHere:
		finish = other.givingWay(m)
	case swapToThere:
		final, finish = last, m.givingWay(other)
	case mergeToHere:
		finish = func() { first.mergeCalls(last, m, other) }
	case mergeToThere:
		final, finish = last, func() { last.mergeCalls(first, m, other) }
	default:
		return m.linkTo(other)
	}
	if finish == nil {
		return transferInvalid, "Fail", nil, nothing
	}
	return transferred, "Bridge", []translator.Part{translator.Header("DestBridgeUniqueid", final.id)}, finish
}

func (b *bridge) mergeCalls(from *bridge, m, other *member) {
	b.merge(from, true, m, other)
	b.p.soon(m.left)
	b.p.soon(other.left)
}

// givingWay sends whom m talks to into the place of another member, and takes m out. It is nil if there is nobody to send.
func (m *member) givingWay(place *member) (finish func()) {
	source := m.partner()
	if source == nil {
		return nil
	}
	return func() {
		if source.move(place.b, place, true) {
			m.c.p.soon(place.left)
			m.tell()
			m.c.p.soon(m.dismiss)
		}
	}
}

// linkTo puts a Local channel in the place of both members.
func (m *member) linkTo(other *member) (result, dest string, more []translator.Part, finish func()) {
	p := m.c.p
	one, _ := p.requestLocal("_attended@transfer/m", "", "", m.c.linkedid)
	if one == nil {
		return transferFailed, "Fail", nil, nothing
	}
	l := one.tech.(*local)
	l.launched = true
	one.track()
	one.setVar("ATTENDEDTRANSFER", m.c.name)
	p.raise("LocalBridge", one.group("LocalOne"), l.two.group("LocalTwo"), translator.Header("Context", l.context),
		translator.Header("Exten", l.exten), translator.Header("LocalOptimization", "Yes"))
	return transferred, "Link", []translator.Part{one.group("LocalOne"), l.two.group("LocalTwo")}, func() {
		l.two.answer()
		other.b.replace(other, l.two)
		m.b.replace(m, one)
	}
}
