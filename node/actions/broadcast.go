package actions

import (
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// Broadcast makes one answer of the answers of several nodes, each a single message. It is a success if all nodes did it, but for those
// that have nothing of the kind. NodesSucceeded, NodesFailed and NodesMissing tell which. It is not safe for concurrent use.
type Broadcast struct{ parts }

// NewBroadcast returns the Broadcast for an action that is to be run on the parts of a decision. There is at least one.
func NewBroadcast(action *ami.Message, d *Decision) *Broadcast {
	return &Broadcast{newParts(action, d)}
}

// Take takes the next piece of the answer of part i. There is nothing to be sent before the end.
func (b *Broadcast) Take(dst []byte, i int, piece []byte) []byte {
	p := &b.all[i]
	if !p.finished {
		p.messages(piece, &b.message, func(m *ami.Message) {
			if p.state == waiting && m.Kind() == ami.KindResponse {
				p.respond(b.action, m)
			}
		})
	}
	return dst
}

// End tells that no more of part i will come: all of it has, or failure says why not. With the last part comes the answer.
func (b *Broadcast) End(dst []byte, i int, failure string) []byte {
	if b.end(i, failure) && b.ended() {
		dst = append(dst, b.close().Bytes()...)
	}
	return dst
}

func (b *Broadcast) close() *ami.Message {
	done := b.first(answered)
	if done == nil {
		return b.refusal()
	}
	m := done.answer
	if f := b.failed(); f != nil {
		m = b.head("Error").Add("Message", "Failed on some nodes: "+strings.TrimSpace(f.failure))
	}
	var all []string
	for i := range b.all {
		if b.all[i].state == answered {
			all = append(all, b.all[i].Label)
		}
	}
	return b.confess(m.Add("NodesSucceeded", enumerate(all)), nil)
}

// failed returns the first part that failed and should not have.
func (b *Broadcast) failed() *part {
	for i := range b.all {
		if p := &b.all[i]; p.state == failed && !p.nothing {
			return p
		}
	}
	return nil
}
