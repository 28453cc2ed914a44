package pbx

import (
	"cmp"
	"time"
)

// transfer is an attended transfer by feature code under way. Who makes it goes to and fro between two bridges: the first one, where the
// others are, and the second one, with the target. It goes on by what is told to it, one after the other, as Asterisk's monitor thread does.
type transfer struct {
	p             *PBX
	by, target    *channel
	first, second *bridge
	state         transferState
	star          bool // of a code of two digits, the first was dialled
	timer         *timer
	recall        *channel // the one who made it, called back
	place         string   // where to ring that one
	over          bool
}

// transferState is where a transfer is.
type transferState uint8

const (
	calling        transferState = iota // with the target, who has not answered
	hesitant                            // back with the others meanwhile
	consulting                          // with the target
	doubleChecking                      // with the others again
	handedOver                          // gone; the target still rings in the first bridge
	recalling                           // is called back, since the target did not answer
)

// stimulus is what a transfer is told.
type stimulus uint8

const (
	transfereeLeft stimulus = iota
	transfererLeft
	targetLeft
	targetAnswered
	recallAnswered
	recallFailed
	noAnswer
	codeAbort // the codes of features.conf: *1, *2, *3, *4
	codeComplete
	codeThreeway
	codeSwap
)

// noAnswerTime is Asterisk's atxfernoanswertimeout.
const noAnswerTime = 15 * time.Second

func (p *PBX) atxfer(in Atxfer) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "Channel specified does not exist")
		return
	}
	p.reply(in.ID, "Atxfer successfully queued")
	if in.Context != "" {
		c.setVar("TRANSFER_CONTEXT", in.Context)
	}
	m := c.member
	if m == nil || m.leaving || c.flags != 0 || !m.b.basic() || m.b.dissolved || m.b.transfer != nil || len(m.b.members) < 2 {
		return // the digits mean nothing
	}
	to := place{cmp.Or(in.Context, c.vars.get("TRANSFER_CONTEXT"), c.place.context), in.Exten, 1}
	x := &transfer{p: p, by: c, first: m.b, place: base(c.name)}
	c.say("Hold")
	m.b.write(frameHold, c)
	if !x.call(to) {
		x.release()
	}
}

// call brings the target, not answered yet, to the second bridge, and who transfers with it. ok is false if it cannot be called.
func (x *transfer) call(to place) (ok bool) {
	p, c := x.p, x.by
	if !c.existsIn(to.context, to.exten) {
		return false
	}
	target, _ := p.requestLocal(to.exten+"@"+to.context, "", "", c.linkedid)
	if target == nil {
		return false
	}
	target.setVar("TRANSFERERNAME", c.name)
	target.setVar("ATTENDEDTRANSFER", c.name)
	target.inherit(c)
	target.connected = c.caller
	target.publish()
	x.target, x.second = target, p.newBasic()
	x.first.transfer, x.second.transfer = x, x
	if !target.tech.call(target) {
		target.hangup()
		x.finish()
		return false
	}
	x.second.enter(target, target.released)
	if c.member != nil {
		c.member.move(x.second, nil, true)
	}
	x.timer = p.after(noAnswerTime, func() { x.tell(noAnswer) })
	return true
}

// release takes the others off hold.
func (x *transfer) release() {
	x.by.say("Unhold")
	x.first.write(frameUnhold, x.by)
}

// tell has something handled when what is due has run.
func (x *transfer) tell(s stimulus) {
	x.p.soon(func() {
		if !x.over {
			x.handle(s)
		}
	})
}

// pulled is called when somebody left one of the bridges for good. If only who transfers is left there, or nobody, the others are gone.
func (x *transfer) pulled(b *bridge) {
	switch {
	case x.over || len(b.members) > 1:
	case x.state >= handedOver:
		x.pulledLater(b)
	case len(b.members) == 1 && b.members[0].c != x.by:
	case b == x.first:
		x.tell(transfereeLeft)
	default:
		x.tell(targetLeft)
	}
}

// pulledLater is pulled once who transferred is gone: the target and the others are in the first bridge.
func (x *transfer) pulledLater(b *bridge) {
	in := x.target.member != nil && x.target.member.b == b
	switch {
	case b != x.first:
	case len(b.members) == 0 || in && x.state == handedOver:
		x.tell(transfereeLeft)
	case x.state == handedOver:
		x.tell(recallFailed)
	}
}

func (x *transfer) handle(s stimulus) {
	switch x.state {
	case calling, hesitant:
		x.whileCalling(s)
	case consulting, doubleChecking:
		x.whileTalking(s)
	case handedOver:
		x.whileHandedOver(s)
	case recalling:
		x.whileRecalling(s)
	}
}

// whileCalling: the target has not answered.
func (x *transfer) whileCalling(s stimulus) {
	switch s {
	case transfereeLeft:
		x.announce(transferFailed, x.parties(), "Fail")
		x.fail()
	case transfererLeft, codeComplete:
		if x.state == calling {
			x.first.write(frameUnhold, nil)
		}
		x.state = handedOver
		if x.complete(); !x.over {
			x.restart()
		}
	case targetAnswered:
		x.p.stop(x.timer)
		x.state += consulting - calling
	case targetLeft, noAnswer, codeAbort:
		x.back()
	case codeThreeway:
		x.threeway()
	case codeSwap:
		x.swap()
	}
}

// whileTalking: the target has answered.
func (x *transfer) whileTalking(s stimulus) {
	switch s {
	case transfereeLeft:
		if x.state == consulting { // the two talk on, in a call like any other
			x.over, x.first.transfer, x.second.transfer = true, nil, nil
			x.first.dissolve()
			x.second.resume()
			return
		}
		x.announce(transferFailed, x.parties(), "Fail")
		x.fail()
	case transfererLeft, codeComplete:
		if x.state == consulting {
			x.first.write(frameUnhold, nil)
		} else {
			x.second.write(frameUnhold, nil)
		}
		if x.complete(); !x.over {
			x.finish()
		}
	case targetLeft, codeAbort:
		x.back()
	case codeThreeway:
		x.threeway()
	case codeSwap:
		x.swap()
	}
}

// code takes the digits that tell a transfer what to do. ok is false for what is none.
func (x *transfer) code(f frame) (ok bool) {
	if f.kind != frameDTMFEnd && f.kind != frameDTMFBegin {
		return false
	}
	star := x.star
	if f.kind == frameDTMFBegin {
		return star || f.digit == '*'
	}
	x.star = !star && f.digit == '*'
	if star && f.digit >= '1' && f.digit <= '4' {
		x.tell(codeAbort + stimulus(f.digit-'1'))
		return true
	}
	return x.star
}

func (p *PBX) cancelAtxfer(in CancelAtxfer) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "Channel specified does not exist")
		return
	}
	p.reply(in.ID, "CancelAtxfer successfully queued")
	if m := c.member; m != nil && m.b.transfer != nil && m.b.transfer.by == c {
		m.b.transfer.tell(codeAbort)
	}
}
