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

// people are the endpoints: each phone is answered in its own way, always the same. The first ones, where a group rings and forwarded calls
// go, answer; of the others a fixed share does not, and the seed says which.
func (g *Generator) people() map[string]pbx.Endpoint {
	all := map[string]pbx.Endpoint{"load-trunk": {Ring: g.some(2, 4), Talk: g.some(30, 50)}}
	for n := range helpful {
		all[endpoint(first+n)] = pbx.Endpoint{Ring: g.some(1, 5), Talk: g.some(10, 60)}
	}
	for i, n := range g.rand.Perm(phones - helpful) {
		e := pbx.Endpoint{Ring: g.some(1, 8), Talk: g.some(5, 90)} // Talk ends the calls that it makes, too
		switch {
		case i < 3:
			e.Busy = true
		case i < 7:
			e.NoAnswer = true
		case i < 9:
			e.Reject = 21
		case i < 10:
			e.Congestion = true
		case i < 11:
			e.Forward = fmt.Sprintf("Local/%d@%s", first, context)
		}
		all[endpoint(first+helpful+n)] = e
	}
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
	g.begin("load-trunk", "menu", g.number(), "", func(c call) {
		g.after(4, 8, func(Calls) { g.digit(c.id, "12"[g.rand.IntN(2)]) })
	})
}

// local is a call through a Local channel, which Asterisk takes out of the middle.
func (g *Generator) local() {
	from := g.phone()
	g.begin(endpoint(from), fmt.Sprintf("local-%d", g.other(from)), fmt.Sprint(from), fmt.Sprintf("Desk %d", from), g.talk)
}

// clicked is a call that a program makes: it rings one phone, and then the other.
func (g *Generator) clicked() {
	from := g.phone()
	g.say(pbx.Originate{Channel: fmt.Sprintf("Local/%d@%s/n", from, context), Context: context, Exten: fmt.Sprint(g.other(from)), Priority: 1,
		Async: true, CallerNum: fmt.Sprint(from), CallerName: "Click to dial", Timeout: 15 * time.Second})
}

// talk plans what is done with a call while it lasts.
func (g *Generator) talk(c call) {
	hangup := 60
	if g.cfg.Transfers {
		hangup = 30
		g.move(c)
		if before := g.before; before.id != "" && g.chance(5) {
			g.after(5, 15, func(calls Calls) { g.join(calls, before.id, c.id) })
		}
	} else {
		switch n := g.rand.IntN(100); {
		case n < 12:
			g.holdFor(c)
		case n < 18:
			g.after(10, 20, func(Calls) { g.digit(c.id, "0123456789*#"[g.rand.IntN(12)]) })
		case n < 26:
			g.move(c)
		}
	}
	g.before = c
	if g.chance(hangup) {
		g.after(5, 60, func(Calls) { g.hangup(c.id) })
	} else if g.chance(20) { // gives up before anybody has answered
		g.after(1, 5, func(Calls) { g.hangup(c.id) })
	}
}

func (g *Generator) hangup(id string) { g.say(pbx.HangupFar{Channel: id}) }

func (g *Generator) digit(id string, digit byte) {
	g.say(pbx.PlayDTMF{Channel: id, Digit: digit, Receive: true, Duration: 100 * time.Millisecond})
}

func (g *Generator) holdFor(c call) {
	g.after(9, 12, func(calls Calls) {
		if _, ok := calls.Peer(c.id); ok {
			g.say(pbx.Hold{Channel: c.id, On: true})
			g.after(2, 10, func(calls Calls) {
				if _, ok := calls.Peer(c.id); ok {
					g.say(pbx.Hold{Channel: c.id})
				}
			})
		}
	})
}
