package cursor

import "github.com/amibus/amibus/bus/merge"

// span is a range of events of one incarnation.
type span struct{ epoch, from, to uint64 }

// noEnd as the end of a span: it goes as far as anybody has events.
const noEnd = 1<<63 - 1

// count is how many events there are in the span at most.
func (s span) count() uint64 { return s.to - s.from + 1 }

// total is how many events there are in all spans, cut where it could overflow.
func total(spans []span) (n uint64) {
	for _, s := range spans {
		n = min(n+s.count(), noEnd)
	}
	return n
}

// plan returns what a reader at from lacks up to to, where past are the incarnations in between, ascending.
func plan(from, to Pos, past []merge.Past) []span {
	var all []span
	add := func(epoch, first, last uint64) {
		if first <= last {
			all = append(all, span{epoch, first, last})
		}
	}
	if from.Epoch > to.Epoch {
		return nil
	}
	if from.Epoch == to.Epoch {
		add(to.Epoch, from.Seq+1, to.Seq)
		return all
	}
	end := uint64(noEnd)
	for _, p := range past {
		if p.Epoch == from.Epoch {
			end = p.End
		}
	}
	add(from.Epoch, from.Seq+1, end)
	for _, p := range past {
		if p.Epoch > from.Epoch && p.Epoch < to.Epoch {
			add(p.Epoch, 1, p.End)
		}
	}
	add(to.Epoch, 1, to.Seq)
	return all
}
