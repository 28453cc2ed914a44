package verify

import "strconv"

// bridge is what is known of one, from its BridgeCreate on.
type bridge struct {
	id        string
	created   Ref
	destroyed Ref
	merged    Ref // into another one
	members   []*channel
	guests    int // members that were there before the checker
	hidden    int // BridgeNumChannels above members and guests, when last looked at
	counted   bool
	left      string // the channel of the BridgeLeave that was its last event, "" if that was another one
	last      Ref
}

func (b *bridge) visible() int { return len(b.members) + b.guests }

func (b *bridge) enter(ch *channel, at Ref) {
	ch.bridge, ch.seat, ch.entered = b, len(b.members), at
	b.members = append(b.members, ch)
}

func (b *bridge) leave(ch *channel) {
	last := b.members[len(b.members)-1]
	b.members[ch.seat], last.seat = last, ch.seat
	b.members[len(b.members)-1] = nil
	b.members = b.members[:len(b.members)-1]
	ch.bridge = nil
}

// where is the bridge a channel is in, "" if none.
func (ch *channel) where() string {
	if ch.bridge != nil {
		return ch.bridge.id
	}
	return ch.elsewhere
}

func (ch *channel) leave() {
	if ch.bridge != nil {
		ch.bridge.leave(ch)
	}
	ch.elsewhere = ""
}

// bridges checks the life of the bridges that an event of the main stream names (25, 26).
func (c *Checker) bridges(e *event) {
	if e.spec.name == "BridgeCreate" || e.spec.late {
		return
	}
	for _, id := range e.bridges {
		switch b := e.node.bridges[string(id)]; {
		case b == nil:
			e.node.earlyB.note(id, 25, e.ref.At, e.spec.name, e.node.limit)
		case b.destroyed.At > 0:
			rule := Rule(26)
			if e.spec.name == "BridgeMerge" {
				rule = 34
			}
			c.report(rule, e, []Ref{b.destroyed}, "%s of a bridge after its BridgeDestroy: %s", e.spec.name, b.id)
		case e.spec.name != "BridgeEnter" && e.spec.name != "BridgeLeave":
			b.left, b.last = "", Ref{e.ref.At, e.spec.name}
		}
	}
}

// bridge returns the live bridge that e is about, nil if it is not known.
func (e *event) bridge() *bridge {
	if len(e.bridges) == 0 {
		return nil
	}
	if b := e.node.bridges[string(e.bridges[0])]; b != nil && b.destroyed.At == 0 {
		return b
	}
	return nil
}

func (c *Checker) bridgeCreate(e *event) {
	if len(e.bridges) == 0 {
		return
	}
	n, id := e.node, e.bridges[0]
	if s, early := n.earlyB.seen[string(id)]; early {
		c.report(25, e, []Ref{s.ref}, "the first event of a bridge is not its BridgeCreate: %s", id)
		delete(n.earlyB.seen, string(id))
	}
	if old := n.bridges[string(id)]; old != nil {
		if old.destroyed.At == 0 {
			c.report(25, e, []Ref{old.created}, "a second BridgeCreate of a bridge: %s", id)
			return
		}
		if !e.synthetic() {
			c.report(26, e, []Ref{old.destroyed}, "a BridgeCreate of a bridge that was destroyed: %s", id)
		}
	}
	b := &bridge{id: string(id)}
	b.created = Ref{e.ref.At, "BridgeCreate " + b.id}
	n.bridges[b.id] = b
	n.standing++
}

func (c *Checker) bridgeDestroy(e *event) {
	if v := e.values[hBridgeNumChannels]; v != nil && string(v) != "0" {
		c.report(29, e, nil, "BridgeNumChannels is %s when the bridge is destroyed, must be 0", v)
	}
	b := e.bridge()
	if b == nil {
		return
	}
	for _, ch := range b.members {
		c.report(29, e, []Ref{ch.entered}, "a channel has not left a bridge that is destroyed: %s in %s", ch.id, b.id)
	}
	if b.guests > 0 {
		c.report(29, e, []Ref{b.created}, "%d channels have not left a bridge that is destroyed: %s", b.guests, b.id)
	}
	for len(b.members) > 0 {
		b.leave(b.members[0])
	}
	e.node.standing--
	b.destroyed = Ref{e.ref.At, "BridgeDestroy " + b.id}
	if old, full := e.node.destroyed.put(b, e.node.limit); full && e.node.bridges[old.id] == old {
		delete(e.node.bridges, old.id)
	}
}

