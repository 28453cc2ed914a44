package cursor

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/amibus/amibus/bus/merge"
)

// Open as Missing of a gap: whatever came behind Seq in that incarnation, and in those before the next one given, if anything did.
const Open = ^uint64(0)

// MaxLine is the most bytes of a line of a Vector.
const MaxLine = 900

// Pos is a place in the stream of one node: behind event Seq of incarnation Epoch, and behind all older ones.
type Pos struct{ Epoch, Seq uint64 }

// Compare orders places of one node.
func (p Pos) Compare(o Pos) int {
	return cmp.Or(cmp.Compare(p.Epoch, o.Epoch), cmp.Compare(p.Seq, o.Seq))
}

// Vector is where a reader stands in the streams of all nodes he has heard of.
type Vector map[merge.Node]Pos

// Now is where a reader stands who has had all that was emitted, or, with arrival, all that has arrived.
func Now(positions []merge.Position, arrival bool) Vector {
	v := make(Vector, len(positions))
	for i := range positions {
		p := &positions[i]
		at := Pos{p.Epoch, p.Emitted}
		if arrival {
			at = Pos{p.ArrivedE, p.Arrived}
		}
		if at.Epoch != 0 {
			v[p.Node] = at
		}
	}
	return v
}

// Back moves v from behind the events, which come last in what v covers, to before them. Events without a place are ignored, and so is
// a gap that was declared behind its place: of an incarnation that v has left behind. past are the incarnations of each node that are
// over, where gaps may come late; in a replay they do not.
func (v Vector) Back(events []merge.Event, past map[merge.Node][]merge.Past) {
	for i := range slices.Backward(events) {
		e := &events[i]
		at, ok := v[*e.Node]
		last := at == Pos{e.Epoch, e.Seq}
		if !ok || e.Seq == 0 && e.Missing == 0 || !last && (at.Seq != 0 || e.Epoch >= at.Epoch) {
			continue
		}
		if !last && e.Missing > 0 && anyBetween(past[*e.Node], e.Epoch, at.Epoch) {
			continue // of the incarnation in between all has been written
		}
		n := max(e.Missing, 1)
		if e.Missing == Open {
			n = 0
		}
		v[*e.Node] = Pos{e.Epoch, e.Seq - n}
	}
}

// anyBetween tells whether there are events of an incarnation between two.
func anyBetween(past []merge.Past, older, newer uint64) bool {
	return slices.ContainsFunc(past, func(p merge.Past) bool { return p.Epoch > older && p.Epoch < newer && p.End > 0 })
}

// Trim takes from a live event what a reader at v has had. It tells whether anything is left. If the event is of an incarnation newer
// than that of v, or leaves events out, the reader may lack what is in between and must replay from v.
func (v Vector) Trim(e *merge.Event) (left, replay bool) {
	at, ok := v[*e.Node]
	switch {
	case !ok || e.Seq == 0:
		return true, false
	case e.Epoch > at.Epoch:
		return false, true
	case e.Epoch < at.Epoch || e.Seq <= at.Seq:
		return false, false
	case e.Seq-max(e.Missing, 1) > at.Seq: // the node came to know of this stream only now, somewhere in the middle
		return false, true
	}
	e.Missing = min(e.Missing, e.Seq-at.Seq)
	delete(v, *e.Node)
	return true, false
}

// Lines writes v as lines of at most size bytes: "site/node/epoch/seq,…", sorted by node.
func (v Vector) Lines(size int) []string {
	var lines []string
	var line []byte
	for _, n := range slices.SortedFunc(maps.Keys(v), merge.Node.Compare) {
		item := fmt.Sprintf("%s/%s/%d/%d", n.Site, n.Name, v[n].Epoch, v[n].Seq)
		if len(line) > 0 && len(line)+1+len(item) > size {
			lines, line = append(lines, string(line)), line[:0]
		}
		if len(line) > 0 {
			line = append(line, ',')
		}
		line = append(line, item...)
	}
	if len(line) > 0 {
		lines = append(lines, string(line))
	}
	return lines
}

// Parse is the inverse of Lines. Blanks around items are allowed. No lines give an empty Vector.
func Parse(lines iter.Seq[[]byte]) (Vector, error) {
	v := Vector{}
	for line := range lines {
		for item := range strings.SplitSeq(string(line), ",") {
			n, p, ok := parse(strings.TrimSpace(item))
			if !ok {
				return nil, fmt.Errorf("%.100q is not a position: site/node/epoch/seq", item)
			}
			if _, twice := v[n]; twice {
				return nil, fmt.Errorf("there are two positions of %s", n)
			}
			v[n] = p
		}
	}
	return v, nil
}

func parse(item string) (n merge.Node, p Pos, ok bool) {
	parts := strings.Split(item, "/")
	if len(parts) != 4 || !isName(parts[0]) || !isName(parts[1]) {
		return n, p, false
	}
	// 63 bits: what a node of ours never reaches must not overflow either
	epoch, err := strconv.ParseUint(parts[2], 10, 63)
	seq, err2 := strconv.ParseUint(parts[3], 10, 63)
	return merge.Node{Site: parts[0], Name: parts[1]}, Pos{epoch, seq}, err == nil && err2 == nil && epoch > 0
}

// isName tells whether a node or site may be called so (node/config).
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 63
}
