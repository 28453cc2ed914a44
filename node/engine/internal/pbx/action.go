package pbx

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

// handle does what an input asks for.
func (p *PBX) handle(in Input) {
	switch in := in.(type) {
	case Originate:
		p.originate(in)
	case Incoming:
		p.incoming(in)
	case Hangup:
		p.hangUp(in)
	case HangupMatching:
		p.hangUpMatching(in)
	case UserEvent:
		p.reply(in.ID, "Event Sent")
		p.raise("UserEvent", append([]translator.Part{translator.Header("UserEvent", in.Name)}, in.Body...)...)
	case HangupFar:
		if c := p.find(in.Channel); c != nil {
			c.queueHangup(cmp.Or(in.Cause, 16))
		}
	case Redirect:
		p.redirect(in)
	case Bridge:
		p.bridge(in)
	case BridgeDestroy:
		p.bridgeDestroy(in)
	case BridgeKick:
		p.bridgeKick(in)
	case BlindTransfer:
		p.blindTransfer(in)
	case Atxfer:
		p.atxfer(in)
	case AbsoluteTimeout:
		p.absoluteTimeout(in)
	case LocalOptimizeAway:
		p.optimizeAway(in)
	case AttendedTransfer:
		p.attendedTransfer(in)
	case CancelAtxfer:
		p.cancelAtxfer(in)
	case Park:
		p.parkAction(in)
	case PlayDTMF:
		p.playDTMF(in)
	case SetVar:
		p.setVariable(in)
	case Hold:
		p.hold(in)
	case Announce:
		p.announce(in)
	case Reload:
		p.reload(in)
	case SendFlash:
		p.sendFlash(in)
	case ExtensionState:
		p.extensionState(in)
	case DBPut:
		p.dbPutAction(in)
	case DBDel:
		p.dbDelAction(in)
	}
}

func (p *PBX) reply(id uint64, text string) {
	if id != 0 {
		p.out = append(p.out, Output{At: p.now, Reply: &Reply{ID: id, Text: text}})
	}
}

func (p *PBX) fail(id uint64, text string) {
	if id != 0 {
		p.out = append(p.out, Output{At: p.now, Reply: &Reply{ID: id, Error: text}})
	}
}

func resource(dial string) string {
	_, resource, _ := strings.Cut(dial, "/")
	return resource
}

func (p *PBX) hangUp(in Hangup) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "No such channel")
		return
	}
	p.reply(in.ID, "Channel Hungup")
	c.softHangup(in.Cause)
}

func (p *PBX) hangUpMatching(in HangupMatching) {
	r := &Reply{ID: in.ID}
	matching := slices.DeleteFunc(p.all(), func(c *channel) bool { return !in.Match(c.name) })
	for _, c := range matching {
		r.Items = append(r.Items, translator.Raised{Name: "ChannelHungup", Parts: []translator.Part{translator.Header("Channel", c.name)}})
	}
	p.out = append(p.out, Output{At: p.now, Reply: r})
	for _, c := range matching {
		c.softHangup(in.Cause)
	}
}

// send makes a channel go on somewhere else. ok is false for one that cannot: it is still being called, or about to end.
func (c *channel) send(to place) (ok bool) {
	if !c.movable() {
		return false
	}
	c.redirectTo(to)
	return true
}

// redirectTo stops what the channel does in order to go on somewhere else.
func (c *channel) redirectTo(to place) {
	c.goTo = to
	c.flags |= flagRedirect
	c.wake()
}

// arrived is where a redirect takes effect.
func (c *channel) arrived() {
	if c.flags&flagRedirect != 0 {
		c.place = c.goTo
	}
}

func (c *channel) movable() bool {
	return c.flags&flagHangup == 0 && (c.member != nil || c.thread != nil && !c.thread.ending)
}

func (p *PBX) redirect(in Redirect) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "Channel does not exist: "+in.Channel)
		return
	}
	if c.flags&flagHangup != 0 {
		p.fail(in.ID, "Redirect failed, channel not up.")
		return
	}
	to := place{in.Context, in.Exten, max(in.Priority, 1)}
	if in.Extra == "" {
		if !c.send(to) {
			p.fail(in.ID, "Redirect failed")
			return
		}
		p.reply(in.ID, "Redirect successful")
		return
	}
	extra := p.find(in.Extra)
	if extra == nil {
		p.fail(in.ID, "ExtraChannel does not exist: "+in.Extra)
		return
	}
	if extra.flags&flagHangup != 0 {
		p.fail(in.ID, "Redirect failed, extra channel not up.")
		return
	}
	other := to
	if in.ExtraContext != "" {
		other = place{in.ExtraContext, in.ExtraExten, max(in.ExtraPriority, 1)}
	}
	switch {
	case !c.send(to):
		p.fail(in.ID, "Redirect failed")
	case !extra.send(other):
		p.fail(in.ID, "Secondary redirect failed")
	default:
		p.reply(in.ID, "Dual Redirect successful")
	}
}

func (p *PBX) playDTMF(in PlayDTMF) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "Channel not found")
		return
	}
	p.reply(in.ID, "DTMF successfully queued")
	d := min(in.Duration, time.Minute)
	if in.Receive {
		if d > 0 {
			c.queue(frame{kind: frameDTMFBegin, digit: in.Digit})
		}
		p.after(d, func() { c.queue(frame{kind: frameDTMFEnd, digit: in.Digit, duration: d}) })
		return
	}
	d = cmp.Or(d, defaultDigit)
	c.tech.digit(c, in.Digit, true, 0)
	p.after(d, func() {
		if !c.gone {
			c.tech.digit(c, in.Digit, false, d)
		}
	})
}

func (p *PBX) setVariable(in SetVar) {
	vars := p.nobody()
	if in.Channel != "" {
		c := p.find(in.Channel)
		if c == nil {
			p.fail(in.ID, "No such channel")
			return
		}
		vars = c
	}
	if !p.cfg.Dialplan.Set(in.Name, in.Value, vars) {
		p.fail(in.ID, "Variable not set")
		return
	}
	p.reply(in.ID, "Variable Set")
}

func (p *PBX) hold(in Hold) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "No such channel")
		return
	}
	p.reply(in.ID, "")
	what := frameUnhold
	if in.On {
		what = frameHold
	}
	c.queue(frame{kind: what})
}

func (p *PBX) absoluteTimeout(in AbsoluteTimeout) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "No such channel")
		return
	}
	p.reply(in.ID, "Timeout Set")
	p.stop(c.limit)
	if in.After > 0 {
		c.limit = p.after(in.After, func() { c.expired = true; c.softHangup(0) })
	}
}

func (p *PBX) optimizeAway(in LocalOptimizeAway) {
	c := p.find(in.Channel)
	if c == nil {
		p.fail(in.ID, "Channel does not exist.")
		return
	}
	l, ok := c.tech.(*local)
	if !ok {
		p.fail(in.ID, "Unable to find channel")
		return
	}
	p.reply(in.ID, "Queued channel to be optimized away")
	l.keep = false
	p.after(settle, l.optimize)
}
