package load

import (
	"fmt"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
)

// share is a kind of call, and how many of all are of it.
type share struct {
	weight int
	make   func(g *Generator)
}

// office is what an office does all day; transfers is for who tests what moves calls about.
var (
	office    = []share{{40, (*Generator).inside}, {30, (*Generator).arriving}, {15, (*Generator).leaving}, {5, (*Generator).clicked}, {5, (*Generator).menu}, {5, (*Generator).local}}
	transfers = []share{{50, (*Generator).inside}, {20, (*Generator).arriving}, {10, (*Generator).clicked}, {20, (*Generator).local}}
)

// people are the endpoints: each phone is answered in its own way, always the same.
func (g *Generator) people() map[string]pbx.Endpoint {
	all := map[string]pbx.Endpoint{"load-trunk": {Ring: 3 * time.Second, Talk: 40 * time.Second}}
	for n := first; n < first+phones; n++ {
		e := pbx.Endpoint{Ring: g.some(1, 8), Talk: g.some(5, 90)}
		switch who := g.rand.IntN(100); {
		case who < 8:
			e = pbx.Endpoint{Busy: true}
		case who < 18:
			e = pbx.Endpoint{NoAnswer: true}
		case who < 23:
			e = pbx.Endpoint{Ring: g.some(1, 3), Reject: 21}
		case who < 26:
			e = pbx.Endpoint{Congestion: true}
		case who < 28:
			e = pbx.Endpoint{Forward: fmt.Sprintf("Local/%d@%s", first, context)}
		}
		all[endpoint(n)] = e
	}
	all[endpoint(first)] = pbx.Endpoint{Ring: time.Second, Talk: 20 * time.Second} // who calls are forwarded to answers
	return all
}

// inside is one phone of the house calling another.
func (g *Generator) inside() {
	from := g.phone()
	g.begin(endpoint(from), fmt.Sprint(g.other(from)), fmt.Sprint(from), fmt.Sprintf("Desk %d", from), g.talk)
}

// arriving is a call from outside.
func (g *Generator) arriving() {
	to := fmt.Sprint(g.phone())
	if g.chance(15) {
		to = "group"
	}
	g.begin("load-trunk", to, g.number(), "", g.talk)
}

// leaving is a call to the outside.
func (g *Generator) leaving() {
	from := g.phone()
	g.begin(endpoint(from), g.number(), fmt.Sprint(from), fmt.Sprintf("Desk %d", from), g.talk)
}

// menu is a caller who talks to a machine first.
func (g *Generator) menu() {
	g.begin("load-trunk", "menu", g.number(), "", func(id string) {
		g.after(4, 8, func(Calls) { g.digit(id, "12"[g.rand.IntN(2)]) })
	})
}

// local is a call through a Local channel, which Asterisk takes out of the middle.
func (g *Generator) local() {
	from := g.phone()
	g.begin(endpoint(from), "local", fmt.Sprint(from), fmt.Sprintf("Desk %d", from), g.talk)
}

// clicked is a call that a program makes: it rings one phone, and then the other.
func (g *Generator) clicked() {
	from := g.phone()
	g.say(pbx.Originate{Channel: fmt.Sprintf("Local/%d@%s/n", from, context), Context: context, Exten: fmt.Sprint(g.other(from)), Priority: 1,
		Async: true, CallerNum: fmt.Sprint(from), CallerName: "Click to dial", Timeout: 15 * time.Second})
}

// talk plans what is done with a call while it lasts.
func (g *Generator) talk(id string) {
	hangup := 60
	if g.cfg.Transfers {
		hangup = 30
		g.move(id)
	} else {
		switch n := g.rand.IntN(100); {
		case n < 12:
			g.holdFor(id)
		case n < 18:
			g.after(10, 20, func(Calls) { g.digit(id, "0123456789*#"[g.rand.IntN(12)]) })
		case n < 26:
			g.move(id)
		}
	}
	if g.chance(hangup) {
		g.after(5, 60, func(Calls) { g.say(pbx.HangupFar{Channel: id}) })
	} else if g.chance(20) { // gives up before anybody has answered
		g.after(1, 5, func(Calls) { g.say(pbx.HangupFar{Channel: id}) })
	}
}

func (g *Generator) digit(id string, digit byte) {
	g.say(pbx.PlayDTMF{Channel: id, Digit: digit, Receive: true, Duration: 100 * time.Millisecond})
}

func (g *Generator) holdFor(id string) {
	g.after(9, 12, func(calls Calls) {
		if _, ok := calls.Peer(id); ok {
			g.say(pbx.Hold{Channel: id, On: true})
			g.after(2, 10, func(calls Calls) {
				if _, ok := calls.Peer(id); ok {
					g.say(pbx.Hold{Channel: id})
				}
			})
		}
	})
}

// move plans to send a call elsewhere, in one of the ways there are.
func (g *Generator) move(id string) {
	ways := []func(id, peer string){g.blind, g.attended, g.park, g.redirect}
	way := ways[g.rand.IntN(len(ways))]
	g.after(9, 15, func(calls Calls) {
		if peer, ok := calls.Peer(id); ok {
			way(id, peer)
		}
	})
}

// target is where a call is sent: somebody, or, now and then, nobody.
func (g *Generator) target() string {
	if g.chance(5) {
		return "nobody"
	}
	return fmt.Sprint(g.phone())
}

func (g *Generator) blind(id, peer string) {
	if g.chance(50) {
		id = peer
	}
	g.say(pbx.BlindTransfer{Channel: id, Context: context, Exten: g.target()})
}

// attended asks first: then the transferer leaves, or thinks better of it, or the one who waits has had enough.
func (g *Generator) attended(id, peer string) {
	g.say(pbx.Atxfer{Channel: id, Context: context, Exten: g.target()})
	switch n := g.rand.IntN(100); {
	case n < 60:
		g.after(1, 14, func(Calls) { g.say(pbx.HangupFar{Channel: id}) })
	case n < 85:
		g.after(1, 14, func(Calls) { g.say(pbx.CancelAtxfer{Channel: id}) })
	default:
		g.after(1, 14, func(Calls) { g.say(pbx.HangupFar{Channel: peer}) })
	}
}

// park parks the peer, and fetches whoever has been parked longest, most of the time before the time is over.
func (g *Generator) park(id, peer string) {
	g.say(pbx.Park{Channel: peer, Return: id, Timeout: 20 * time.Second})
	if g.chance(45) {
		from := g.phone()
		g.after(3, 15, func(Calls) {
			g.begin(endpoint(from), "pick", fmt.Sprint(from), fmt.Sprintf("Desk %d", from), nil)
		})
	}
}

func (g *Generator) redirect(id, peer string) {
	in := pbx.Redirect{Channel: peer, Context: context, Exten: "music", Priority: 1}
	if g.chance(30) {
		in.Extra, in.ExtraContext, in.ExtraExten, in.ExtraPriority = id, context, "voice", 1
	}
	g.say(in)
}

// join takes one of each of two calls and makes them talk to each other.
func (g *Generator) join(calls Calls, one, two string) {
	if _, ok := calls.Peer(one); !ok {
		return
	}
	if _, ok := calls.Peer(two); ok {
		g.say(pbx.Bridge{Channel1: one, Channel2: two})
	}
}
