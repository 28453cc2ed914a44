//go:build chaos && linux

package chaos

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// follower is a client that goes on where it stopped, at any node: it keeps the EventID of the last event of each node, and says them
// when it logs in again. What it saw in all must be the stream.
type follower struct {
	name    string
	nodes   []string
	sources map[string]int
	done    chan struct{}
	wg      sync.WaitGroup

	mu       sync.Mutex
	restless bool // its connection is cut again and again
	conn     net.Conn
	at       string // the node
	logins   int
	gaps     int
	all      session // over all connections
	place    map[string]place
	wrong    []string
}

// place is where a follower stands in the stream of one node.
type place struct{ epoch, seq uint64 }

func newFollower(t *testing.T, name string, nodes []string, sources map[string]int, rng *rand.Rand) *follower {
	t.Helper()
	f := &follower{name: name, nodes: nodes, sources: sources, done: make(chan struct{}),
		all: session{last: make([]uint32, len(sources))}, place: map[string]place{}}
	choose, when := rand.New(rand.NewPCG(rng.Uint64(), 0)), rand.New(rand.NewPCG(rng.Uint64(), 0))
	f.wg.Go(func() { f.run(choose) })
	f.wg.Go(func() { f.disturb(when) })
	t.Cleanup(func() {
		close(f.done)
		f.mu.Lock()
		if f.conn != nil {
			f.conn.Close()
		}
		f.mu.Unlock()
		f.wg.Wait()
	})
	return f
}

// roam lets it be cut, or stay where it is.
func (f *follower) roam(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restless = on
}

// disturb cuts the connection every now and then while it roams.
func (f *follower) disturb(rng *rand.Rand) {
	for {
		select {
		case <-f.done:
			return
		case <-time.After(time.Duration(300+rng.IntN(1200)) * time.Millisecond):
		}
		f.mu.Lock()
		if f.restless && f.conn != nil {
			f.conn.Close()
		}
		f.mu.Unlock()
	}
}

func (f *follower) run(rng *rand.Rand) {
	for {
		node := f.nodes[rng.IntN(len(f.nodes))]
		if conn, err := dial(node, amiAddr); err == nil {
			f.follow(node, conn)
			conn.Close()
		}
		select {
		case <-f.done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// follow is one connection.
func (f *follower) follow(node string, conn net.Conn) {
	f.mu.Lock()
	f.conn, f.at = conn, node
	headers := "Username: follower\r\n"
	for name, p := range f.place {
		headers += fmt.Sprintf("ResumeFrom: %s/%d/%d\r\n", name, p.epoch, p.seq)
	}
	resumed := len(f.place) > 0
	f.mu.Unlock()
	d, err := login(conn, headers)
	if err != nil {
		if strings.Contains(err.Error(), "refused") {
			f.mu.Lock()
			f.wrong = append(f.wrong, err.Error())
			f.mu.Unlock()
		}
		return
	}
	f.mu.Lock()
	f.logins++
	f.mu.Unlock()
	var before string // time of the last event that was not late
	for {
		m, err := d.Decode()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.take(m)
		// What is replayed is not marked as late, so the order is that of the keys only where nothing was replayed.
		if now := string(m.Get("EventTime")); now != "" && !m.Has("Late") && !resumed {
			if cmp.Or(cmp.Compare(len(now), len(before)), cmp.Compare(now, before)) < 0 {
				f.wrong = append(f.wrong, fmt.Sprintf("an event of %s came after one of %s and is not marked as late: %s", now, before, m.Get("EventID")))
			}
			before = now
		}
		f.mu.Unlock()
	}
}

// take needs mu.
func (f *follower) take(m *ami.Message) {
	text := m.Bytes()
	if id := string(m.Get("EventID")); id != "" {
		f.step(id)
		i := bytes.LastIndex(text, []byte("\r\nEventID: "))
		text = slices.Concat(text[:i+2], []byte("\r\n"))
	} else if string(m.Get("Event")) == "Gap" {
		f.gap(m)
	}
	f.all.keep(m, text, f.sources)
}

// step moves to an event: the next of its incarnation, or the first of a newer one.
func (f *follower) step(id string) {
	var p place
	i := strings.LastIndexByte(id[:max(strings.LastIndexByte(id, '/'), 0)], '/')
	if _, err := fmt.Sscanf(id[max(i, 0):], "/%d/%d", &p.epoch, &p.seq); err != nil {
		f.wrong = append(f.wrong, fmt.Sprintf("EventID %q: %v", id, err))
		return
	}
	name := id[:i]
	was, known := f.place[name]
	switch {
	case !known, p.epoch == was.epoch && p.seq == was.seq+1, p.epoch > was.epoch && p.seq == 1:
	default:
		f.wrong = append(f.wrong, fmt.Sprintf("at %s: event %s came after %d/%d", f.at, id, was.epoch, was.seq))
	}
	f.place[name] = p
}

// gap: only the end of an incarnation that was killed may be unknown, and such a gap has no end.
func (f *follower) gap(m *ami.Message) {
	f.gaps++
	if m.Has("Last") {
		f.wrong = append(f.wrong, fmt.Sprintf("at %s: a loss was declared: %q", f.at, m.Bytes()))
	}
}

// now returns what it has got so far.
func (f *follower) now() session {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.all
	s.events, s.last = s.events[:len(s.events):len(s.events)], slices.Clone(s.last)
	return s
}

// report says what happened to it, and everything that is wrong.
func (f *follower) report() (text string, wrong []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprintf("%s: %d events over %d logins, %d open ends of incarnations", f.name, len(f.all.events), f.logins, f.gaps), slices.Clone(f.wrong)
}

// entered tells whether it was ever let in.
func (f *follower) entered() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logins > 0
}
