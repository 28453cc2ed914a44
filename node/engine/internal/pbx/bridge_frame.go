package pbx

import (
	"slices"

	"github.com/amibus/amibus/translator"
)

// frame handles what a member's channel hears from its far end.
func (m *member) frame(f frame) {
	if f.kind == frameHangup {
		m.leave()
		return
	}
	m.dialed(f)
	b := m.b
	switch {
	case m.c.member != m, b.technology == holdingBridge: // nobody hears the others there
		return
	case b.transfer != nil && m.c == b.transfer.by && b.transfer.code(f):
		return
	}
	for _, other := range slices.Clone(b.members) {
		if other != m && (b.technology != softmix || f.kind == frameDTMFBegin || f.kind == frameDTMFEnd) {
			other.c.relay(f)
		}
	}
}

// dialed says what a channel in a bridge tells of its call: a transfer brings in who has not answered yet.
func (m *member) dialed(f frame) {
	name, status := "DialState", ""
	switch f.kind {
	case frameRinging:
		status = "RINGING"
	case frameProgress:
		status = "PROGRESS"
	case frameProceeding:
		status = "PROCEEDING"
	case frameAnswer:
		name, status = "DialEnd", "ANSWER"
	case frameBusy:
		name, status = "DialEnd", "BUSY"
	case frameCongestion:
		name, status = "DialEnd", "CONGESTION"
	default:
		return
	}
	if name == "DialEnd" {
		if m.c.dialEnd == status {
			return
		}
		m.c.dialEnd = status
	}
	m.b.p.raise(name, m.c.group("Dest"), translator.Header("DialStatus", status))
	if x := m.b.transfer; x != nil && f.kind == frameAnswer && m.c == x.target {
		x.tell(targetAnswered)
	}
}

// relay passes what one member said on to another.
func (c *channel) relay(f frame) {
	switch f.kind {
	case frameDTMFBegin:
		c.tech.digit(c, f.digit, true, 0)
	case frameDTMFEnd:
		c.tech.digit(c, f.digit, false, f.duration)
	case frameHold:
		c.startMusic("")
		c.tech.indicate(c, f.kind)
	case frameUnhold:
		c.stopMusic()
		c.tech.indicate(c, f.kind)
	case frameRinging, frameProgress, frameProceeding, frameBusy, frameCongestion, frameFlash:
		c.tech.indicate(c, f.kind)
	}
}

// write sends a frame to all members but one.
func (b *bridge) write(kind kind, but *channel) {
	for _, m := range slices.Clone(b.members) {
		if m.c != but {
			m.c.relay(frame{kind: kind})
		}
	}
}
