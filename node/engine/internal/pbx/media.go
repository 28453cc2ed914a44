package pbx

// SendFlash sends a flash hook out on a channel, or, if Receive, makes it one that came in.
type SendFlash struct {
	ID      uint64
	Channel string
	Receive bool
}

// MediaAction is one that does nothing to a PBX without media but to need its channel: SendText, MuteAudio, PlayMF. NoChannel and Done are
// how its answers word it.
type MediaAction struct {
	ID                       uint64
	Channel, NoChannel, Done string
}

func (SendFlash) input()   {}
func (MediaAction) input() {}

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

func (p *PBX) mediaAction(in MediaAction) {
	if p.find(in.Channel) == nil {
		p.fail(in.ID, in.NoChannel)
		return
	}
	p.reply(in.ID, in.Done)
}
