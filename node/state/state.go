package state

import (
	"strings"
	"sync"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/translator"
)

const (
	maxChannels = 200_000 // of a node; and as many bridges
	maxEnded    = 4096    // of a node: ids that are not brought back
)

// Channel is what is known of a channel. Its texts are headers as Asterisk writes them.
type Channel struct {
	Uniqueid  string
	Text      string // the group, without role
	App, Data string // what it runs, if anything
	Bridge    string // the id of the one it is in
	Since     int64  // HLC of its first event
	order     uint64 // among the channels of its node
}

// Name is the channel's name.
func (c *Channel) Name() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(c.Text, "Channel: "), "\r\n")
	return name
}

// Bridge is what is known of a bridge.
type Bridge struct {
	ID    string
	Text  string // the group, without role
	Since int64
	order uint64
}

// Stats are figures about a Store.
type Stats struct {
	Channels, Bridges int
	Refused           uint64 // beyond the limit
	Adopted, GivenUp  uint64 // nodes whose past was taken over from another node, and those of which nobody could give it
	Overflows         uint64 // times too much was said by a node whose past had not come yet: it must be asked for anew
	Whole             bool   // the past of every node is known
}

// Store is the state of the cluster. It is safe for concurrent use; only one goroutine feeds it.
type Store struct {
	mu       sync.RWMutex
	nodes    map[merge.Node]*part
	expected bool // Expect has been called
	buf      []byte
	stats    Stats
}

// part is the state of one node.
type part struct {
	channels map[string]*Channel
	bridges  map[string]*Bridge
	order    uint64
	at       Position
	ended    map[string]struct{}
	ring     [maxEnded]string // the ids in ended, the oldest at next
	next     int
	past     // what was before the first event seen
}

func newPart(at Position) *part {
	return &part{channels: map[string]*Channel{}, bridges: map[string]*Bridge{}, ended: map[string]struct{}{}, at: at,
		past: past{start: at, whole: at.Seq == 0}}
}

// New returns a Store that knows nothing.
func New() *Store { return &Store{nodes: map[merge.Node]*part{}} }

// Apply takes the next events of the stream and, before anybody else can look, calls then.
func (s *Store) Apply(events []merge.Event, then func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		s.take(&events[i])
	}
	then()
}

// Stats returns the figures of now.
func (s *Store) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := s.stats
	out.Whole = s.whole()
	for _, p := range s.nodes {
		out.Channels += len(p.channels)
		out.Bridges += len(p.bridges)
	}
	return out
}

func (s *Store) take(e *merge.Event) {
	if e.Seq == 0 {
		return // about the stream
	}
	p := s.nodes[*e.Node]
	if p == nil {
		p = newPart(before(e))
		s.nodes[*e.Node] = p
	}
	if !p.passes(e) {
		return
	}
	if !p.whole {
		s.keep(p, e)
	}
	if from, ok := TakenOver(e); ok {
		s.takeOver(p, from)
	}
	s.apply(p, e)
}

// TakenOver tells whether an event says that its node goes on with the Asterisk of another one, and of which.
func TakenOver(e *merge.Event) (from merge.Node, ok bool) {
	if string(e.Entry.Name()) != "Discontinuity" || e.Missing > 0 {
		return from, false
	}
	site, name, ok := strings.Cut(string(translator.HeaderValue(e.Entry.AMI(), "From")), "/")
	return merge.Node{Site: site, Name: name}, ok
}

// takeOver makes the calls of another node those of p.
func (s *Store) takeOver(p *part, from merge.Node) {
	old := s.nodes[from]
	if old == nil || old == p {
		return
	}
	all := Part{}
	for _, c := range old.channels {
		all.Channels = append(all.Channels, *c)
	}
	for _, b := range old.bridges {
		all.Bridges = append(all.Bridges, *b)
	}
	all.Sort()
	s.fill(p, &all)
	clear(old.channels)
	clear(old.bridges)
}

