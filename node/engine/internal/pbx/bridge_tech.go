package pbx

import "strings"

// The technologies of bridges, by the names Asterisk has for them.
const (
	simpleBridge  = "simple_bridge"
	softmix       = "softmix"
	holdingBridge = "holding_bridge"
	nativeRTP     = "native_rtp"
)

const maxPeers = 10 // in a BRIDGEPEER

// reconfigure follows a change of the members: the technology, the variable that names the others, and, with colp, the connected lines.
// Events that were raised before show the technology that the bridge had then, as Asterisk's do.
func (b *bridge) reconfigure(colp bool) {
	if b.dissolved {
		return
	}
	switch {
	case b.basic():
		b.technology = b.best()
		b.introduce()
		if colp {
			b.connectLines()
		}
	default:
		for _, m := range b.members {
			m.c.eraseVar("BRIDGEPEER")
		}
	}
	b.p.optimizeSoon(b)
}

// best is the technology that suits the members.
func (b *bridge) best() string {
	switch n := len(b.members); {
	case n > 2:
		return softmix
	case n == 2 && b.members[0].c.native() && b.members[1].c.native():
		return nativeRTP
	}
	return simpleBridge
}

// native says whether the media of a channel's bridge may go around the PBX.
func (c *channel) native() bool {
	s, ok := c.tech.(*sim)
	return ok && s.e.Native
}

// introduce tells each whom it is bridged with.
func (b *bridge) introduce() {
	if len(b.members) < 2 {
		return
	}
	for i, m := range b.members {
		var names []string
		for k, other := range b.members[:min(len(b.members), maxPeers+1)] {
			if k != i && len(names) < maxPeers {
				names = append(names, other.c.name)
			}
		}
		m.c.setVar("BRIDGEPEER", strings.Join(names, ","))
	}
}

// connectLines shows each of two who the other one is.
func (b *bridge) connectLines() {
	if len(b.members) != 2 || b.technology == softmix {
		return
	}
	one, two := b.members[0].c, b.members[1].c
	if (one.flags|two.flags)&flagHangup != 0 {
		return
	}
	two.connectedTo(one.caller)
	one.connectedTo(two.caller)
}

// connectedTo sets whom the channel is connected with. What is behind a Local channel sees it as its caller.
func (c *channel) connectedTo(who party) {
	if c.connected == who {
		return
	}
	c.connected = who
	c.publish()
	if l, ok := c.tech.(*local); ok {
		if other := l.peer(c); other != nil {
			other.caller = who
			other.publish()
		}
	}
}
