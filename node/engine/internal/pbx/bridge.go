package pbx

import (
	"slices"

	"github.com/amibus/amibus/translator"
)

// bridge is where channels hear each other.
type bridge struct {
	p                    *PBX
	seq                  uint64 // in the order in which they came
	id, kind, technology string
	creator, name        string
	members              []*member
	rules                bridgeRules
	transfer             *transfer // the attended one that it is part of
	dissolved            bool      // nobody enters any more, who is in it is on the way out
	destroyed            bool
	keep                 bool // when it is empty
}

// bridgeRules are what may be done with a bridge.
type bridgeRules uint8

const (
	noMergeTo   bridgeRules = 1 << iota // nobody's members are merged into it
	noMergeFrom                         // nor its into others
	noSwapTo                            // no Local channel in it gives its place to who is behind it
	noSwapFrom                          // nobody leaves it for such a place
	noTransfer
)

// member is a channel's place in a bridge.
type member struct {
	b       *bridge
	c       *channel
	left    func()  // called when it has left
	part    func()  // called when it is about to leave, once; may be nil
	parked  *parked // what it waits for in a parking lot
	leaving bool    // it was told to leave
}

// newBridge makes a bridge and says BridgeCreate.
func (p *PBX) newBridge(kind, technology, creator, name string) *bridge {
	p.bridgeSeq++
	b := &bridge{p: p, seq: p.bridgeSeq, id: p.uuid(), kind: kind, technology: technology, creator: creator, name: name}
	p.bridges[b.id] = b
	p.raise("BridgeCreate", b.group(""))
	return b
}

// newBasic makes a bridge for a call.
func (p *PBX) newBasic() *bridge { return p.newBridge("basic", simpleBridge, "", "") }

// basic bridges are those of calls. They are over when fewer than two are left, but for an attended transfer's.
func (b *bridge) basic() bool { return b.kind == "basic" }

func (b *bridge) snapshot() *translator.Bridge {
	return &translator.Bridge{
		Uniqueid: b.id, Type: b.kind, Technology: b.technology, Creator: b.creator, Name: b.name, VideoMode: "none", Channels: len(b.members),
	}
}

func (b *bridge) group(role string) translator.Part {
	return translator.BridgeGroup(role, b.snapshot())
}

// enter brings a channel in. left is called when it is out again; at once if the bridge takes nobody any more.
func (b *bridge) enter(c *channel, left func()) *member { return b.admit(c, left, true) }

// admit is enter; without colp nobody is shown who the others are, as who was dialled knows that.
func (b *bridge) admit(c *channel, left func(), colp bool) *member {
	m := &member{b: b, c: c, left: left}
	if b.refuses(c) {
		b.p.soon(left)
		return m
	}
	b.put(m, nil)
	b.reconfigure(colp)
	return m
}

// refuses says whether a channel cannot come in: it would hear itself through a Local channel, or the bridge is over.
func (b *bridge) refuses(c *channel) bool {
	if b.dissolved || c.gone || c.member != nil {
		return true
	}
	l, ok := c.tech.(*local)
	if !ok {
		return false
	}
	other := l.peer(c)
	return other != nil && other.member != nil && other.member.b == b
}

// put makes m a member, in the place of another that is told to leave if swap is not nil.
func (b *bridge) put(m, swap *member) {
	c := m.c
	c.publish()
	m.b, c.member = b, m
	if b.basic() {
		defer b.link()
	}
	var replaced []translator.Part
	if swap != nil {
		swap.tell()
		swap.out()
		replaced = []translator.Part{translator.Header("SwapUniqueid", swap.c.uniqueid)}
	}
	b.members = append(b.members, m)
	b.p.raise("BridgeEnter", append([]translator.Part{b.group(""), translator.Group("", c.last)}, replaced...)...)
	c.eraseVar("BLINDTRANSFER")
	c.eraseVar("ATTENDEDTRANSFER")
	c.read(m.frame)
}