// apply changes the state of a node by its next event. Of events that are lost nothing is known but that they were.
func (s *Store) apply(p *part, e *merge.Event) {
	if e.Missing > 0 {
		p.at.Epoch, p.at.Seq = e.Epoch, e.Seq
		return
	}
	p.at = Position{e.Epoch, e.Seq, e.HLC}
	text, name := e.Entry.AMI(), e.Entry.Name()
	begins := string(name) == "Newchannel" || string(name) == "BridgeCreate"
	var channel *Channel
	var bridge *Bridge
	translator.Groups(text, func(g *translator.GroupText) {
		if g.Bridge {
			if b := s.bridge(p, g, e.HLC, begins); len(g.Role) == 0 {
				bridge = b
			}
		} else if c := s.channel(p, g, e.HLC, begins); len(g.Role) == 0 {
			channel = c
		}
	})
	switch string(name) {
	case "Newexten":
		if channel != nil {
			channel.App, channel.Data = value(channel.App, text, "Application"), value(channel.Data, text, "AppData")
		}
	case "BridgeEnter", "BridgeLeave":
		enterOrLeave(channel, bridge, string(name) == "BridgeEnter")
	case "Hangup":
		if channel != nil {
			delete(p.channels, channel.Uniqueid)
			p.end(channel.Uniqueid)
		}
	case "BridgeDestroy":
		if bridge != nil {
			delete(p.bridges, bridge.ID)
			p.end(bridge.ID)
		}
	}
}

func enterOrLeave(c *Channel, b *Bridge, enter bool) {
	switch {
	case c == nil:
	case enter && b != nil:
		c.Bridge = b.ID
	case b == nil || c.Bridge == b.ID:
		c.Bridge = ""
	}
}

// value is that of a header; the old string if it is the same.
func value(old string, text []byte, name string) string {
	if v := translator.HeaderValue(text, name); string(v) != old {
		return string(v)
	}
	return old
}

// channel keeps what a group says; nil if the channel has ended. A chosen id may be used again: begins says that it is.
func (s *Store) channel(p *part, g *translator.GroupText, at int64, begins bool) *Channel {
	c := p.channels[string(g.ID)]
	if c == nil {
		if !s.room(p, g.ID, len(p.channels), begins) {
			return nil
		}
		p.order++
		c = &Channel{Uniqueid: string(g.ID), Since: at, order: p.order}
		p.channels[c.Uniqueid] = c
	}
	c.Text = s.bare(c.Text, g)
	return c
}

// bridge keeps what a group says; nil if the bridge has ended.
func (s *Store) bridge(p *part, g *translator.GroupText, at int64, begins bool) *Bridge {
	b := p.bridges[string(g.ID)]
	if b == nil {
		if !s.room(p, g.ID, len(p.bridges), begins) {
			return nil
		}
		p.order++
		b = &Bridge{ID: string(g.ID), Since: at, order: p.order}
		p.bridges[b.ID] = b
	}
	b.Text = s.bare(b.Text, g)
	return b
}

// room says whether something of that id is to be kept that is not there yet.
func (s *Store) room(p *part, id []byte, have int, begins bool) bool {
	if len(id) == 0 {
		return false
	}
	if _, ended := p.ended[string(id)]; ended {
		if !begins {
			return false
		}
		delete(p.ended, string(id))
	}
	if have >= maxChannels {
		s.stats.Refused++
		return false
	}
	return true
}

// end remembers an id that is not to come back.
func (p *part) end(id string) {
	delete(p.ended, p.ring[p.next])
	p.ring[p.next], p.ended[id] = id, struct{}{}
	p.next = (p.next + 1) % maxEnded
}

// bare returns the group without role as a string: the old one if it says the same.
func (s *Store) bare(old string, g *translator.GroupText) string {
	lines := g.Lines
	if len(g.Role) > 0 {
		s.buf = g.Bare(s.buf[:0])
		lines = s.buf
	}
	if old == string(lines) {
		return old
	}
	return string(lines)
}
