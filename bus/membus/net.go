package membus

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/amibus/amibus/bus"
)

// Net joins the buses of a test. Use NewNet.
type Net struct {
	mu    sync.Mutex
	buses []*Bus
	cuts  map[pair]bool
	delay map[pair]time.Duration
	lose  func(from, to, subject string) bool
}

// pair is a direction between two buses, by name.
type pair struct{ from, to string }

// NewNet returns a Net without faults.
func NewNet() *Net {
	return &Net{cuts: make(map[pair]bool), delay: make(map[pair]time.Duration)}
}

// Bus adds a bus to the net. A name may be used again once its bus is closed.
func (n *Net) Bus(name string) *Bus {
	b := newBus(n, name)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.buses = append(n.buses, b)
	return b
}

// Cut separates a from b, both ways. Answers under way between them break off.
func (n *Net) Cut(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[pair{a, b}], n.cuts[pair{b, a}] = true, true
	for _, x := range n.buses {
		x.breakOff(a, b)
	}
}

// Heal undoes Cut.
func (n *Net) Heal(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cuts, pair{a, b})
	delete(n.cuts, pair{b, a})
}

// Delay holds up everything from one bus to another.
func (n *Net) Delay(from, to string, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay[pair{from, to}] = d
}

// Lose drops the published messages for which lose returns true; nil loses none. It is called for one message at a time.
func (n *Net) Lose(lose func(from, to, subject string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose = lose
}

// publish hands a message to everybody who can hear it. The lock is what keeps the order of a publisher.
func (n *Net) publish(from *Bus, subject string, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for _, to := range n.buses {
		way := pair{from.name, to.name}
		if to == from || n.cuts[way] || !to.wanted(subject) || n.lose != nil && n.lose(from.name, to.name, subject) {
			continue
		}
		to.deliver(subject, data, now.Add(n.delay[way]))
	}
}

// wanted tells whether any bus that is not closed has a subscription. Cuts do not count: who asks cannot know of them.
func (n *Net) wanted(subject string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.buses, func(b *Bus) bool { return b.wanted(subject) })
}

// ask starts the call at one who serves the subject and can be reached.
func (n *Net) ask(from *Bus, subject string, req []byte, c *call) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, to := range n.buses {
		there, back := pair{from.name, to.name}, pair{to.name, from.name}
		if to == from || n.cuts[there] {
			continue
		}
		if s := to.service(subject); s != nil {
			c.way, c.there, c.back = there, n.delay[there], n.delay[back]
			return s.start(req, c)
		}
	}
	return bus.ErrNoResponder
}

func (n *Net) remove(b *Bus) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.buses = slices.DeleteFunc(n.buses, func(x *Bus) bool { return x == b })
}

// match tells whether the subject matches the pattern: * is one token, > at the end is one or more.
func match(pattern, subject string) bool {
	for {
		p, restP, moreP := strings.Cut(pattern, ".")
		if p == ">" && !moreP {
			return subject != ""
		}
		s, restS, moreS := strings.Cut(subject, ".")
		if p != "*" && p != s || moreP != moreS {
			return false
		}
		if !moreP {
			return true
		}
		pattern, subject = restP, restS
	}
}
