package merge

import (
	"slices"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

// TestARestartedNodeFinishesWhatItHadSaid: what only the journal of the dead process holds is emitted by all when it is back, by itself
// too, before anything of the new incarnation.
func TestARestartedNodeFinishesWhatItHadSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 3)
	for _, n := range w.nodes {
		n.up()
	}
	w.run(500 * time.Millisecond)
	a, c := w.nodes[0], w.nodes[2]
	c.disk = true
	say := func(texts ...string) {
		for _, s := range texts {
			c.step(Own{[]wire.Entry{entry(s)}})
		}
		w.run(50 * time.Millisecond)
	}
	say("1", "2", "3")
	w.cut(c, w.nodes[0], true, false)
	w.cut(c, w.nodes[1], true, false)
	say("4", "5", "6", "7", "8", "9", "10", "11", "12")
	c.kill()
	w.cut(c, w.nodes[0], false, false)
	w.cut(c, w.nodes[1], false, false)
	w.run(time.Second)
	c.up()
	w.run(time.Second)
	say("new")
	w.run(5 * time.Second)
	of := func(n *host) (all []string) {
		for i := range n.seen.emitted {
			if e := &n.seen.emitted[i]; *e.Node == c.id {
				all = append(all, string(e.Entry.AMI()))
			}
		}
		return all
	}
	theirs, own := of(a), of(c)
	if len(theirs) < 9 || theirs[3] != "4" || theirs[len(theirs)-1] != "new" { // up to four may not have been on the disk
		t.Errorf("alpha has %v", theirs)
	}
	if !slices.Equal(own, theirs[3:]) {
		t.Errorf("charlie has %v, alpha %v", own, theirs)
	}
}
