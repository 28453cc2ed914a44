package pbx

import (
	"cmp"

	"github.com/amibus/amibus/translator"
)

// transfer is an attended transfer under way: who makes it talks to the target in a second bridge, while the other one waits in the first.
type transfer struct {
	p            *PBX
	by, waiting  *channel
	target       *channel
	first        *bridge
	second       *bridge
	mine, theirs *member // of by and waiting
	talk         *member // of the target, once it has answered
	handedOver   bool    // by is gone, the target has not answered yet
	over         bool
}

func (p *PBX) atxfer(in Atxfer) {
	c := p.find(in.Channel)
	switch {
	case c == nil:
		p.fail(in.ID, "Channel specified does not exist")
		return
	case c.member == nil || !c.member.b.pair || c.member.b.peer(c) == nil || c.flags != 0 || c.transfer != nil:
		p.reply(in.ID, "Atxfer successfully queued") // the digits go nowhere
		return
	}
	p.reply(in.ID, "Atxfer successfully queued")
	if in.Context != "" {
		c.setVar("TRANSFER_CONTEXT", in.Context)
	}
	in.Context = cmp.Or(in.Context, c.vars.get("TRANSFER_CONTEXT"), c.place.context)
	x := &transfer{p: p, by: c, waiting: c.member.b.peer(c), first: c.member.b, mine: c.member}
	x.theirs = x.waiting.member
	target, _ := p.request("Local/"+in.Exten+"@"+in.Context, "", "", c.linkedid)
	if target == nil {
		return
	}
	x.consult(target, in.Exten+"@"+in.Context)
}

// consult moves who transfers to the second bridge, and calls the target.
func (x *transfer) consult(target *channel, resource string) {
	c := x.by
	c.transfer, x.target = x, target
	x.first.forget(c)
	x.first.pair = false
	x.second = x.p.newBridge("basic", "simple_bridge", "", "", false)
	x.mine.out()
	x.second.put(x.mine, "")
	x.waiting.startMusic("")
	x.mine.part = func() { x.p.soon(x.leftBy) }
	x.theirs.part = func() { x.p.soon(x.leftWaiting) }
	target.caller, target.connected = c.connected, c.caller
	target.app, target.data = "AppDial", "(Outgoing Line)"
	target.publish()
	if !target.tech.call(target) {
		target.hangup()
		x.back()
		return
	}
	x.say("DialBegin", translator.Header("DialString", resource))
	target.read(x.heard)
}

func (x *transfer) say(name string, parts ...translator.Part) {
	x.p.raise(name, append([]translator.Part{x.target.group("Dest")}, parts...)...)
}

// heard handles what the target says while it is called.
func (x *transfer) heard(f frame) {
	switch f.kind {
	case frameRinging:
		x.say("DialState", translator.Header("DialStatus", "RINGING"))
	case frameProgress:
		x.say("DialState", translator.Header("DialStatus", "PROGRESS"))
	case frameProceeding:
		x.say("DialState", translator.Header("DialStatus", "PROCEEDING"))
	case frameBusy:
		x.refused("BUSY")
	case frameCongestion:
		x.refused("CONGESTION")
	case frameHangup:
		x.refused(endStatus(x.target.cause))
	case frameAnswer:
		x.target.unread()
		x.say("DialEnd", translator.Header("DialStatus", "ANSWER"))
		x.answered()
	}
}

func (x *transfer) refused(status string) {
	x.target.unread()
	x.say("DialEnd", translator.Header("DialStatus", status))
	x.target.hangup()
	x.back()
}

// answered brings the target to who waits for it.
func (x *transfer) answered() {
	switch {
	case x.handedOver && x.waits():
		x.over = true
		x.waiting.stopMusic()
		x.theirs.part = nil
		x.first.pair = true
		x.announce()
		x.first.enter(x.target, x.target.released)
	case x.over && !x.consults() || x.handedOver:
		x.target.hangup()
	default:
		x.second.pair = x.over // nobody waits any more: it is a call like any other
		x.talk = x.second.enter(x.target, x.target.released)
		if !x.over {
			x.talk.part = func() { x.p.soon(x.leftTarget) }
		}
	}
}

