package node

import (
	"sync"

	"github.com/amibus/amibus/node/reconcile"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

// arenaBlock is how much memory events share: one allocation for about a hundred of them. A block lives as long as any event in it.
const arenaBlock = 64 << 10

// intake turns what a source says into entries and publishes them on the manager topic.
type intake struct {
	n  *Node
	mu sync.Mutex // upstream's reader and the sessions that raise events take turns

	block  []byte
	belief *reconcile.View // what all who see the events believe of the own Asterisk; of the engine, which is heard all the time, only what was before
}

func newIntake(n *Node) *intake {
	return &intake{n: n, block: make([]byte, 0, arenaBlock), belief: reconcile.NewView()}
}

// take publishes one event. It does not wait for the bus.
func (in *intake) take(m *ami.Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if cap(in.block)-len(in.block) < 2*len(m.Bytes()) {
		in.block = make([]byte, 0, max(arenaBlock, 4*len(m.Bytes())))
	}
	from := len(in.block)
	b, err := in.n.origin.Load().AppendEntry(in.block, m)
	if err == nil {
		in.block = b
		var e wire.Entry
		if e, err = wire.ParseEntry(b[from:len(b):len(b)]); err == nil {
			if in.n.upstream != nil {
				in.belief.Take(e.AMI())
			}
			in.n.manager.Publish(e)
			return
		}
	}
	in.n.refused.Add(1)
	in.n.log.Error("event of the own source cannot be carried", "err", err, "first_line", firstLine(m))
}

func firstLine(m *ami.Message) string {
	if m.Len() == 0 {
		return ""
	}
	return string(m.Line(0))
}
