package verify

import (
	"cmp"
	"slices"
)

// node is what is known of the events of one SystemName.
type node struct {
	name      string
	channels  map[string]*channel // by Uniqueid: those whose Newchannel was seen, the last ended ones among them
	names     map[string]*channel // the live ones, by name
	bridges   map[string]*bridge  // the last destroyed ones among them
	live      int                 // of the channels
	standing  int                 // of the bridges
	ended     ring[*channel]
	destroyed ring[*bridge]
	births    births
	early     strangers // channels that an event was about before any Newchannel
	earlyB    strangers // bridges, BridgeCreate
	moves     map[string]*optimization
	parked    map[string]parking
	places    map[string]string // who is parked there
	rooms     map[string]*room
	last      order
	closed    ring[*room]
	limit     int
}

func newNode(name string, ended int) *node {
	n := &node{name: name, limit: ended}
	n.forget()
	return n
}

// forget makes it a node of which nothing is known: all ids may have begun or ended unseen. Its place in the stream stays.
func (n *node) forget() {
	*n = node{name: n.name, limit: n.limit, last: n.last, channels: map[string]*channel{}, names: map[string]*channel{}, bridges: map[string]*bridge{},
		moves: map[string]*optimization{}, parked: map[string]parking{}, places: map[string]string{}, rooms: map[string]*room{}}
	n.last.hash, n.last.stamp = 0, 0
}

// full tells whether there is more than may be kept.
func (n *node) full(live int) bool {
	return n.live >= live || n.standing >= live || len(n.moves) >= live || len(n.parked) >= live ||
		len(n.rooms) >= live
}

// ring holds the newest of a number of things.
type ring[T any] struct {
	items []T
	next  int
}

// put returns what had to go for v.
func (r *ring[T]) put(v T, limit int) (old T, full bool) {
	if len(r.items) < limit {
		r.items = append(r.items, v)
		return old, false
	}
	old, r.items[r.next] = r.items[r.next], v
	r.next = (r.next + 1) % len(r.items)
	return old, true
}

// strangers are ids that were seen without their beginning: it was before the checker, or it is still to come, which breaks a rule.
type strangers struct {
	seen map[string]stranger
	ids  ring[string]
}

// stranger is the first event about an id.
type stranger struct {
	rule Rule // what it breaks if the beginning comes later; 0: reported
	ref  Ref
}

func (s *strangers) note(id []byte, rule Rule, at int64, name string, limit int) {
	if _, ok := s.seen[string(id)]; ok {
		return
	}
	if s.seen == nil {
		s.seen = map[string]stranger{}
	}
	key := string(id)
	s.seen[key] = stranger{rule, Ref{at, name + " of " + key}}
	if old, full := s.ids.put(key, limit); full {
		delete(s.seen, old)
	}
}

// rest reports what has begun and not ended, in the order of its beginning.
func (c *Checker) rest(n *node) {
	type open struct {
		rule Rule
		ref  Ref
		text string
	}
	var all []open
	for _, ch := range n.channels {
		if ch.gone() {
			continue
		}
		if ch.optimized.At > 0 {
			all = append(all, open{40, ch.optimized, "a half was optimized away and never hung up: " + ch.id})
		}
		all = append(all, open{5, ch.created, "there is no Hangup of " + ch.id})
		if ch.forwarded.At > 0 {
			all = append(all, open{21, ch.forwarded, "a forwarded dial was never begun"})
		}
	}
	for _, b := range n.bridges {
		if b.destroyed.At == 0 {
			rule, text, ref := Rule(26), "there is no BridgeDestroy of "+b.id, b.created
			if b.merged.At > 0 {
				rule, text, ref = 34, "a bridge was merged into another one and never destroyed: "+b.id, b.merged
			}
			all = append(all, open{rule, ref, text})
		}
	}
	for id, o := range n.moves {
		all = append(all, open{38, o.begun, "there is no LocalOptimizationEnd of " + id})
	}
	for id, p := range n.parked {
		all = append(all, open{42, p.ref, "nothing ends the parking of " + id})
	}
	for name, r := range n.rooms {
		if r.ended.At == 0 {
			all = append(all, open{44, r.started, "there is no ConfbridgeEnd of " + name})
		}
	}
	slices.SortFunc(all, func(a, b open) int {
		return cmp.Or(cmp.Compare(a.ref.At, b.ref.At), cmp.Compare(a.rule, b.rule), cmp.Compare(a.text, b.text))
	})
	for _, o := range all {
		c.violation(o.rule, n.name, []Ref{o.ref}, "%s", o.text)
	}
}
