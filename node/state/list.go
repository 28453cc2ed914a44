package state

import (
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
)

// Listing answers an action with "Cached: yes" from a cut.
type Listing struct {
	Parts      []Part
	SystemName func(merge.Node) string
	Now        time.Time
	Age        time.Duration // of the oldest Part
	Missing    []string      // the nodes out of view

	action *ami.Message
	title  string
	items  *Items
	out    []byte
	count  int
	begun  bool
	send   func([]byte) error
	err    error // of send
}

// list is an action that can be answered so.
type list struct {
	message, complete string
	run               func(*Listing) (refusal string)
}

var lists = map[string]list{
	"coreshowchannels":   {"Channels will follow", "CoreShowChannelsComplete", (*Listing).channels},
	"status":             {"Channel status will follow", "StatusComplete", (*Listing).status},
	"bridgelist":         {"Bridge listing will follow", "BridgeListComplete", (*Listing).bridges},
	"bridgeinfo":         {"Bridge channel listing will follow", "BridgeInfoComplete", (*Listing).members},
	"coreshowchannelmap": {"Channel map will follow", "CoreShowChannelMapComplete", (*Listing).connected},
}

// Cached tells whether an action wants to be answered from the state, and can be.
func Cached(action *ami.Message) bool {
	_, ok := lists[strings.ToLower(action.Action())]
	switch strings.ToLower(string(action.Get("Cached"))) {
	case "yes", "true", "y", "t", "1", "on":
		return ok
	}
	return false
}

// pieceSize is about how much of a list is sent at once.
const pieceSize = 32 << 10

// Answer sends the answer to a Cached action in pieces.
func (l *Listing) Answer(action *ami.Message, send func([]byte) error) error {
	l.action, l.send, l.items = action, send, NewItems(string(action.Get("ActionID")), l.Now)
	for i := range l.Parts {
		l.Parts[i].Sort()
	}
	kind := lists[strings.ToLower(action.Action())]
	l.title = kind.message
	refusal := kind.run(l)
	switch {
	case l.err != nil:
		return l.err
	case refusal != "":
		return send(l.head("Response", "Error").Add("Message", refusal).Bytes())
	}
	l.begin()
	m := l.head("Event", kind.complete).Add("EventList", "Complete").Add("ListItems", strconv.Itoa(l.count))
	if kind.complete == "StatusComplete" {
		m.Add("Items", strconv.Itoa(l.count))
	}
	if kind.complete == "BridgeInfoComplete" {
		l.about(m)
	}
	m.Add("Age", strconv.FormatFloat(l.Age.Seconds(), 'f', 3, 64))
	if len(l.Missing) > 0 {
		m.Add("NodesMissing", strings.Join(l.Missing, ", "))
	}
	return send(append(l.out, m.Bytes()...))
}

func (l *Listing) head(name, value string) *ami.Message {
	m := ami.New(name, value)
	if id := l.action.Get("ActionID"); len(id) > 0 {
		m.Add("ActionID", string(id))
	}
	return m
}

func (l *Listing) get(name string) string { return string(l.action.Get(name)) }

// begin writes the start of the list.
func (l *Listing) begin() {
	if !l.begun {
		l.begun = true
		m := l.head("Response", "Success").Add("EventList", "start").Add("Message", l.title)
		l.out = append(l.out, m.Bytes()...)
	}
}

// item adds an item; false: nobody wants any more.
func (l *Listing) item(n merge.Node, write func(dst []byte) []byte) bool {
	l.begin()
	l.items.Of(l.SystemName(n))
	l.out = write(l.out)
	l.count++
	if l.err == nil && len(l.out) >= pieceSize {
		l.err = l.send(l.out)
		l.out = l.out[:0]
	}
	return l.err == nil
}

// each calls fn for the channels that the action wants: all, that of a name or id, or those in a bridge.
func (l *Listing) each(name, bridge string, fn func(p *Part, c *Channel) bool) {
	for i := range l.Parts {
		p := &l.Parts[i]
		for j := range p.Channels {
			c := &p.Channels[j]
			if (name == "" || strings.EqualFold(c.Uniqueid, name) || strings.EqualFold(c.Name(), name)) && (bridge == "" || c.Bridge == bridge) && !fn(p, c) {
				return
			}
		}
	}
}

func (l *Listing) channels() string {
	l.each(l.get("Channel"), l.get("BridgeUniqueid"), func(p *Part, c *Channel) bool {
		return l.item(p.Node, func(dst []byte) []byte { return l.items.Channel(dst, c) })
	})
	return ""
}

