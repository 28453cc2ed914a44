package pbx

import (
	"cmp"

	"github.com/amibus/amibus/translator"
)

func (p *PBX) blindTransfer(in BlindTransfer) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "Channel specified does not exist")
		return
	}
	in.Context = cmp.Or(in.Context, c.place.context)
	to := []translator.Part{translator.Header("IsExternal", "Yes"), translator.Header("Context", in.Context), translator.Header("Extension", in.Exten)}
	if c.member == nil || c.member.b.peer(c) == nil {
		p.fail(in.ID, "Transfer invalid")
		p.raise("BlindTransfer", append([]translator.Part{translator.Header("Result", "Invalid"), c.group("Transferer")}, to...)...)
		return
	}
	peer, b := c.member.b.peer(c), c.member.b
	if !peer.movable() {
		p.fail(in.ID, "Transfer failed")
		return
	}
	p.reply(in.ID, "Transfer succeeded")
	c.say("Unhold")
	c.setVar("BLINDTRANSFER", peer.name)
	peer.setVar("BLINDTRANSFER", c.name)
	p.raise("BlindTransfer", append([]translator.Part{
		translator.Header("Result", "Success"), c.group("Transferer"), peer.group("Transferee"), b.group(""),
	}, to...)...)
	peer.send(place{in.Context, in.Exten, 1})
}
