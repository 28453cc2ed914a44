package pbx

// SendFlash sends a flash hook out on a channel, or, if Receive, makes it one that came in.
type SendFlash struct {
	ID      uint64
	Channel string
	Receive bool
}

func (SendFlash) input() {}

// HasChannel says whether there is a channel of that name or uniqueid: all that an action on its media asks of a PBX without any.
func (p *PBX) HasChannel(name string) bool { return p.find(name) != nil }

func (p *PBX) sendFlash(in SendFlash) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "Channel not found")
		return
	}
	p.reply(in.ID, "Flash successfully queued")
	if in.Receive {
		c.queue(frame{kind: frameFlash})
		return
	}
	c.tech.indicate(c, frameFlash)
}
