package pbx

import (
	"time"

	"github.com/amibus/amibus/translator"
)

// snapshot is what the channel is now. It is the last one published if nothing changed.
func (c *channel) snapshot() *translator.Channel {
	s := translator.Channel{
		Name: c.name, Uniqueid: c.uniqueid, Linkedid: c.linkedid, State: c.state,
		CallerNum: c.caller.num, CallerName: c.caller.name, ConnectedNum: c.connected.num, ConnectedName: c.connected.name,
		Language: c.language, AccountCode: c.account, Context: c.place.context, Exten: c.place.exten, Priority: c.place.priority,
		Application: c.app, AppData: c.data, Presentation: c.presentation(), Cause: c.cause, Gone: c.gone,
	}
	if names := c.p.cfg.ChannelVars; len(names) > 0 {
		s.Vars = make([]translator.Variable, len(names))
		for i, name := range names {
			s.Vars[i] = translator.Variable{Name: name, Value: c.vars.get(name)}
		}
	}
	return &s
}

// publish says what changed since the last time: up to five events.
func (c *channel) publish() {
	if c.last != nil && c.last.Gone {
		return
	}
	old, now := c.last, c.snapshot()
	c.last = now
	c.p.scratch = translator.AppendChange(c.p.scratch[:0], old, now)
	for _, e := range c.p.scratch {
		c.p.out = append(c.p.out, Output{At: c.p.stamp(), Event: e, Old: old, New: now})
	}
}

// say raises an event about the channel as it is now.
func (c *channel) say(name string, parts ...translator.Part) {
	c.p.raise(name, append([]translator.Part{c.group("")}, parts...)...)
}

// sayLast raises an event about the channel as it was published last: as Asterisk does where it takes the snapshot from the cache.
func (c *channel) sayLast(name string, parts ...translator.Part) {
	c.p.raise(name, append([]translator.Part{translator.Group("", c.last)}, parts...)...)
}

// group is the channel as a group of headers.
func (c *channel) group(role string) translator.Part { return translator.Group(role, c.snapshot()) }

func (p *PBX) raise(name string, parts ...translator.Part) {
	p.out = append(p.out, Output{At: p.stamp(), Event: translator.Raised{Name: name, Parts: parts}})
}

// stamp is the time of the next event: later than that of the one before, as it would be if saying something took time.
func (p *PBX) stamp() time.Time {
	at := p.now
	if !at.After(p.said) {
		at = p.said.Add(time.Microsecond)
	}
	p.said = at
	return at
}
