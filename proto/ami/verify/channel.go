package verify

import (
	"bytes"
	"slices"
)

// channel is what is known of one, from its Newchannel on, until it is forgotten among the ended ones.
type channel struct {
	id, name string
	past     []string // names it had before a Rename; snapshots made before may still come
	created  Ref
	ended    Ref
	made     bool // the Hangup was Synthetic
	begun    bool // the Newchannel was: there was something before it
	again    bool // another channel had its id before

	state   Ref // the last of Newchannel and Newstate
	is      string
	place   uint64 // hash of Context, Exten, Priority of the last Newexten, 0 if anything else of it came since
	placeAt Ref
	app     string // application of the last Newexten

	digits      []digit
	held, music bool
	unheld      Ref // without having been held
	handlers    []string

	dial      dial // as a destination
	queued    bool // a queue has called it
	answered  Ref  // as a caller: the last destination that answered
	forwarded Ref  // as a caller: a forward whose next dial has not begun yet

	bridge    *bridge
	seat      int    // in bridge.members
	elsewhere string // the bridge it is in, if that was there before the checker
	entered   Ref

	local     *pair
	optimized Ref
	queues    []stay
}

func (ch *channel) gone() bool { return ch.ended.At > 0 }

// maxList bounds what is kept of one channel: digits, handlers, queues, old names.
const maxList = 32

// keep appends v to a bounded list; the oldest goes.
func keep[T any](list []T, v T) []T {
	if len(list) >= maxList {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, v)
}

// channels checks the life of the channels that an event of the main stream names (rules 1, 4, 10 and those that say the same of one event).
func (c *Checker) channels(e *event) {
	n := e.node
	for i := range e.groups {
		g := &e.groups[i]
		if e.spec.name == "Newchannel" && len(g.prefix) == 0 {
			continue
		}
		ch := n.channels[string(g.id)]
		if ch == nil {
			rule := e.spec.before
			if string(g.prefix) == "Dest" {
				rule = e.spec.beforeDest
			}
			if !e.spec.late {
				c.stranger(e, g, rule)
			}
			continue
		}
		if e.spec.name != "Newexten" {
			ch.place = 0
		}
		switch {
		case e.spec.late:
		case ch.gone():
			c.report(e.spec.after, e, []Ref{ch.ended}, "%s of a channel after its Hangup: %s", e.spec.name, ch.id)
		case g.channel != nil && ch.name != string(g.channel) && !slices.Contains(ch.past, string(g.channel)):
			c.report(10, e, []Ref{ch.created}, "channel %s is called %q, its name is %q", ch.id, g.channel, ch.name)
		}
	}
}

// stranger takes a channel whose Newchannel was not seen. If it has begun after others whose Newchannel was, that is an error already.
func (c *Checker) stranger(e *event, g *group, rule Rule) {
	n := e.node
	if s, noted := n.early.seen[string(g.id)]; !noted && n.births.later(g.id) {
		c.report(rule, e, nil, "%s of a channel that began while others were seen to, but without a Newchannel: %s", e.spec.name, g.id)
		rule = 0
	} else if noted {
		rule = s.rule
	}
	n.early.note(g.id, rule, e.ref.At, e.spec.name, n.limit)
}

// generated tells whether Asterisk has made a Uniqueid: such a one does not come again. One chosen by ChannelId may.
func generated(id []byte) bool { _, ok := parseBirth(id); return ok }

func (c *Checker) newchannel(e *event) {
	g, ok := e.group("")
	if !ok || len(g.channel) == 0 {
		c.report(3, e, nil, "Newchannel without Channel or Uniqueid")
	}
	if !ok {
		return
	}
	n := e.node
	old := n.channels[string(g.id)]
	switch s, early := n.early.seen[string(g.id)]; {
	case early && s.rule == 0: // reported
		delete(n.early.seen, string(g.id))
	case early:
		c.report(s.rule, e, []Ref{s.ref}, "the first event of a channel is not its Newchannel: %s", g.id)
		delete(n.early.seen, string(g.id))
	case old == nil:
	case !old.gone():
		c.report(2, e, []Ref{old.created}, "a second Newchannel of a channel that was not hung up: %s", g.id)
		n.drop(old)
	case e.synthetic() && !old.made:
		c.report(2, e, []Ref{old.ended}, "a Synthetic Newchannel after a Hangup that is not: %s", g.id)
	case !e.synthetic() && generated(g.id):
		c.report(2, e, []Ref{old.ended}, "a second Newchannel of a Uniqueid that nobody chose: %s", g.id)
	}
	ch := &channel{id: string(g.id), name: string(g.channel), is: e.value(hChannelState), again: old != nil, begun: e.synthetic()}
	ch.created = Ref{e.ref.At, "Newchannel " + ch.name + " " + ch.id}
	ch.state = ch.created
	if other := n.names[ch.name]; other != nil && len(other.past) == 0 && other.id != ch.id {
		c.report(11, e, []Ref{other.created}, "a live channel has the name %q already: %s", g.channel, other.id)
	}
	n.channels[ch.id], n.names[ch.name] = ch, ch
	n.live++
	if !e.synthetic() {
		n.births.add(g.id)
	}
}

