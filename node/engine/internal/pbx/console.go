package pbx

import (
	"maps"
	"slices"
	"time"

	"github.com/amibus/amibus/translator"
)

// What follows is for the console's commands: what they show that no action does. The PBX must not be stepped meanwhile.

// Shown is a channel as the console shows it.
type Shown struct {
	translator.Channel
	Kind, Bridge string
	Age          time.Duration // since it was made
	Limit        int64         // when AbsoluteTimeout ends it, in Unix time; 0: never
	Variables    []translator.Variable
}

func (c *channel) onConsole() Shown {
	s := Shown{Channel: *c.snapshot(), Kind: c.tech.kind(), Bridge: c.bridgeID(), Age: c.p.now.Sub(c.created), Variables: slices.Clone(c.vars)}
	if c.limit != nil && c.limit.index >= 0 {
		s.Limit = c.limit.at.Unix()
	}
	return s
}

// Channels are all channels, the oldest first.
func (p *PBX) Channels() []Shown {
	var all []Shown
	for _, c := range p.all() {
		all = append(all, c.onConsole())
	}
	return all
}

// Channel finds one by name or uniqueid.
func (p *PBX) Channel(name string) (s Shown, ok bool) {
	c := p.find(name)
	if c == nil {
		return Shown{}, false
	}
	return c.onConsole(), true
}

// Calls counts the calls as Asterisk does: the channels that run the dialplan, now and ever.
func (p *PBX) Calls() (active, processed int) {
	for _, c := range p.channels {
		if c.thread != nil {
			active++
		}
	}
	return active, p.threads
}

// Database lists the keys that a test passes, as /FAMILY/KEY, with their values, in order.
func (p *PBX) Database(fits func(key string) bool) []translator.Variable {
	var list []translator.Variable
	for _, key := range slices.Sorted(maps.Keys(p.db)) {
		if name := "/" + key; fits(name) {
			list = append(list, translator.Variable{Name: name, Value: p.db[key]})
		}
	}
	return list
}

// ParkedCall is a call in a lot.
type ParkedCall struct {
	Space           int
	Channel, Parker string
}

// InLot lists the calls of a lot, by space.
func (p *PBX) InLot(name string) []ParkedCall {
	l := p.lots[name]
	if l == nil {
		return nil
	}
	var list []ParkedCall
	for _, n := range slices.Sorted(maps.Keys(l.calls)) {
		call := l.calls[n]
		list = append(list, ParkedCall{n, call.c.name, call.parker})
	}
	return list
}

// Announce raises an event about the node, not about a call.
type Announce struct {
	ID    uint64
	Event translator.Raised
}

func (Announce) input() {}

func (p *PBX) announce(in Announce) {
	p.raise(in.Event.Name, in.Event.Parts...)
	p.reply(in.ID, "")
}

// ShownHint is an extension that has a hint.
type ShownHint struct{ Context, Exten, Devices, State string }

// ShownHints lists the extensions with hints, in Asterisk's order.
func (p *PBX) ShownHints() []ShownHint {
	var list []ShownHint
	for _, e := range p.ExtensionStates() {
		var h ShownHint
		for _, part := range e.Parts {
			switch part.Name {
			case "Exten":
				h.Exten = part.Value
			case "Context":
				h.Context = part.Value
			case "Hint":
				h.Devices = part.Value
			case "StatusText":
				h.State = part.Value
			}
		}
		list = append(list, h)
	}
	return list
}
