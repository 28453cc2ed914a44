package verify

import "slices"

// Parking: a stream of its own, so a ParkedCall may come before the Newchannel of the call.

// parking is a call that is parked.
type parking struct {
	ref   Ref
	place string // lot and space
}

func (c *Checker) park(e *event) {
	g, ok := e.group("Parkee")
	if !ok {
		return
	}
	if old, parked := e.node.parked[string(g.id)]; parked {
		c.report(42, e, []Ref{old.ref}, "a second ParkedCall of a call that is parked: %s", g.id)
	}
	e.occupy(g)
}

// occupy parks the call of e.
func (e *event) occupy(g group) {
	id, place := string(g.id), e.value(hParkinglot)+"\n"+e.value(hParkingSpace)
	e.node.vacate(id)
	e.node.parked[id] = parking{Ref{e.ref.At, e.spec.name + " of " + id}, place}
	e.node.places[place] = id
}

func (n *node) vacate(id string) {
	place := n.parked[id].place
	delete(n.parked, id)
	if n.places[place] == id {
		delete(n.places, place)
	}
}

func (c *Checker) unpark(e *event) {
	g, ok := e.group("Parkee")
	if !ok {
		return
	}
	if _, parked := e.node.parked[string(g.id)]; !parked {
		if ch := e.channel("Parkee"); ch != nil {
			c.report(42, e, []Ref{ch.created}, "%s of a call that is not parked: %s", e.spec.name, ch.id)
		}
	}
	e.node.vacate(string(g.id))
}

// parkSwap parks a call in the place of another one.
func (c *Checker) parkSwap(e *event) {
	if g, ok := e.group("Parkee"); ok {
		e.node.vacate(e.node.places[e.value(hParkinglot)+"\n"+e.value(hParkingSpace)])
		e.occupy(g)
	}
}

// stay is that of a channel in a queue, or in one before.
type stay struct {
	queue        string
	joined, left Ref
	connected    bool
}

// stay returns that of the channel of e in the queue of e, and reports e if there was none.
func (c *Checker) stay(e *event) *stay {
	ch := e.channel("")
	if ch == nil {
		return nil
	}
	for i := range ch.queues {
		if s := &ch.queues[i]; e.is(hQueue, s.queue) {
			return s
		}
	}
	c.report(43, e, []Ref{ch.created}, "%s without a QueueCallerJoin: %s in %s", e.spec.name, ch.id, e.value(hQueue))
	return nil
}

func (c *Checker) queueJoin(e *event) {
	ch := e.live("")
	if ch == nil {
		return
	}
	i := slices.IndexFunc(ch.queues, func(s stay) bool { return e.is(hQueue, s.queue) })
	if i >= 0 {
		if s := &ch.queues[i]; s.left.At == 0 {
			c.report(43, e, []Ref{s.joined}, "a second QueueCallerJoin without a QueueCallerLeave: %s in %s", ch.id, s.queue)
		}
		ch.queues = slices.Delete(ch.queues, i, i+1)
	}
	ch.queues = keep(ch.queues, stay{queue: e.value(hQueue), joined: Ref{e.ref.At, "QueueCallerJoin of " + ch.id}})
}

func (c *Checker) queueLeave(e *event) {
	s := c.stay(e)
	if s == nil {
		return
	}
	if s.left.At > 0 {
		c.report(43, e, []Ref{s.left}, "a second QueueCallerLeave: %s", s.queue)
	}
	s.left = Ref{e.ref.At, "QueueCallerLeave"}
}

// queueUse takes what happens to a caller in a queue, and what is done to reach an agent for him.
func (c *Checker) queueUse(e *event) {
	if d := e.live("Dest"); d != nil {
		d.queued = true
	}
	if s := c.stay(e); s != nil && e.spec.name == "AgentConnect" {
		s.connected = true
	}
}

func (c *Checker) agentComplete(e *event) {
	if s := c.stay(e); s != nil && !s.connected {
		c.report(43, e, []Ref{s.joined}, "AgentComplete without an AgentConnect: %s", s.queue)
	}
}

// maxInside bounds what is remembered of who is in a conference; beyond it, who leaves is not looked for.
const maxInside = 10_000

// room is a conference whose ConfbridgeStart was seen.
type room struct {
	name           string
	started, ended Ref
	inside         map[string]Ref
}

func (c *Checker) roomStart(e *event) {
	name := e.value(hConference)
	if r := e.node.rooms[name]; r != nil && r.ended.At == 0 {
		c.report(44, e, []Ref{r.started}, "a second ConfbridgeStart without a ConfbridgeEnd: %s", name)
	}
	e.node.rooms[name] = &room{name: name, started: Ref{e.ref.At, "ConfbridgeStart of " + name}, inside: map[string]Ref{}}
}

// room returns the conference of e, nil if its beginning was not seen, and reports e if it has ended.
func (c *Checker) room(e *event) *room {
	r := e.node.rooms[e.value(hConference)]
	if r == nil || r.ended.At == 0 {
		return r
	}
	c.report(44, e, []Ref{r.ended}, "%s after the ConfbridgeEnd: %s", e.spec.name, e.value(hConference))
	return nil
}

func (c *Checker) roomJoin(e *event) {
	g, _ := e.group("")
	r := c.room(e)
	if r == nil {
		return
	}
	if at, in := r.inside[string(g.id)]; in {
		c.report(44, e, []Ref{at}, "a second ConfbridgeJoin without a ConfbridgeLeave: %s", g.id)
	}
	if len(r.inside) < maxInside {
		r.inside[string(g.id)] = Ref{e.ref.At, "ConfbridgeJoin of " + string(g.id)}
	}
}

func (c *Checker) roomLeave(e *event) {
	g, _ := e.group("")
	r := c.room(e)
	if r == nil {
		return
	}
	if _, in := r.inside[string(g.id)]; !in && len(r.inside) < maxInside {
		c.report(44, e, []Ref{r.started}, "ConfbridgeLeave without a ConfbridgeJoin: %s", g.id)
	}
	delete(r.inside, string(g.id))
}

func (c *Checker) roomEnd(e *event) {
	r := c.room(e)
	if r == nil {
		return
	}
	for _, id := range sortedKeys(r.inside) {
		c.report(44, e, []Ref{r.inside[id]}, "ConfbridgeEnd before the ConfbridgeLeave of %s", id)
	}
	r.ended, r.inside = Ref{e.ref.At, "ConfbridgeEnd"}, nil
	if old, full := e.node.closed.put(r, e.node.limit); full && e.node.rooms[old.name] == old {
		delete(e.node.rooms, old.name)
	}
}
