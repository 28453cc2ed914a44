package pbx

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

// The contexts of Asterisk's parking: a space is an extension of the first, a parker who is rung again one of the second.
const (
	parkedCalls = "parkedcalls"
	parkDial    = "park-dial"
)

// Lot is a parking lot.
type Lot struct {
	Name        string
	First, Last int
	Timeout     time.Duration
}

// lot is a lot in use.
type lot struct {
	Lot
	p     *PBX
	b     *bridge // made with the first call, kept
	calls map[int]*parked
}

// parked is a call in a lot.
type parked struct {
	l      *lot
	c      *channel
	space  int
	parker string // whom to ring when nobody comes
	since  time.Time
	limit  time.Duration
	timer  *timer
	left   func() // what becomes of the channel afterwards
	over   bool
}

func (p *PBX) makeLots() {
	lots := p.cfg.Lots
	if len(lots) == 0 {
		lots = []Lot{{"default", 701, 720, 45 * time.Second}}
	}
	for _, l := range lots {
		p.lots[l.Name] = &lot{Lot: l, p: p, calls: map[int]*parked{}}
	}
}

// park brings a channel into the lot: its next free space, or the one asked for. nil: there is none.
func (l *lot) reserve(c *channel, parker string, limit time.Duration) *parked {
	space := l.First
	for l.calls[space] != nil {
		space++
	}
	if space > l.Last {
		return nil
	}
	if limit <= 0 {
		limit = l.Timeout
	}
	call := &parked{l: l, c: c, space: space, parker: parker, since: l.p.now, limit: limit}
	l.calls[space] = call
	l.occupied(space)
	if l.b == nil || l.b.destroyed {
		l.b = l.p.newBridge("parking", "holding_bridge", "Parking", l.Name, false)
		l.b.keep = true
	}
	return call
}

// say raises one of the ParkedCall family.
func (call *parked) say(name string, retriever *channel) {
	parts := []translator.Part{call.c.group("Parkee")}
	if retriever != nil {
		parts = append(parts, retriever.group("Retriever"))
	}
	call.l.p.raise(name, append(parts, call.headers()...)...)
}

func (call *parked) headers() []translator.Part {
	spent := int(call.l.p.now.Sub(call.since) / time.Second)
	return []translator.Part{
		translator.Header("ParkerDialString", call.parker), translator.Header("Parkinglot", call.l.Name),
		translator.Header("ParkingSpace", strconv.Itoa(call.space)),
		translator.Header("ParkingTimeout", strconv.Itoa(max(0, int(call.limit/time.Second)-spent))),
		translator.Header("ParkingDuration", strconv.Itoa(spent)),
	}
}

// watch makes the end of the channel's stay the end of the parking, whoever ends it.
func (call *parked) watch(m *member) {
	m.part = func() { call.end("ParkedCallGiveUp") }
	call.timer = call.l.p.after(call.limit, func() { call.timeout(m) })
	call.c.startMusic("")
}

// end gives the space back and says why, unless that is done.
func (call *parked) end(why string) {
	if call.over {
		return
	}
	call.free()
	call.say(why, nil)
}

func (call *parked) free() {
	call.over = true
	call.c.stopMusic()
	call.l.p.stop(call.timer)
	delete(call.l.calls, call.space)
	call.l.occupied(call.space)
}

// timeout sends a call that nobody came for back to the parker.
func (call *parked) timeout(m *member) {
	c := call.c
	call.end("ParkedCallTimeOut")
	c.comeback = call.parker
	c.goTo = place{parkDial, flat(call.parker), 1}
	c.flags |= flagRedirect
	m.leave()
}

// flat makes an extension of a dial string, as Asterisk does.
func flat(dial string) string { return strings.NewReplacer("/", "_", "@", "_").Replace(dial) }

// parkApp is Park([lot[,options]]).
func parkApp(t *thread, args string, done func(bool)) {
	c := t.c
	l := c.p.lots[orDefault(at(split(args), 0))]
	var call *parked
	if l != nil {
		c.answer()
		call = l.reserve(c, base(c.name), 0)
	}
	if call == nil {
		c.p.warn("%s: no such parking lot, or it is full: %q", c.name, args)
		done(true)
		return
	}
	call.left = func() { done(c.flags&flagHangup == 0) }
	call.say("ParkedCall", nil)
	call.watch(l.b.enter(c, call.left))
}