// link makes the calls in the bridge one: all get the oldest linkedid.
func (b *bridge) link() {
	oldest := b.members[0].c
	for _, m := range b.members[1:] {
		if older(m.c.linkedid, oldest.linkedid) {
			oldest = m.c
		}
	}
	for _, m := range b.members {
		m.c.linkedid = oldest.linkedid
	}
}

// peer returns the other one of two, nil if there are not two that talk.
func (b *bridge) peer(c *channel) *channel {
	if len(b.members) != 2 || b.technology == holdingBridge || b.technology == softmix {
		return nil
	}
	if b.members[0].c == c {
		return b.members[1].c
	}
	return b.members[0].c
}

// tell makes a member leave: it has no peer from now on.
func (m *member) tell() {
	if !m.leaving {
		m.leaving = true
		m.c.eraseVar("BRIDGEPEER")
	}
}

// leave takes a channel out, since it hung up or was kicked. That ends a call of two.
func (m *member) leave() {
	b := m.b
	if m.c.member != m {
		return
	}
	hungUp := !m.leaving
	m.tell()
	if x := b.transfer; x != nil && hungUp && m.c == x.by {
		x.tell(transfererLeft)
	} else if x == nil && hungUp && b.basic() && b.staying() < 2 {
		b.dissolve()
	}
	m.depart()
}

// dismiss takes a channel out and leaves the bridge to the others.
func (m *member) dismiss() {
	if m.c.member == m {
		m.tell()
		m.depart()
	}
}

// depart is the end of a stay: the channel goes on with what it did before.
func (m *member) depart() {
	m.out()
	m.b.reconfigure(true)
	m.b.p.soon(m.left)
}

// staying counts who was not told to leave.
func (b *bridge) staying() (n int) {
	for _, m := range b.members {
		if !m.leaving {
			n++
		}
	}
	return n
}

// dissolve tells all to leave. The bridge is destroyed when they have.
func (b *bridge) dissolve() {
	if b.dissolved {
		return
	}
	b.dissolved = true
	for _, m := range b.members {
		if !m.leaving {
			m.tell()
			b.p.soon(m.leave)
		}
	}
	b.vanish()
}

// vanish destroys a bridge that nobody is in any more.
func (b *bridge) vanish() {
	if len(b.members) == 0 && (b.dissolved || !b.keep && b.transfer == nil) {
		b.dissolved = true
		b.p.soon(b.destroy)
	}
}

// eraseVar unsets a variable if it is set, and says so then.
func (c *channel) eraseVar(name string) {
	if c.vars.get(name) != "" {
		c.unsetVar(name)
	}
}

// out takes the member out and says so, no more.
func (m *member) out() {
	b, c := m.b, m.c
	if part := m.part; part != nil {
		m.part = nil
		part()
	}
	c.unread()
	c.arrived()
	c.member = nil
	b.members = slices.DeleteFunc(b.members, func(x *member) bool { return x == m })
	if c.cause == 0 {
		c.cause = 16
	}
	c.publish()
	b.p.raise("BridgeLeave", b.group(""), translator.Group("", c.last))
	if b.transfer != nil && m.leaving {
		b.transfer.pulled(b)
	}
	b.vanish()
}

// destroy says BridgeDestroy; whoever is in it leaves first.
func (b *bridge) destroy() {
	if b.destroyed {
		return
	}
	b.dissolved, b.destroyed = true, true
	for len(b.members) > 0 {
		b.members[0].leave()
	}
	delete(b.p.bridges, b.id)
	b.p.raise("BridgeDestroy", b.group(""))
}

// connect bridges a caller with who answered. done is called when the caller is out again.
func (p *PBX) connect(caller, peer *channel, done func()) {
	b := p.newBasic()
	b.admit(peer, peer.released, false)
	if caller.gone {
		return
	}
	b.admit(caller, done, false)
}

// released is what becomes of a channel without a dialplan when its bridge is over: it goes where it was sent, or ends.
func (c *channel) released() {
	if c.gone || c.member != nil {
		return
	}
	if c.flags&flagRedirect != 0 {
		c.arrived()
		c.flags &^= flagRedirect
		c.run(nil)
		return
	}
	if after := c.after; after != nil {
		if c.after = nil; after() {
			return
		}
	}
	c.hangup()
}