// waits and consults say whether the two who are to be kept apart are still where they were put.
func (x *transfer) waits() bool {
	return x.waiting.member == x.theirs && x.theirs.b == x.first && !x.first.destroyed
}
func (x *transfer) consults() bool {
	return x.by.member == x.mine && x.mine.b == x.second && !x.second.destroyed
}

// leftBy: who transfers hung up, which completes the transfer, now or when the target answers.
func (x *transfer) leftBy() {
	if x.over {
		return
	}
	x.by.transfer = nil
	switch {
	case !x.waits():
		x.over = true
		x.dropTarget()
	case x.talk == nil:
		x.handedOver = true
	case x.target.member == x.talk && x.talk.b == x.second:
		x.over = true
		x.theirs.part, x.talk.part = nil, nil
		x.waiting.stopMusic()
		x.announce()
		x.talk.out()
		x.first.pair = true
		x.first.put(x.talk, "")
	}
}

// leftWaiting: who was to be transferred is gone; the others talk on.
func (x *transfer) leftWaiting() {
	if x.over {
		return
	}
	x.waiting.stopMusic()
	x.over, x.by.transfer = true, nil
	switch {
	case x.handedOver:
		x.dropTarget()
	case x.consults():
		x.mine.part = nil
		if x.talk != nil {
			x.talk.part = nil
		}
		x.second.pair = x.talk != nil
		if x.talk != nil && x.target.member != x.talk {
			x.mine.leave()
		}
	}
}

// leftTarget: the target hung up while it was consulted.
func (x *transfer) leftTarget() { x.back() }

// dropTarget ends a target that nobody waits for any more.
func (x *transfer) dropTarget() {
	switch {
	case x.target.gone:
	case x.talk == nil:
		x.target.softHangup(0)
	case x.target.member == x.talk:
		x.talk.leave()
	}
}

// back brings the two together again as they were before.
func (x *transfer) back() {
	if x.over {
		if x.handedOver || !x.consults() {
			return
		}
		x.mine.leave() // alone: whom it could go back to is gone
		return
	}
	x.over, x.by.transfer = true, nil
	x.mine.part, x.theirs.part = nil, nil
	x.waiting.stopMusic()
	switch {
	case x.consults() && x.waits():
		x.mine.out()
		x.first.pair = true
		x.first.put(x.mine, "")
	case x.consults():
		x.mine.leave()
	case x.waits():
		x.theirs.leave()
	}
}

// announce says AttendedTransfer.
func (x *transfer) announce() {
	x.p.raise("AttendedTransfer", translator.Header("Result", "Success"),
		translator.Group("OrigTransferer", x.by.last), x.first.group("Orig"),
		translator.Group("SecondTransferer", x.by.last), x.second.group("Second"),
		x.waiting.group("Transferee"), x.target.group("TransferTarget"),
		translator.Header("IsExternal", "No"), translator.Header("DestType", "Bridge"), translator.Header("DestBridgeUniqueid", x.first.id))
}

func (p *PBX) cancelAtxfer(in CancelAtxfer) {
	c := p.find(in.Channel)
	switch {
	case c == nil:
		p.fail(in.ID, "Channel specified does not exist")
	case c.transfer == nil:
		p.reply(in.ID, "CancelAtxfer successfully queued") // the digits mean nothing
	default:
		p.reply(in.ID, "CancelAtxfer successfully queued")
		x := c.transfer
		if x.talk != nil {
			x.talk.part = nil
		}
		if x.talk == nil && !x.target.gone {
			x.refused("CANCEL")
			return
		}
		x.back()
		x.dropTarget()
	}
}
