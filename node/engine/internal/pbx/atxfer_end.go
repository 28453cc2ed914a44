package pbx

import "github.com/amibus/amibus/translator"

// swap brings who transfers to the other bridge.
func (x *transfer) swap() {
	m := x.by.member
	if m == nil || m.leaving {
		return
	}
	to, next := x.second, x.state-1
	if x.state == calling || x.state == consulting {
		to, next = x.first, x.state+1
	}
	x.by.say("Hold")
	m.b.write(frameHold, x.by)
	if m.move(to, nil, true) {
		x.state = next
	}
	x.by.say("Unhold")
	to.write(frameUnhold, x.by)
}

// back brings who transfers to the others again.
func (x *transfer) back() {
	if m := x.by.member; m != nil && m.b == x.second && m.move(x.first, nil, true) {
		x.release()
	}
	x.finish()
}

// complete makes one call of the two bridges, without who transfers.
func (x *transfer) complete() {
	parties := x.parties()
	if x.first.dissolved || x.second.dissolved {
		x.announce(transferFailed, parties, "Fail")
		x.fail()
		return
	}
	if m := x.by.member; m != nil && (m.b == x.first || m.b == x.second) {
		x.first.merge(x.second, true, m)
		x.p.soon(m.left)
	} else {
		x.first.merge(x.second, true)
	}
	x.announce(transferred, parties, "Bridge", translator.Header("DestBridgeUniqueid", x.first.id))
}

// threeway makes one call of the two bridges.
func (x *transfer) threeway() {
	if x.first.dissolved || x.second.dissolved {
		return
	}
	parties := x.parties()
	x.first.write(frameUnhold, nil)
	x.first.merge(x.second, true)
	x.announce(transferred, parties, "Threeway", translator.Header("DestBridgeUniqueid", x.first.id),
		translator.Header("DestTransfererChannel", x.by.name))
	x.finish()
}

// finish ends the transfer: the first bridge is one like any other, the second one is over.
func (x *transfer) finish() {
	x.over = true
	x.p.stop(x.timer)
	x.first.transfer, x.second.transfer = nil, nil
	if c := x.recall; c != nil && !c.gone && c.member == nil {
		if c.reader != nil {
			c.unread()
			x.sayRecall("DialEnd", translator.Header("DialStatus", "NOANSWER"))
		}
		c.hangup()
	}
	x.second.dissolve()
	x.first.resume()
}

// resume makes a bridge one like any other after a transfer: it is over if fewer than two are left.
func (b *bridge) resume() {
	b.vanish()
	if b.dissolved {
		return
	}
	if b.staying() < 2 {
		b.dissolve()
	}
	b.p.optimizeSoon(b)
}

// fail ends the transfer and all calls in it.
func (x *transfer) fail() {
	first := x.first
	x.finish()
	first.dissolve()
}
