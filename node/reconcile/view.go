package reconcile

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/amibus/amibus/translator"
)

// maxRecords bounds the channels, and everything else of one kind, of a View.
const maxRecords = 100_000

// maxQueues bounds the queues one caller is in at a time.
const maxQueues = 16

// View is what events say of one Asterisk. It is not safe for concurrent use.
type View struct {
	channels map[string]*channel
	bridges  map[string]*bridge
	parked   map[string]*parking // by the id of the call
	rooms    map[string]*room
	moves    map[string]*move // Local channels being optimized away
	order    uint64
	refused  uint64
	event    event // the one in hand
	buf      []byte
}

type channel struct {
	id, name string
	text     string // the newest group, without role; name and state may be newer
	state    string // of Newchannel and Newstate
	desc     string // its name
	bridge   string
	dial     *dial // as a destination, if under way
	queues   []stay
	order    uint64
}

type bridge struct {
	id, text string
	members  int
	hidden   int // announcers and the like: they count and do not show
	order    uint64
}

type dial struct{ caller, text string } // id and group of the caller, "" without

type stay struct{ queue, position string }

type parking struct {
	id, text, place string
	rest            string // the lines behind the groups
	order           uint64
}

type room struct {
	bridge, text string
	inside       map[string]string // who is in it, and whether as an admin
}

type move struct{ one, two, first, second string } // groups, without role, and ids

// NewView returns a View without anything.
func NewView() *View {
	return &View{channels: map[string]*channel{}, bridges: map[string]*bridge{}, parked: map[string]*parking{}, rooms: map[string]*room{},
		moves: map[string]*move{}}
}

// Channels is how many there are.
func (v *View) Channels() int { return len(v.channels) }

// Refused is how many times there was no room for something.
func (v *View) Refused() uint64 { return v.refused }

// Take takes the text of the next event.
func (v *View) Take(text []byte) {
	tell, ok := tells[string(nameOf(text))]
	if !ok {
		return
	}
	e := &v.event
	e.read(text)
	if !aside(e.name) {
		for i := range e.groups {
			v.mention(&e.groups[i])
		}
	}
	if tell != nil {
		tell(v, e)
	}
}

// mention keeps the newest group.
func (v *View) mention(g *translator.GroupText) {
	if g.Bridge {
		b := v.bridges[string(g.ID)]
		if b == nil {
			if b = v.newBridge(string(g.ID)); b == nil {
				return
			}
		}
		b.text = v.bare(b.text, g)
		return
	}
	c := v.channels[string(g.ID)]
	if c == nil {
		if c = v.newChannel(string(g.ID)); c == nil {
			return
		}
		c.begin(g)
	}
	c.text = v.bare(c.text, g)
}

// begin takes what a group says of a channel that nothing was known of.
func (c *channel) begin(g *translator.GroupText) {
	c.name = line(g, "Channel")
	c.takeState(g)
}

func (c *channel) takeState(g *translator.GroupText) {
	c.state, c.desc = line(g, "ChannelState"), line(g, "ChannelStateDesc")
}

// group is the newest group, with the name and the state that were said to be so: another event may show a state early or late
// (ami/ordering.md 7).
func (c *channel) group() string {
	if valueOf(c.text, "Channel") == c.name && valueOf(c.text, "ChannelState") == c.state {
		return c.text
	}
	return with(with(with(c.text, "Channel", c.name), "ChannelState", c.state), "ChannelStateDesc", c.desc)
}

// count is how many channels a bridge has, by what events said of it.
func (v *View) count(id string) int {
	b := v.bridges[id]
	if b == nil {
		return 0
	}
	return b.members + b.hidden
}

// heed takes how many channels a bridge has.
func (v *View) heed(e *event) {
	if b := v.bridges[e.bridge()]; b != nil {
		if n, err := strconv.Atoi(e.value("BridgeNumChannels")); err == nil {
			b.hidden = max(n-b.members, 0)
		}
	}
}

func (v *View) newChannel(id string) *channel {
	if id == "" || !v.room(len(v.channels)) {
		return nil
	}
	v.order++
	c := &channel{id: id, order: v.order}
	v.channels[id] = c
	return c
}

func (v *View) newBridge(id string) *bridge {
	if id == "" || !v.room(len(v.bridges)) {
		return nil
	}
	v.order++
	b := &bridge{id: id, order: v.order}
	v.bridges[id] = b
	return b
}

func (v *View) room(have int) bool {
	if have >= maxRecords {
		v.refused++
	}
	return have < maxRecords
}

// bare returns the group without role as a string: the old one if it says the same.
func (v *View) bare(old string, g *translator.GroupText) string {
	lines := g.Lines
	if len(g.Role) > 0 {
		v.buf = g.Bare(v.buf[:0])
		lines = v.buf
	}
	if old == string(lines) {
		return old
	}
	return string(lines)
}

// line is the value of a header of a group.
func line(g *translator.GroupText, name string) string {
	for rest := string(g.Lines); rest != ""; {
		var l string
		l, rest, _ = strings.Cut(rest, "\r\n")
		if header, value, _ := strings.Cut(l[len(g.Role):], ":"); header == name {
			return strings.TrimPrefix(value, " ")
		}
	}
	return ""
}

// of returns the channel of a role of e, nil if it is not known.
func (v *View) of(e *event, role string) *channel {
	if g := e.channel(role); g != nil {
		return v.channels[string(g.ID)]
	}
	return nil
}

func (v *View) move(c *channel, to string) {
	if b := v.bridges[c.bridge]; b != nil {
		b.members--
	}
	c.bridge = to
	if b := v.bridges[to]; b != nil {
		b.members++
	}
}

func (v *View) clone() *View {
	w := &View{channels: make(map[string]*channel, len(v.channels)), bridges: make(map[string]*bridge, len(v.bridges)), parked: maps.Clone(v.parked),
		rooms: map[string]*room{}, moves: maps.Clone(v.moves), order: v.order}
	for id, c := range v.channels {
		n := *c
		n.queues = slices.Clone(c.queues)
		w.channels[id] = &n
	}
	for id, b := range v.bridges {
		n := *b
		w.bridges[id] = &n
	}
	for name, r := range v.rooms {
		w.rooms[name] = &room{r.bridge, r.text, maps.Clone(r.inside)}
	}
	return w
}
