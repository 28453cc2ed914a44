package pbx

import (
	"slices"

	"github.com/amibus/amibus/translator"
)

// whileHandedOver: who transfers hung up before the target answered.
func (x *transfer) whileHandedOver(s stimulus) {
	switch s {
	case transfereeLeft:
		x.fail()
	case targetAnswered:
		x.finish()
	case noAnswer:
		x.target.softHangup(0)
		x.callBack()
	case recallFailed:
		x.callBack()
	}
}

// callBack rings who transferred, for whom the target did not answer. Asterisk tries both in turn, twice; here this is the only time.
func (x *transfer) callBack() {
	c, _ := x.p.request(x.place, "", "", "")
	if c == nil {
		x.fail()
		return
	}
	x.state, x.recall = recalling, c
	c.inherit(x.by)
	if !c.tech.call(c) {
		c.hangup()
		x.fail()
		return
	}
	x.sayRecall("DialBegin", translator.Header("DialString", resource(x.place)))
	x.first.write(frameRinging, nil)
	x.restart()
	c.read(x.recallHeard)
}

func (x *transfer) sayRecall(name string, parts ...translator.Part) {
	x.p.raise(name, append([]translator.Part{x.recall.group("Dest")}, parts...)...)
}

// recallHeard handles what the one says who is called back.
func (x *transfer) recallHeard(f frame) {
	switch f.kind {
	case frameRinging:
		x.sayRecall("DialState", translator.Header("DialStatus", "RINGING"))
	case frameAnswer:
		x.recallEnds("ANSWER", recallAnswered)
	case frameBusy:
		x.recallEnds("BUSY", recallFailed)
	case frameCongestion:
		x.recallEnds("CONGESTION", recallFailed)
	case frameHangup:
		x.recallEnds(endStatus(x.recall.cause), recallFailed)
	}
}

func (x *transfer) recallEnds(status string, s stimulus) {
	x.recall.unread()
	x.sayRecall("DialEnd", translator.Header("DialStatus", status))
	if x.over {
		x.recall.hangup()
		return
	}
	if s == recallFailed {
		x.recall.hangup()
	}
	x.tell(s)
}

func (x *transfer) whileRecalling(s stimulus) {
	c := x.recall
	switch s {
	case recallAnswered:
		x.first.enter(c, c.released)
		x.finish()
		return
	case noAnswer, transfereeLeft, recallFailed:
		x.fail()
	}
}

// restart begins the time for an answer again.
func (x *transfer) restart() {
	x.p.stop(x.timer)
	x.timer = x.p.after(noAnswerTime, func() { x.tell(noAnswer) })
}

// parties are the transferee and the target, as far as there is one of each.
func (x *transfer) parties() (groups []translator.Part) {
	for i, b := range []*bridge{x.first, x.second} {
		others := slices.DeleteFunc(slices.Clone(b.members), func(m *member) bool { return m.c == x.by })
		if len(others) == 1 {
			groups = append(groups, others[0].c.group([]string{"Transferee", "TransferTarget"}[i]))
		}
	}
	return groups
}

// announce says AttendedTransfer.
func (x *transfer) announce(result string, parties []translator.Part, dest string, more ...translator.Part) {
	attended(x.p, result, [2]*channel{x.by, x.by}, [2]*bridge{x.first, x.second}, parties, "No", dest, more...)
}

// attended says AttendedTransfer: who transfers, in the two legs that it has, in which bridges (nil: none), whom to whom.
func attended(p *PBX, result string, legs [2]*channel, bridges [2]*bridge, parties []translator.Part, external, dest string, more ...translator.Part) {
	parts := []translator.Part{translator.Header("Result", result)}
	for i, role := range []string{"Orig", "Second"} {
		parts = append(parts, translator.Group(role+"Transferer", legs[i].last))
		if bridges[i] != nil {
			parts = append(parts, bridges[i].group(role))
		}
	}
	parts = append(parts, parties...)
	parts = append(parts, translator.Header("IsExternal", external), translator.Header("DestType", dest))
	p.raise("AttendedTransfer", append(parts, more...)...)
}
