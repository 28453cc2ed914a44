package pbx

import (
	"cmp"
	"strconv"
	"time"
)

// bridgeWait is BridgeWait([name[,role[,options]]]): a bridge for all who wait under that name. Options are e(m, r, s, h or n: what one
// hears), m(class), S(seconds), n (not answered).
func bridgeWait(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	name, role, options := cmp.Or(at(parts, 0), "default"), cmp.Or(at(parts, 1), "participant"), appOptions(at(parts, 2))
	if role != "participant" && role != "announcer" {
		c.p.warn("%s: BridgeWait: no such role: %q", c.name, role)
		done(false)
		return
	}
	if _, silent := options['n']; !silent {
		c.answer()
	}
	b := c.p.waiting(name)
	m := b.enter(c, func() {
		c.stopMusic()
		done(c.flags == 0)
	})
	if n, err := strconv.Atoi(options['S']); err == nil && n > 0 {
		limit := c.p.after(time.Duration(min(n, 1e6))*time.Second, m.leave)
		m.part = func() { c.p.stop(limit) }
	}
	if role == "participant" {
		m.entertain(cmp.Or(options['e'], "m")[0], options['m'])
	}
}

// waiting returns the bridge of that name.
func (p *PBX) waiting(name string) *bridge {
	for _, b := range p.allBridges() {
		if b.creator == "BridgeWait" && b.name == name && !b.dissolved {
			return b
		}
	}
	b := p.newBridge("base", holdingBridge, "BridgeWait", name)
	b.rules = noMergeTo | noMergeFrom | noSwapTo | noSwapFrom | noTransfer
	return b
}

// entertain gives who waits what there is to hear, once it is in.
func (m *member) entertain(what byte, class string) {
	m.b.p.soon(func() {
		switch c := m.c; {
		case c.gone || c.member != m:
		case what == 'm' || what == 'h':
			c.startMusic(class)
		case what == 'r':
			c.tech.indicate(c, frameRinging)
		}
	})
}