func (c *Checker) bridgeEnter(e *event) {
	b, ch := e.bridge(), e.live("")
	if ch != nil && ch.where() != "" {
		c.report(27, e, []Ref{ch.entered}, "a channel enters a bridge and has not left the last one: %s in %s", ch.id, ch.where())
		ch.leave()
	}
	if ch != nil && ch.optimized.At > 0 {
		c.report(40, e, []Ref{ch.optimized}, "a half that was optimized away enters a bridge: %s", ch.id)
	}
	if ch != nil && ch.dial.byDial && ch.dial.open() {
		c.report(24, e, []Ref{ch.dial.begun}, "a destination enters a bridge before its DialEnd: %s", ch.id)
	}
	if b == nil {
		if ch != nil && len(e.bridges) > 0 {
			ch.elsewhere, ch.entered = string(e.bridges[0]), Ref{e.ref.At, "BridgeEnter of " + ch.id}
		}
		return
	}
	if b.merged.At > 0 {
		c.report(34, e, []Ref{b.merged}, "a channel enters a bridge that was merged into another one: %s", b.id)
	}
	c.swap(e, b)
	switch g, ok := e.group(""); {
	case ch != nil:
		b.enter(ch, Ref{e.ref.At, "BridgeEnter of " + ch.id + " into " + b.id})
	case ok && e.node.channels[string(g.id)] == nil:
		b.guests++
	}
	c.count(e, b)
	b.left, b.last = "", Ref{e.ref.At, e.spec.name}
}

// swap checks that the channel whose place is taken has left just before. Channels that were there before the checker are not known
// to have been in the bridge.
func (c *Checker) swap(e *event, b *bridge) {
	id := e.value(hSwapUniqueid)
	if id == "" || nobody([]byte(id)) {
		return
	}
	out := e.node.channels[id]
	switch {
	case out == nil:
	case out.bridge == b:
		c.report(31, e, []Ref{out.entered}, "a channel takes the place of one that has not left: %s of %s", e.groups[0].id, id)
	case b.left != id && b.last.At > 0:
		c.report(31, e, []Ref{b.last}, "there is another event of the bridge between the BridgeLeave of %s and the BridgeEnter that takes its place", id)
	}
}

func (c *Checker) bridgeLeave(e *event) {
	b := e.bridge()
	if b == nil {
		c.leaveElsewhere(e)
		return
	}
	g, _ := e.group("")
	switch ch := e.node.channels[string(g.id)]; {
	case ch == nil && b.guests > 0:
		b.guests--
	case ch == nil:
		c.report(27, e, []Ref{b.created}, "a channel leaves a bridge that it has not entered: %s", g.id)
	case ch.bridge != b && !ch.gone():
		c.report(27, e, []Ref{ch.created, ch.entered}, "a channel leaves a bridge that it is not in: %s", ch.id)
	case ch.bridge == b:
		c.unhold(e, ch)
		b.leave(ch)
	}
	c.count(e, b)
	b.left, b.last = string(g.id), Ref{e.ref.At, e.spec.name}
}

// leaveElsewhere takes a BridgeLeave of a bridge that was there before the checker.
func (c *Checker) leaveElsewhere(e *event) {
	ch := e.live("")
	if ch == nil || len(e.bridges) == 0 {
		return
	}
	if ch.elsewhere != string(e.bridges[0]) {
		c.report(27, e, []Ref{ch.created, ch.entered}, "a channel leaves a bridge that it is not in: %s", ch.id)
		return
	}
	c.unhold(e, ch)
	ch.leave()
}

// count checks BridgeNumChannels. Announcers and recorders count and do not show, so it may be above what is visible; in a basic
// bridge, which has none but those that were there first, the difference does not grow.
func (c *Checker) count(e *event, b *bridge) {
	num, err := strconv.Atoi(e.value(hBridgeNumChannels))
	if err != nil {
		return
	}
	hidden := num - b.visible()
	switch {
	case hidden < 0:
		c.report(30, e, []Ref{b.created}, "BridgeNumChannels is %d with %d channels in the bridge", num, b.visible())
	case b.counted && hidden > b.hidden && e.is(hBridgeType, "basic"):
		c.report(30, e, []Ref{b.last}, "BridgeNumChannels is %d with %d channels in a basic bridge; before, the difference was %d", num, b.visible(), b.hidden)
	}
	b.hidden, b.counted = hidden, true
}

func (c *Checker) bridgeUpdate(e *event) {
	c.report(32, e, nil, "there is no BridgeUpdate in Asterisk")
}
