package reconcile

import (
	"slices"
	"strings"
)

// born: a chosen id may come again though its Hangup was not heard.
func (v *View) born(e *event) {
	g := e.channel("")
	if g == nil {
		return
	}
	c := v.channels[string(g.ID)]
	if c == nil {
		return
	}
	v.move(c, "")
	*c = channel{id: c.id, text: c.text, order: c.order}
	c.begin(g)
}

func (v *View) stated(e *event) {
	if c := v.of(e, ""); c != nil {
		c.takeState(e.channel(""))
	}
}

func (v *View) gone(e *event) {
	if c := v.of(e, ""); c != nil {
		v.move(c, "")
		delete(v.channels, c.id)
	}
}

func (v *View) renamed(e *event) {
	if c := v.channels[e.value("Uniqueid")]; c != nil {
		c.name = e.value("Newname")
	}
}

func (v *View) dialled(e *event) {
	d := v.of(e, "Dest")
	if d == nil || d.dial != nil && !e.is("DialBegin") {
		return
	}
	d.dial = &dial{}
	if c := v.of(e, ""); c != nil {
		d.dial.caller, d.dial.text = c.id, c.text
	}
}

func (v *View) dialEnd(e *event) {
	if d := v.of(e, "Dest"); d != nil {
		d.dial = nil
	}
}

func (v *View) destroyed(e *event) {
	id := e.bridge()
	if b := v.bridges[id]; b != nil && b.members > 0 {
		for _, c := range v.channels {
			if c.bridge == id {
				c.bridge = ""
			}
		}
	}
	delete(v.bridges, id)
}

func (v *View) entered(e *event) {
	if c := v.of(e, ""); c != nil {
		v.move(c, e.bridge())
	}
	v.heed(e)
}

func (v *View) left(e *event) {
	if c := v.of(e, ""); c != nil && c.bridge == e.bridge() {
		v.move(c, "")
	}
	v.heed(e)
}

func (v *View) optimizing(e *event) {
	one, two := e.channel("LocalOne"), e.channel("LocalTwo")
	if id := e.value("Id"); one != nil && two != nil && v.room(len(v.moves)) {
		v.moves[id] = &move{string(one.Bare(nil)), string(two.Bare(nil)), string(one.ID), string(two.ID)}
	}
}

func (v *View) optimized(e *event) { delete(v.moves, e.value("Id")) }

func (c *channel) leaveQueue(queue string) {
	c.queues = slices.DeleteFunc(c.queues, func(s stay) bool { return s.queue == queue })
}

func (v *View) queued(e *event) {
	if c := v.of(e, ""); c != nil {
		queue := strings.Clone(e.value("Queue"))
		c.leaveQueue(queue)
		if len(c.queues) == maxQueues {
			c.queues = slices.Delete(c.queues, 0, 1)
		}
		c.queues = append(c.queues, stay{queue, e.value("Position")})
	}
}

func (v *View) unqueued(e *event) {
	if c := v.of(e, ""); c != nil {
		c.leaveQueue(e.value("Queue"))
	}
}

// park: a swap puts a call in the place of another one.
func (v *View) park(e *event) {
	g := e.channel("Parkee")
	if g == nil || !v.room(len(v.parked)) {
		return
	}
	v.order++
	p := &parking{id: string(g.ID), text: string(g.Bare(nil)), place: e.value("Parkinglot") + "\n" + e.value("ParkingSpace"), order: v.order}
	for _, name := range [...]string{"ParkerDialString", "Parkinglot", "ParkingSpace", "ParkingTimeout", "ParkingDuration"} {
		p.rest += name + ": " + e.value(name) + "\r\n"
	}
	if e.is("ParkedCallSwap") {
		for id, old := range v.parked {
			if old.place == p.place {
				delete(v.parked, id)
			}
		}
	}
	v.parked[p.id] = p
}

func (v *View) unpark(e *event) {
	if g := e.channel("Parkee"); g != nil {
		delete(v.parked, string(g.ID))
	}
}

func (v *View) joined(e *event) {
	name := e.value("Conference")
	r := v.rooms[name]
	if r == nil {
		if !v.room(len(v.rooms)) {
			return
		}
		r = &room{inside: map[string]string{}}
		v.rooms[name] = r
	}
	for i := range e.groups {
		if g := &e.groups[i]; g.Bridge {
			r.bridge, r.text = string(g.ID), string(g.Lines)
		}
	}
	if g := e.channel(""); g != nil && v.room(len(r.inside)) {
		r.inside[string(g.ID)] = e.value("Admin")
	}
}

func (v *View) parted(e *event) {
	if r, g := v.rooms[e.value("Conference")], e.channel(""); r != nil && g != nil {
		delete(r.inside, string(g.ID))
	}
}

func (v *View) closed(e *event) { delete(v.rooms, e.value("Conference")) }