func (l *Listing) status() string {
	if l.action.Has("Variables") || l.action.Has("AllVariables") {
		return "Variables are not kept; leave out Cached"
	}
	l.each(l.get("Channel"), l.get("BridgeUniqueid"), func(p *Part, c *Channel) bool {
		return l.item(p.Node, func(dst []byte) []byte { return l.items.Status(dst, c) })
	})
	if l.get("Channel") != "" && l.count == 0 {
		return "No such channel"
	}
	return ""
}

// bridges calls the technology a type, as Asterisk does.
func (l *Listing) bridges() string {
	kind, id := l.get("BridgeType"), l.get("BridgeUniqueid")
	for i := range l.Parts {
		p := &l.Parts[i]
		for j := range p.Bridges {
			b := &p.Bridges[j]
			if (kind == "" || b.header("BridgeTechnology") == kind) && (id == "" || b.ID == id) &&
				!l.item(p.Node, func(dst []byte) []byte { return l.items.Bridge(dst, b) }) {
				return ""
			}
		}
	}
	return ""
}

func (l *Listing) members() string {
	id := l.get("BridgeUniqueid")
	switch {
	case id == "":
		return "BridgeUniqueid must be provided"
	case l.bridge(id) == nil:
		return "Specified BridgeUniqueid not found"
	}
	l.each("", id, func(p *Part, c *Channel) bool {
		return l.item(p.Node, func(dst []byte) []byte { return l.items.Member(dst, c) })
	})
	return ""
}

// bridge is the bridge of an id; nil if there is none.
func (l *Listing) bridge(id string) *Bridge {
	for i := range l.Parts {
		for j := range l.Parts[i].Bridges {
			if b := &l.Parts[i].Bridges[j]; b.ID == id {
				return b
			}
		}
	}
	return nil
}

// about adds what the end of BridgeInfo says of the bridge.
func (l *Listing) about(m *ami.Message) {
	for line := range strings.SplitSeq(strings.TrimSuffix(l.bridge(l.get("BridgeUniqueid")).Text, "\r\n"), "\r\n") {
		m.AddLine([]byte(line))
	}
}

// header is the value of a header of the bridge.
func (b *Bridge) header(name string) string {
	for line := range strings.SplitSeq(b.Text, "\r\n") {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			return v
		}
	}
	return ""
}

// connected lists whom channels of that name are connected with, through bridges and Local channels, on each node that has one.
func (l *Listing) connected() string {
	name := l.get("Channel")
	if name == "" {
		return "CoreShowChannelMap requires a channel."
	}
	found := false
	for i := range l.Parts {
		p := &l.Parts[i]
		for j := range p.Channels {
			if c := &p.Channels[j]; c.Name() == name {
				found = true
				for _, with := range p.reach(c) {
					if !l.item(p.Node, func(dst []byte) []byte { return l.items.Connected(dst, c, with) }) {
						return ""
					}
				}
			}
		}
	}
	if !found {
		return "Could not get channel snapshot"
	}
	return ""
}

// reach returns the channels that a channel is connected with, the nearest first. Its own other half does not count.
func (p *Part) reach(of *Channel) (all []*Channel) {
	names, bridges := map[string]*Channel{}, map[string][]*Channel{}
	for i := range p.Channels {
		c := &p.Channels[i]
		names[c.Name()] = c
		if c.Bridge != "" {
			bridges[c.Bridge] = append(bridges[c.Bridge], c)
		}
	}
	seen := map[*Channel]bool{of: true}
	for todo := []*Channel{of}; len(todo) > 0; todo = todo[1:] {
		near := bridges[todo[0].Bridge]
		if half := names[otherHalf(todo[0].Name())]; half != nil && todo[0] != of {
			near = append(near[:len(near):len(near)], half)
		}
		for _, c := range near {
			if !seen[c] {
				seen[c] = true
				all, todo = append(all, c), append(todo, c)
			}
		}
	}
	return all
}

// otherHalf is the name of the other half of a Local channel, empty for other channels.
func otherHalf(name string) string {
	if !strings.HasPrefix(name, "Local/") {
		return ""
	}
	if half, ok := strings.CutSuffix(name, ";1"); ok {
		return half + ";2"
	}
	if half, ok := strings.CutSuffix(name, ";2"); ok {
		return half + ";1"
	}
	return ""
}
