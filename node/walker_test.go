package node

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
)

// walker is a client that goes from node to node and keeps its place in the stream.
type walker struct {
	user    string
	from    []string      // ResumeFrom lines of its next login
	at      cursor.Vector // by what it has read
	counts  map[string]int64
	gaps    int
	late    int
	session int
	err     error
}

// read takes one event, and checks it against all that came before.
func (w *walker) read(m *ami.Message, last *string) error {
	n, p, missing, err := place(m)
	if err != nil || n == (merge.Node{}) {
		return err
	}
	old, known := w.at[n]
	switch {
	case known && p.Epoch < old.Epoch, p.Epoch == old.Epoch && p.Seq-missing != old.Seq:
		return fmt.Errorf("%s: at %v, got\n%s", w.user, old, m.Bytes())
	case known && p.Epoch > old.Epoch && p.Seq != missing:
		return fmt.Errorf("%s: at %v, and the new incarnation begins with\n%s", w.user, old, m.Bytes())
	}
	w.at[n] = p
	if string(m.Get("Event")) == "Gap" {
		w.gaps++
		return nil
	}
	if of := string(m.Get("Of")); of != "" {
		count, _ := strconv.ParseInt(string(m.Get("Count")), 10, 64)
		if count != w.counts[of]+1 && w.gaps == 0 {
			return fmt.Errorf("%s: event %d of %s after %d; %d gaps", w.user, count, of, w.counts[of], w.gaps)
		}
		w.counts[of] = count
	}
	if m.Has("Late") {
		w.late++
	}
	if t := string(m.Get("EventTime")); w.user != "arrival" && !m.Has("Late") {
		if t < *last {
			return fmt.Errorf("%s: after %s, and not said to be late:\n%s", w.user, *last, m.Bytes())
		}
		*last = t
	}
	return nil
}

// place is where an event or gap stands; no node for what has no place.
func place(m *ami.Message) (n merge.Node, p cursor.Pos, missing uint64, err error) {
	id := string(m.Get("EventID"))
	missing = 1
	switch {
	case string(m.Get("Event")) == "Gap":
		id = fmt.Sprintf("%s/%s/%s", m.Get("Node"), m.Get("Epoch"), m.Get("Last"))
		missing, _ = strconv.ParseUint(string(m.Get("Count")), 10, 64)
	case id == "":
		return n, p, 0, nil
	}
	v, err := cursor.Parse(func(yield func([]byte) bool) { yield([]byte(id)) })
	for node, pos := range v {
		n, p = node, pos
	}
	return n, p, missing, err
}

// visit is one session: it reads for a while and leaves, with a cursor or in the middle of something.
func (w *walker) visit(t *testing.T, n *testNode, until func() bool, politely bool) error {
	w.session++
	addr, down := n.place()
	c, err := login(t, addr, w.user, w.from...)
	if err != nil {
		return w.excuse(err, "login", n, down) // another node then
	}
	defer c.Close()
	last, asked := "", false
	for {
		m, err := c.Decode()
		if err != nil {
			if err := w.excuse(err, "reading", n, down); err != nil {
				return err
			}
			break
		}
		if m.Kind() == ami.KindResponse {
			return w.takeCursor(m)
		}
		if err := w.read(m, &last); err != nil {
			return fmt.Errorf("session %d, resumed from %q: %w", w.session, w.from, err)
		}
		if !asked && until() {
			if !politely {
				break
			}
			asked = true
			if err := c.say("Action: EventCursor"); err != nil {
				if err := w.excuse(err, "asking", n, down); err != nil {
					return err
				}
				break
			}
		}
	}
	w.from = nil
	for _, line := range w.at.Lines(900) { // what it has read is a cursor too
		w.from = append(w.from, "ResumeFrom: "+line)
	}
	return nil
}

// excuse returns an error that the node's going down does not explain. A stall and a refusal are explained by nothing.
func (w *walker) excuse(err error, what string, n *testNode, down func() bool) error {
	var refused *refusal
	if down() && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.As(err, &refused) {
		return nil
	}
	return fmt.Errorf("%s: session %d at %s, resumed from %q: %s: %w", w.user, w.session, n.name, w.from, what, err)
}

// takeCursor checks the answer to EventCursor against what was read, and goes on from it.
func (w *walker) takeCursor(m *ami.Message) error {
	if string(m.Get("Response")) != "Success" {
		return fmt.Errorf("%s: %q", w.user, m.Bytes())
	}
	v, err := cursor.Parse(m.Values("ResumeFrom"))
	if err != nil {
		return err
	}
	for n, p := range w.at {
		if v[n] != p && (v[n].Seq > 0 || v[n].Epoch <= p.Epoch) { // else a new incarnation has said nothing yet
			return fmt.Errorf("%s: cursor %v %v, read up to %v", w.user, n, v[n], p)
		}
	}
	w.from = nil
	for line := range m.Values("ResumeFrom") {
		w.from = append(w.from, "ResumeFrom: "+string(line))
	}
	return nil
}

// more waits until the node has raised some more events.
func more(t *testing.T, n *testNode) {
	t.Helper()
	before := n.raised.Load()
	eventually(t, n.name+" has raised more events", func() bool { return n.raised.Load() > before+300 })
}

// walk has every node raise events, and clients wander about, until disturb is done and each client has seen all.
func walk(t *testing.T, c *testCluster, disturb func()) {
	t.Helper()
	stop := make(chan struct{})
	var load, walks sync.WaitGroup
	for _, n := range c.nodes {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
					n.raise(3)
				}
			}
		})
	}
	// Epochs are those of the first start; from there on everything must come.
	v := cursor.Vector{}
	for _, n := range c.nodes {
		v[n.self] = cursor.Pos{Epoch: n.epoch, Seq: 0}
	}
	var from []string
	for _, line := range v.Lines(900) {
		from = append(from, "ResumeFrom: "+line)
	}
	var walkers []*walker
	for i, user := range []string{"ids", "ids", "ids", "arrival", "arrival"} {
		w := &walker{user: user, from: from, at: cursor.Vector{}, counts: map[string]int64{}}
		for n, p := range v {
			w.at[n] = p
		}
		walkers = append(walkers, w)
		r := rand.New(rand.NewPCG(uint64(i), 0))
		walks.Go(func() {
			done := func() bool {
				select {
				case <-stop:
					for _, n := range c.nodes {
						if w.counts[n.name] < n.raised.Load() {
							return false
						}
					}
					return true
				default:
					return false
				}
			}
			for !done() && w.err == nil {
				n := c.nodes[r.IntN(len(c.nodes))]
				leave := 1 + r.IntN(600)
				w.err = w.visit(t, n, func() bool { leave--; return leave <= 0 || done() }, r.IntN(2) == 0)
			}
		})
	}
	disturb()
	more(t, c.nodes[0])
	close(stop)
	load.Wait()
	for _, n := range c.nodes {
		n.raise(1) // a walker looks whether it is done when something comes
	}
	walks.Wait()
	for i, w := range walkers {
		t.Logf("walker %d (%s): %d sessions, read up to %v, %d late, %d gaps", i, w.user, w.session, w.counts, w.late, w.gaps)
		if w.err != nil {
			t.Error(w.err)
		}
		if w.gaps > 0 {
			t.Errorf("%d gaps, although everybody had everything", w.gaps)
		}
	}
}
