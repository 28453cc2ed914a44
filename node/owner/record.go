package owner

import (
	"sync/atomic"

	"github.com/amibus/amibus/bus/merge"
)

type kind uint8

const (
	removed       kind = iota // a slot that was left
	channel                   // key: id, name
	bridge                    // key: id
	absentChannel             // nobody has a channel of that key
	absentBridge
)

// absent returns the kind of a record that says that nobody has one of kind k.
func (k kind) absent() kind { return k + absentChannel - channel }

// record is what is known of a channel or bridge of a node, or that nobody has one. But for ended it is never changed: readers hold it.
type record struct {
	text     []byte // the id, then the name
	node     *node  // nil: nobody has it
	ended    atomic.Int64
	idHash   uint32
	nameHash uint32 // the idHash if there is no name
	idLen    uint16
	number   int16 // where the number of the id starts, -1 if it has none
	kind     kind
	out      bool // it is not counted any more; needs mu
}

func (p *record) id() []byte { return p.text[:p.idLen:p.idLen] }

// maxKey is the longest id or name that is kept. No action could ask for a longer one (ami/behaviour.md 2.4).
const maxKey = 1024

func (r *Registry) newRecord(k kind, n *node, id, name []byte) *record {
	p := roomFor(len(id) + len(name))
	p.node, p.kind, p.idLen, p.number = n, k, uint16(len(id)), int16(numberAt(id))
	p.text = append(append(p.text, id...), name...)
	p.idHash = r.hashKey(id, int(p.number))
	p.nameHash = p.idHash
	if len(name) > 0 {
		p.nameHash = r.hashKey(name, numberAt(name))
	}
	return p
}

// roomFor returns a record with room for a text of n bytes, behind it if it is no longer than usual: a reader has less far to go.
func roomFor(n int) *record {
	switch {
	case n <= 56:
		p := &struct {
			record
			room [56]byte
		}{}
		p.text = p.room[:0]
		return &p.record
	case n <= 104:
		p := &struct {
			record
			room [104]byte
		}{}
		p.text = p.room[:0]
		return &p.record
	}
	return &record{text: make([]byte, 0, n)}
}

// answersTo tells whether the node of p would take the key, which has hash h, for p. unique: by an id that no other node makes.
func (p *record) answersTo(key []byte, number int, h uint32) (ok, unique bool) {
	if name := p.text[p.idLen:]; p.nameHash == h && len(name) > 0 && sameFold(name, key) {
		return true, false
	}
	if p.idHash != h {
		return false, false
	}
	id := p.text[:p.idLen]
	if sameFold(id, key) {
		return true, p.number > 0
	}
	if number < 0 || p.number < 0 || p.kind != channel || !sameFold(id[p.number:], key[number:]) {
		return false, false
	}
	if own := p.node.source.Load(); own != nil {
		return samePrefix(key[:number], *own), number > 0
	}
	return number == 0 && samePrefix(id[:p.number], p.node.self.Name), false
}

// samePrefix tells whether what stands before the number of an id is of that systemname.
func samePrefix(prefix []byte, systemname string) bool {
	if len(systemname) == 0 || len(prefix) == 0 {
		return len(systemname) == 0 && len(prefix) == 0
	}
	return sameFold(prefix[:len(prefix)-1], []byte(systemname))
}

// node is what is known of a node.
type node struct {
	self   merge.Node
	list   []merge.Node           // it alone, for answers
	state  atomic.Uint32          // inView, lost or gone
	source atomic.Pointer[string] // the systemname its own Asterisk has, "" if it has none; nil: not known
}

// The states of a node.
const (
	inView = iota
	lost   // out of view
	gone   // removed: its records are as good as none
)

const endedRank = 2 // and below: what has ended

// rank is how much the record is worth, 4 to 1: what lives before what has ended, nodes in view before those that are lost; 0 for
// nothing.
func (p *record) rank() int {
	state := p.node.state.Load()
	if state == gone {
		return 0
	}
	rank := 4 - int(state)
	if p.ended.Load() != 0 {
		rank -= 2
	}
	return rank
}