// base cuts what makes a channel's name unique.
func base(name string) string {
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		return name[:i]
	}
	return name
}

func orDefault(name string) string {
	if name == "" {
		return "default"
	}
	return name
}

// parkedCall is ParkedCall([lot[,space]]): takes a call out of the lot, the longest waiting if no space is given.
func parkedCall(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	var call *parked
	if l := c.p.lots[orDefault(at(parts, 0))]; l != nil {
		call = l.pick(at(parts, 1))
	}
	if call == nil {
		c.p.warn("%s: no parked call in %q", c.name, args)
		done(false)
		return
	}
	c.answer()
	b := c.p.newBridge("basic", "simple_bridge", "", "", true)
	call.free()
	call.say("UnParkedCall", c)
	m := call.c.member
	m.out()
	m.left = call.resume
	b.put(m, "")
	b.enter(c, func() { done(false) })
}

// lotOf returns the lot that has a space of that number, nil if there is none.
func (p *PBX) lotOf(space string) *lot {
	n, err := strconv.Atoi(space)
	if err != nil {
		return nil
	}
	for _, l := range p.Lots() {
		if n >= l.First && n <= l.Last {
			return p.lots[l.Name]
		}
	}
	return nil
}

func (l *lot) pick(space string) *parked {
	if n, err := strconv.Atoi(space); err == nil {
		return l.calls[n]
	}
	var first *parked
	for n := l.First; n <= l.Last; n++ {
		if call := l.calls[n]; call != nil && (first == nil || call.since.Before(first.since)) {
			first = call
		}
	}
	return first
}

// resume is what becomes of a retrieved call when its talk is over: it ends, unless it was sent elsewhere.
func (call *parked) resume() {
	if c := call.c; c.thread == nil {
		c.released()
		return
	} else if c.flags&flagRedirect == 0 {
		c.flags |= flagHangup
	}
	call.left()
}

// parkAction parks a channel that is in a bridge.
func (p *PBX) parkAction(in Park) {
	c, l := p.find(in.Channel), p.lots[orDefault(in.Lot)]
	switch {
	case c == nil:
		p.fail(in.ID, "Channel does not exist: "+in.Channel)
		return
	case l == nil, c.member == nil, c.flags != 0, c.member.b.kind == "parking":
		p.fail(in.ID, "Park action failed\n")
		return
	}
	parker, back := in.Return, p.find(in.Return)
	if back != nil {
		parker = base(back.name)
	} else if parker == "" {
		parker = base(c.name)
	}
	call := l.reserve(c, parker, in.Timeout)
	if call == nil {
		p.fail(in.ID, "Park action failed\n")
		return
	}
	p.reply(in.ID, "Park successful\n")
	m, old := c.member, c.member.b
	call.left = m.left
	peer := old.peer(c)
	c.setVar("BLINDTRANSFER", in.Return)
	c.setVar("BLINDTRANSFER", in.Return)
	call.say("ParkedCall", nil)
	m.out()
	l.b.put(m, "")
	c.unsetVar("BLINDTRANSFER")
	c.unsetVar("BRIDGEPEER")
	call.watch(m)
	if peer != nil && peer.member != nil && old.pair {
		p.soon(func() {
			if peer.member == nil || peer.member.b != old {
				return
			}
			peer.member.leave()
		})
	}
}

// Parked lists the calls of a lot ("": of all), by space.
func (p *PBX) Parked(name string) []translator.Raised {
	var out []translator.Raised
	for _, l := range p.Lots() {
		if name != "" && name != l.Name {
			continue
		}
		calls := p.lots[l.Name].calls
		for n := l.First; n <= l.Last; n++ {
			if call := calls[n]; call != nil {
				out = append(out, translator.Raised{Name: "ParkedCall", Parts: append([]translator.Part{call.c.group("Parkee")}, call.headers()...)})
			}
		}
	}
	return out
}

// Lots lists the lots by name.
func (p *PBX) Lots() []Lot {
	var out []Lot
	for _, l := range p.lots {
		out = append(out, l.Lot)
	}
	slices.SortFunc(out, func(a, b Lot) int { return strings.Compare(a.Name, b.Name) })
	return out
}
