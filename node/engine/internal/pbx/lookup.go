package pbx

import (
	"fmt"
	"strings"
	"time"
)

// Now is the time of the last step.
func (p *PBX) Now() time.Time { return p.now }

// find returns a channel by name or uniqueid, in any case as Asterisk does, nil if there is none.
func (p *PBX) find(name string) *channel {
	if c := p.names[name]; c != nil {
		return c
	}
	if c := p.channels[name]; c != nil || name == "" {
		return c
	}
	if c := p.byName.find(name); c != nil {
		return c
	}
	return p.byID.find(name)
}

// first returns the oldest channel that is asked for, nil if there is none.
func (p *PBX) first(is func(*channel) bool) (first *channel) {
	for _, c := range p.channels {
		if (first == nil || c.seq < first.seq) && is(c) {
			first = c
		}
	}
	return first
}

// Prefixed returns the name of a channel whose name begins so.
func (p *PBX) Prefixed(name string) (full string, ok bool) {
	c := p.names[name]
	if c == nil {
		c = p.first(func(c *channel) bool { return len(c.name) >= len(name) && strings.EqualFold(c.name[:len(name)], name) })
	}
	if c == nil {
		return "", false
	}
	return c.name, true
}

// Peer is the uniqueid of the one that a channel talks to in a bridge of two; ok is false if it does not.
func (p *PBX) Peer(uniqueid string) (peer string, ok bool) {
	c := p.channels[uniqueid]
	if c == nil || c.member == nil || !c.member.b.basic() {
		return "", false
	}
	other := c.member.b.peer(c)
	if other == nil {
		return "", false
	}
	return other.uniqueid, true
}

// Exists says whether there is something to run at a place, for a caller of that number.
func (p *PBX) Exists(context, exten string, priority int, caller string) bool {
	_, ok := p.step(Query{Context: context, Exten: exten, Priority: priority, CallerID: caller, Time: p.now})
	return ok
}

// Priority is that of a label, 0 if there is none.
func (p *PBX) Priority(context, exten, label string) int {
	step, ok := p.cfg.Dialplan.Find(Query{Context: context, Exten: exten, Label: label, Time: p.now})
	if !ok {
		return 0
	}
	return step.Priority
}

// step returns what is to be run at a place of the dialplan, else of the context that the parking lots make.
func (p *PBX) step(q Query) (Step, bool) {
	if s, ok := p.cfg.Dialplan.Find(q); ok {
		return s, true
	}
	if q.Context == parkedCalls && q.Priority == 1 {
		if l := p.lotOf(q.Exten); l != nil {
			return Step{1, "ParkedCall", l.Name + "," + q.Exten}, true
		}
	}
	return Step{}, false
}

// nobody is what is asked where a line of the dialplan is evaluated without a channel: the global variables, and the functions of the
// node.
type nobody struct{ *channel }

func (p *PBX) nobody() Vars { return nobody{&channel{p: p}} }

func (n nobody) Variable(name string) (string, bool) {
	if value, ok := n.p.predefined(name); ok {
		return value, true
	}
	return n.Global(name)
}

func (n nobody) SetVariable(name, value string) { n.p.setGlobal(name, value) }

func (n nobody) Function(name, _ string) (string, error) {
	if !knows(name) {
		return "", ErrNoFunction
	}
	return "", fmt.Errorf("no channel was provided to %s", name)
}

func (n nobody) SetFunction(name, args, _ string) error {
	_, err := n.Function(name, args)
	return err
}

func (n nobody) Warn(text string) { n.p.warn("%s", text) }

// reader is nobody who only reads: what a function sets by the way goes with the channel that there is not.
type reader struct{ Vars }

func (reader) SetVariable(string, string) {}
