package pbx

import (
	"cmp"
	"slices"

	"github.com/amibus/amibus/translator"
)

// The results of a transfer.
const (
	transferred       = "Success"
	transferFailed    = "Fail"
	transferInvalid   = "Invalid"
	transferForbidden = "Not Permitted"
)

// transferErrors is what the action says of a result.
var transferErrors = map[string]string{transferFailed: "Transfer failed", transferInvalid: "Transfer invalid", transferForbidden: "Transfer not permitted"}

func (p *PBX) blindTransfer(in BlindTransfer) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "Channel specified does not exist")
		return
	}
	in.Context = cmp.Or(in.Context, c.place.context)
	about := []translator.Part{c.group("Transferer")}
	if m := c.member; m != nil {
		if peer := m.b.peer(c); peer != nil {
			about = append(about, peer.group("Transferee"))
		}
		about = append(about, m.b.group(""))
	}
	result, finish := c.transferTo(place{in.Context, in.Exten, 1})
	if text := transferErrors[result]; text != "" {
		p.fail(in.ID, text)
	} else {
		p.reply(in.ID, "Transfer succeeded")
	}
	p.raise("BlindTransfer", slices.Concat([]translator.Part{translator.Header("Result", result)}, about, []translator.Part{
		translator.Header("IsExternal", "Yes"), translator.Header("Context", in.Context), translator.Header("Extension", in.Exten)})...)
	finish()
}

func nothing() {}

// transferTo sends whom the channel talks to elsewhere: to a parking lot if there is a Park, one channel by its dialplan, more of them by
// a Local channel in the place of who transfers. finish is what follows once that is said.
func (c *channel) transferTo(to place) (result string, finish func()) {
	m := c.member
	if m == nil || m.leaving {
		return transferInvalid, nothing
	}
	b := m.b
	c.say("Unhold")
	b.write(frameUnhold, c)
	if c.parksAt(to) {
		return transferred, nothing
	}
	switch {
	case len(b.members) < 2:
		return transferInvalid, nothing
	case b.rules&noTransfer != 0:
		return transferForbidden, nothing
	}
	c.sayTransfer("BLINDTRANSFER", "ATTENDEDTRANSFER")
	if len(b.members) > 2 {
		return m.replaceBy(to)
	}
	peer := b.peer(c)
	if peer == nil || !peer.movable() {
		return transferFailed, nothing
	}
	return transferred, func() { peer.send(to) }
}

// sayTransfer sets the variable that names who transfers in all members, and in that one whom it was bridged with.
func (c *channel) sayTransfer(set, erase string) {
	peer := c.vars.get("BRIDGEPEER")
	members := slices.Clone(c.member.b.members)
	slices.SortStableFunc(members, func(x, y *member) int {
		if x.c == c {
			return -1
		} else if y.c == c {
			return 1
		}
		return 0
	})
	for _, m := range members {
		value := c.name
		if m.c == c {
			value = peer
		}
		m.c.setVar(set, value)
		m.c.eraseVar(erase)
	}
}

// parksAt parks whom the channel talks to if a place is one of Park. ok is false if it is not, or if it cannot.
func (c *channel) parksAt(to place) (ok bool) {
	step, found := c.p.step(Query{Context: to.context, Exten: to.exten, Priority: 1, CallerID: c.caller.num, Time: c.p.now})
	if !found || lower(step.App) != "park" || c.member.b.transfer != nil {
		return false
	}
	peer := c.member.b.peer(c)
	if peer == nil || peer.member.leaving {
		return false
	}
	l := c.p.lots[cmp.Or(at(split(step.Args), 0), c.vars.get("PARKINGLOT"), "default")]
	return l != nil && l.free(0) != 0 && l.parkChannel(peer, c, parking{})
}

// replaceBy calls a place by a Local channel, which then takes the place of a member.
func (m *member) replaceBy(to place) (result string, finish func()) {
	b := m.b
	c, _ := b.p.requestLocal(to.exten+"@"+to.context, "", "", m.c.linkedid)
	if c == nil {
		return transferFailed, nothing
	}
	c.setVar("BLINDTRANSFER", m.c.name)
	if !c.tech.call(c) {
		c.hangup()
		return transferFailed, nothing
	}
	return transferred, func() { b.replace(m, c) }
}

// replace lets a new channel take a member's place.
func (b *bridge) replace(m *member, c *channel) {
	b.take(&member{b: b, c: c, left: c.released}, m)
	b.p.soon(m.left)
	b.reconfigure(true)
}
