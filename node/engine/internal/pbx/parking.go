package pbx

import (
	"cmp"
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
	Timeout     time.Duration // 0: calls stay
	FindNext    bool          // the space behind the one that was taken last, not the first free one
	// Comeback is the context where a call goes on that nobody came for, at the extension of the parker, else at s. Empty: the parker is
	// rung.
	Comeback string
	DialTime time.Duration // for which the parker is rung; 30 s
	Music    string        // class; default
}

// lot is a lot in use.
type lot struct {
	Lot
	p     *PBX
	b     *bridge // made with the first call, kept
	next  int     // space, with FindNext
	calls map[int]*parked
}

// parked is a call in a lot.
type parked struct {
	l      *lot
	m      *member
	c      *channel
	space  int
	parker string // whom to ring when nobody comes
	ringing,
	over bool
	music    string
	comeback string // where it goes on instead: [[context,]exten,]priority
	since    time.Time
	limit    time.Duration
	timer    *timer
}

// parking is what is asked for when a call is parked.
type parking struct {
	parker   string
	space    int // 0: any
	random   bool
	ringing  bool
	music    string
	comeback string
	limit    time.Duration
	limited  bool // limit counts, not the lot's
}

func (p *PBX) makeLots() {
	lots := p.cfg.Lots
	if len(lots) == 0 {
		lots = []Lot{{Name: "default", First: 701, Last: 720, Timeout: 45 * time.Second}}
	}
	for _, l := range lots {
		p.lots[l.Name] = &lot{Lot: l, p: p, calls: map[int]*parked{}}
	}
}

// free finds a space: the one that is wanted, else the next one that is free, from the beginning again if need be. 0: there is none.
func (l *lot) free(wanted int) int {
	first := l.First
	switch {
	case wanted >= l.First && wanted <= l.Last:
		first = wanted
	case l.FindNext && l.next != 0:
		first = l.next
	}
	size := l.Last - l.First + 1
	for i := range size {
		if space := l.First + (first-l.First+i)%size; l.calls[space] == nil {
			return space
		}
	}
	return 0
}

// reserve finds the channel a space and says ParkedCall. nil: there is none.
func (l *lot) reserve(c *channel, in parking) *parked {
	if in.random {
		in.space = l.First + int(l.p.rand.Int64N(int64(l.Last-l.First+1)))
	}
	space := l.free(in.space)
	if space == 0 {
		return nil
	}
	l.next = l.First + (space+1-l.First)%(l.Last-l.First+1)
	call := &parked{
		l: l, c: c, space: space, parker: in.parker, ringing: in.ringing, comeback: in.comeback, music: cmp.Or(in.music, l.Music),
		since: l.p.now, limit: l.Timeout,
	}
	if in.limited {
		call.limit = in.limit
	}
	l.calls[space] = call
	l.occupied(space)
	if l.b == nil || l.b.dissolved {
		l.b = l.p.newBridge("parking", holdingBridge, "Parking", l.Name)
		l.b.rules, l.b.keep = noMergeTo|noMergeFrom|noSwapFrom, true
	}
	call.say("ParkedCall", nil)
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
	call.occupy(m)
	if m.c.member != m { // it could not come in
		call.end("ParkedCallGiveUp")
		return
	}
	if call.limit > 0 {
		call.timer = call.l.p.after(call.limit, call.timeout)
	}
	call.entertain()
}

func (call *parked) occupy(m *member) {
	call.m, call.c, m.parked = m, m.c, call
	m.part = func() { call.end("ParkedCallGiveUp") }
}

func (call *parked) entertain() {
	if call.ringing {
		call.c.tech.indicate(call.c, frameRinging)
		return
	}
	call.c.startMusic(call.music)
}

// handOver gives the space to who takes the channel's place.
func (call *parked) handOver(from, to *member) {
	from.part, from.parked = nil, nil
	from.c.stopMusic()
	call.occupy(to)
	call.say("ParkedCallSwap", nil)
}

// end gives the space back and says why, unless that is done.
func (call *parked) end(why string) {
	if call.over {
		return
	}
	call.vacate()
	call.say(why, nil)
}

func (call *parked) vacate() {
	call.over = true
	call.m.part, call.m.parked = nil, nil
	call.c.stopMusic()
	call.l.p.stop(call.timer)
	delete(call.l.calls, call.space)
	call.l.occupied(call.space)
}

// timeout sends a call that nobody came for back to the parker, or where the lot says.
func (call *parked) timeout() {
	c, m := call.c, call.m
	if call.over || m.leaving {
		return
	}
	m.tell()
	c.setVar("PARKING_SPACE", strconv.Itoa(call.space))
	c.setVar("PARKEDLOT", call.l.Name)
	c.setVar("PARKER", call.parker)
	c.setVar("PARKER_FLAT", flat(call.parker))
	c.setVar("BRIDGE_FEATURES", "")
	call.end("ParkedCallTimeOut")
	c.goTo = call.back()
	c.flags |= flagRedirect
	m.leave()
}

// back is where a call that nobody came for goes on.
func (call *parked) back() place {
	c, l := call.c, call.l
	if call.comeback != "" {
		to, _ := c.parse(call.comeback)
		return to
	}
	exten := flat(call.parker)
	switch {
	case l.Comeback == "":
		c.comeback = call.parker + "," + strconv.Itoa(int(cmp.Or(l.DialTime, 30*time.Second)/time.Second))
		return place{parkDial, exten, 1}
	case c.existsIn(l.Comeback, exten):
		return place{l.Comeback, exten, 1}
	case c.existsIn(l.Comeback, "s"):
		return place{l.Comeback, "s", 1}
	}
	return place{"default", "s", 1}
}

// flat makes an extension of a dial string, as Asterisk does.
func flat(dial string) string { return strings.ReplaceAll(dial, "/", "_") }

// base cuts what makes a channel's name unique.
func base(name string) string {
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		return name[:i]
	}
	return name
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

// rings says whether an extension is that of the parker who is to be rung for the channel.
func (c *channel) rings(exten string) bool {
	parker, _, ok := strings.Cut(c.comeback, ",")
	return ok && flat(parker) == exten
}