// up is the ChannelState of a channel that was answered.
const up = "6"

func (c *Checker) hangup(e *event) {
	ch := e.live("")
	if g, ok := e.group(""); ok && ch == nil && e.synthetic() && !generated(g.id) { // what events were missed of: the id may be chosen again
		delete(e.node.early.seen, string(g.id))
	}
	if ch == nil {
		return
	}
	if ch.dial.open() && (ch.dial.caller != "" || e.is(hChannelState, up)) { // an Originate that is not answered has none, nor has what ARI dials
		c.report(18, e, []Ref{ch.dial.begun}, "DialBegin without a DialEnd before the Hangup of the destination: %s", ch.id)
	}
	c.unhold(e, ch)
	if in := ch.where(); in != "" {
		c.report(28, e, []Ref{ch.entered}, "BridgeEnter without a BridgeLeave before the Hangup: %s in %s", ch.id, in)
	}
	if ch.forwarded.At > 0 {
		c.report(21, e, []Ref{ch.forwarded}, "no DialBegin of the forwarded destination before the Hangup of the caller: %s", ch.id)
	}
	ch.ended, ch.made = Ref{e.ref.At, "Hangup " + ch.name + " " + ch.id}, e.synthetic()
	e.node.drop(ch)
	if old, full := e.node.ended.put(ch, e.node.limit); full && e.node.channels[old.id] == old {
		delete(e.node.channels, old.id)
	}
}

// drop takes a channel from where live ones are, and gives back what it held.
func (n *node) drop(ch *channel) {
	if n.names[ch.name] == ch {
		delete(n.names, ch.name)
	}
	n.live--
	ch.leave()
	ch.past, ch.digits, ch.handlers, ch.local = nil, nil, nil, nil
}

func (c *Checker) newstate(e *event) {
	ch := e.live("")
	if ch == nil {
		return
	}
	if e.is(hChannelState, ch.is) {
		c.report(7, e, []Ref{ch.state}, "Newstate with the state it had before, %s: %s", ch.is, ch.id)
	} else {
		ch.is = e.value(hChannelState)
	}
	ch.state = Ref{e.ref.At, "Newstate of " + ch.id}
}

// newexten: running a priority again, or another application at it, gives no Newexten; that it was without an application in between
// would show in no event, but something else of the channel would.
func (c *Checker) newexten(e *event) {
	ch := e.live("")
	if ch == nil {
		return
	}
	if len(e.values[hApplication]) == 0 {
		c.report(9, e, nil, "Newexten without an application: %s", ch.id)
	}
	place := uint64(14695981039346656037)
	for _, v := range [][]byte{e.values[hContext], e.values[hExten], e.values[hPriority]} {
		for _, b := range v {
			place = (place ^ uint64(b)) * 1099511628211
		}
		place = (place ^ 0xff) * 1099511628211
	}
	if place == ch.place && ch.app == e.value(hApplication) {
		c.report(9, e, []Ref{ch.placeAt}, "Newexten, but neither the place nor the application has changed: %s", ch.id)
	}
	if ch.app != string(e.values[hApplication]) {
		ch.app = e.value(hApplication)
	}
	ch.place, ch.placeAt = place, Ref{e.ref.At, "Newexten"}
}

// rename is written at once: it may overtake events with the old name, which is therefore kept.
func (c *Checker) rename(e *event) {
	ch := e.live("")
	to := e.value(hNewname)
	if ch == nil || to == "" {
		return
	}
	if e.node.names[ch.name] == ch {
		delete(e.node.names, ch.name)
	}
	ch.past = keep(ch.past, ch.name)
	ch.name = to
	e.node.names[to] = ch
}

func (c *Checker) varset(e *event) {
	none := []byte("none")
	var channel, id []byte
	for i := 2; i < e.msg.Len(); i++ {
		switch name, value, _ := e.msg.Field(i); string(name) {
		case "Channel":
			channel = value
		case "Uniqueid":
			id = value
		case "Variable":
			if bytes.Equal(channel, none) != bytes.Equal(id, none) {
				c.report(13, e, nil, "VarSet of a channel without a Uniqueid, or the other way round")
			}
			return
		}
	}
}

// mark notes something of the channel of e.
func (e *event) mark(set func(*channel)) {
	if ch := e.live(""); ch != nil {
		set(ch)
	}
}

// needs reports e unless the channel has seen the other event before.
func (c *Checker) needs(e *event, rule Rule, other string, seen func(*channel) bool) {
	if ch := e.live(""); ch != nil && !seen(ch) && len(ch.past) == 0 {
		c.report(rule, e, []Ref{ch.created}, "%s before the first %s: %s", e.spec.name, other, ch.id)
	}
}
