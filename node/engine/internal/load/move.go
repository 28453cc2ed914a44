package load

import (
	"fmt"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
)

// move plans to send a call elsewhere, in one of the ways there are. Now and then somebody does not look whether he talks to anybody.
func (g *Generator) move(c call) {
	ways := []func(c call, peer string){g.blind, g.attended, g.consult, g.park, g.redirect}
	way := ways[g.rand.IntN(len(ways))]
	hurried := g.cfg.Transfers && g.chance(8)
	g.after(9, 15, func(calls Calls) {
		switch peer, ok := calls.Peer(c.id); {
		case ok:
			way(c, peer)
		case hurried:
			g.say(pbx.BlindTransfer{Channel: c.id, Context: context, Exten: g.target()})
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

func (g *Generator) blind(c call, peer string) {
	id := c.id
	if g.chance(50) {
		id = peer
	}
	g.say(pbx.BlindTransfer{Channel: id, Context: context, Exten: g.target()})
}

// attended asks first: then the transferer leaves, or thinks better of it, or makes all three talk, or the one who waits has had enough.
func (g *Generator) attended(c call, peer string) {
	g.say(pbx.Atxfer{Channel: c.id, Context: context, Exten: g.target()})
	switch n := g.rand.IntN(100); {
	case n < 50:
		g.after(1, 14, func(Calls) { g.hangup(c.id) })
	case n < 65:
		g.after(1, 14, func(Calls) { g.say(pbx.CancelAtxfer{Channel: c.id}) })
	case n < 90: // the codes of features.conf: complete, all three, to and fro
		code := "234"[g.rand.IntN(3)]
		g.after(6, 14, func(Calls) {
			g.digit(c.id, '*')
			g.digit(c.id, code)
		})
	default:
		g.after(1, 14, func(Calls) { g.hangup(peer) })
	}
}

// consult is a telephone's own way: it holds the call, makes a second one, and joins the two.
func (g *Generator) consult(c call, _ string) {
	g.say(pbx.Hold{Channel: c.id, On: true})
	from := g.phone()
	g.begin(c.endpoint, fmt.Sprint(g.other(from)), fmt.Sprint(from), fmt.Sprintf("Desk %d", from), func(second call) {
		g.after(4, 12, func(calls Calls) {
			_, ok := calls.Peer(c.id)
			switch _, talks := calls.Peer(second.id); {
			case ok && talks:
				g.say(pbx.AttendedTransfer{Channel: c.id, Second: second.id})
			case ok: // nobody has answered: back to the first
				g.hangup(second.id)
				g.say(pbx.Hold{Channel: c.id})
			default:
				g.hangup(second.id)
			}
		})
	})
}

// park parks the peer, and fetches whoever has been parked longest, most of the time before the time is over.
func (g *Generator) park(c call, peer string) {
	g.say(pbx.Park{Channel: peer, Return: c.id, Timeout: g.time(20 * time.Second)})
	if g.chance(45) {
		from := g.phone()
		g.after(3, 15, func(Calls) {
			g.begin(endpoint(from), "pick", fmt.Sprint(from), fmt.Sprintf("Desk %d", from), nil)
		})
	}
}

func (g *Generator) redirect(c call, peer string) {
	in := pbx.Redirect{Channel: peer, Context: context, Exten: "music", Priority: 1}
	if g.chance(30) {
		in.Extra, in.ExtraContext, in.ExtraExten, in.ExtraPriority = c.id, context, "voice", 1
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
