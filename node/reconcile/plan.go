package reconcile

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Plan returns the events that make true what is believed, in their order: how it was right before the first held event. channels and bridges
// are the items of CoreShowChannels and BridgeList, held what the Asterisk has said since the login; all as they are served, and each text
// whole. v is not changed; it is fed with what is published.
func Plan(v *View, channels, bridges, held [][]byte) [][]byte {
	p := planner{view: v.clone(), truth: tell(channels, bridges, held)}
	p.plan()
	return p.out
}

// End returns the events after which nothing is believed any more.
func End(v *View) [][]byte { return Plan(v, nil, nil, nil) }

// planner keeps its own View up to date with what it makes up.
type planner struct {
	view  *View
	truth *truth
	out   [][]byte
}

func (p *planner) plan() {
	known, there := p.known(), p.truth.sorted()
	p.endDials(known)
	p.endMoves()
	p.endParking()
	p.endWaiting(known)
	p.leaveRooms()
	for _, c := range known { // who is elsewhere leaves, too
		if a := p.truth.channels[c.id]; c.bridge != "" && (a == nil || a.bridge != c.bridge) {
			p.leave(c)
		}
	}
	p.closeRooms()
	p.endBridges()
	for _, c := range known {
		if p.truth.channels[c.id] == nil {
			p.say("Hangup", "call,all", c.group()+"Cause: 0\r\nCause-txt: Unknown\r\n")
		}
	}
	for _, a := range there {
		p.change(a)
	}
	for _, a := range there {
		if p.view.channels[a.id] == nil {
			p.say("Newchannel", "call,all", a.born())
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.truth.bridges)) {
		if p.view.bridges[id] == nil {
			p.say("BridgeCreate", "call,all", withCount(p.truth.bridges[id], 0))
		}
	}
	for _, a := range there {
		p.enter(a)
	}
}

// say makes up an event of these headers.
func (p *planner) say(name, privilege, headers string) {
	text := []byte("Event: " + name + "\r\nPrivilege: " + privilege + "\r\n" + headers + "Synthetic: yes\r\n\r\n")
	p.out = append(p.out, text)
	p.view.Take(text)
}

// known are the channels that are believed in, in their order.
func (p *planner) known() []*channel {
	return slices.SortedFunc(maps.Values(p.view.channels), func(a, b *channel) int { return int(int64(a.order - b.order)) })
}

// endDials: a dial ends with its caller or its destination; one whose destination is up or in a bridge was answered.
func (p *planner) endDials(known []*channel) {
	for _, c := range known {
		a, status := p.truth.channels[c.id], "CANCEL"
		switch {
		case c.dial == nil:
			continue
		case a != nil && p.truth.ends["dial "+c.id]:
			continue
		case a == nil:
		case a.state == "6" || a.bridge != "":
			status = "ANSWER"
		case c.dial.caller == "" || p.truth.channels[c.dial.caller] != nil:
			continue
		}
		if a != nil && status == "ANSWER" {
			p.change(a)
		}
		p.say("DialEnd", "call,all", c.dial.text+withRole(c.group(), "Dest")+"DialStatus: "+status+"\r\n")
	}
}

// endMoves: a Local channel that has gone is not being optimized away any more.
func (p *planner) endMoves() {
	for _, id := range slices.Sorted(maps.Keys(p.view.moves)) {
		m := p.view.moves[id]
		if gone := p.truth.channels[m.first] == nil || p.truth.channels[m.second] == nil; gone && !p.truth.ends["move "+id] {
			p.say("LocalOptimizationEnd", "call,all", withRole(m.one, "LocalOne")+withRole(m.two, "LocalTwo")+"Success: No\r\nId: "+id+"\r\n")
		}
	}
}

// endParking: who is parked is in a holding bridge, or runs Park.
func (p *planner) endParking() {
	all := slices.SortedFunc(maps.Values(p.view.parked), func(a, b *parking) int { return int(int64(a.order - b.order)) })
	for _, k := range all {
		a := p.truth.channels[k.id]
		if a != nil && (p.truth.ends["parked "+k.id] || p.truth.ends["place "+k.place] || a.app == "Park" ||
			valueOf(p.truth.bridges[a.bridge], "BridgeTechnology") == "holding_bridge") {
			continue
		}
		p.say("ParkedCallGiveUp", "call,all", withRole(k.text, "Parkee")+k.rest)
	}
}

// endWaiting: who waits in a queue runs Queue, and is in no bridge yet.
func (p *planner) endWaiting(known []*channel) {
	for _, c := range known {
		a := p.truth.channels[c.id]
		for _, s := range slices.Clone(c.queues) {
			if a == nil || !p.truth.ends["queue "+c.id+" "+s.queue] && (a.app != "Queue" || a.bridge != "") {
				p.say("QueueCallerLeave", "agent,all", c.group()+"Queue: "+s.queue+"\r\nPosition: "+s.position+"\r\nCount: "+
					strconv.Itoa(p.waiting(s.queue)-1)+"\r\n")
			}
		}
	}
}

// waiting is how many are believed to be in a queue.
func (p *planner) waiting(queue string) (n int) {
	for _, c := range p.view.channels {
		if slices.ContainsFunc(c.queues, func(s stay) bool { return s.queue == queue }) {
			n++
		}
	}
	return n
}

// leaveRooms: who is in a conference is in its bridge.
func (p *planner) leaveRooms() {
	for _, name := range slices.Sorted(maps.Keys(p.view.rooms)) {
		r := p.view.rooms[name]
		for _, id := range slices.Sorted(maps.Keys(r.inside)) {
			a, c := p.truth.channels[id], p.view.channels[id]
			if c != nil && (a == nil || a.bridge != r.bridge && !p.truth.ends["room "+name+" "+id]) {
				p.say("ConfbridgeLeave", "call,all", "Conference: "+name+"\r\n"+withCount(r.text, p.view.count(r.bridge)-1)+c.group()+"Admin: "+r.inside[id]+"\r\n")
			} else if c == nil {
				delete(r.inside, id)
			}
		}
	}
}

// closeRooms: a conference ends with its bridge.
func (p *planner) closeRooms() {
	for _, name := range slices.Sorted(maps.Keys(p.view.rooms)) {
		r := p.view.rooms[name]
		if _, there := p.truth.bridges[r.bridge]; !there && !p.truth.ends["rooms "+name] {
			p.say("ConfbridgeEnd", "call,all", "Conference: "+name+"\r\n"+withCount(r.text, 0))
		}
	}
}

func (p *planner) endBridges() {
	all := slices.SortedFunc(maps.Values(p.view.bridges), func(a, b *bridge) int { return int(int64(a.order - b.order)) })
	for _, b := range all {
		if _, there := p.truth.bridges[b.id]; !there {
			p.say("BridgeDestroy", "call,all", withCount(b.text, 0))
		}
	}
}

// change says what is different at a channel that is known.
func (p *planner) change(a *actual) {
	c := p.view.channels[a.id]
	if c == nil {
		return
	}
	if a.name != "" && a.name != c.name {
		p.say("Rename", "call,all", "Channel: "+c.name+"\r\nNewname: "+a.name+"\r\nUniqueid: "+c.id+"\r\n")
	}
	if a.state != "" && a.state != c.state {
		p.say("Newstate", "call,all", a.text)
	}
}

// born is the group of a channel that nobody believes in yet.
func (a *actual) born() string {
	switch {
	case a.state != "":
		return a.text
	case a.next == "0":
		return with(with(a.text, "ChannelState", "4"), "ChannelStateDesc", "Ring")
	}
	return with(with(a.text, "ChannelState", "0"), "ChannelStateDesc", "Down")
}

func (p *planner) leave(c *channel) {
	b := p.view.bridges[c.bridge]
	if b == nil {
		return
	}
	p.say("BridgeLeave", "call,all", withCount(b.text, p.view.count(b.id)-1)+c.group())
}

// enter puts a channel into its bridge, if it is one that shows.
func (p *planner) enter(a *actual) {
	c, b := p.view.channels[a.id], p.view.bridges[a.bridge]
	if c == nil || b == nil || c.bridge == a.bridge {
		return
	}
	if b.members == 0 {
		b.hidden = p.truth.hidden(b.id)
	}
	p.say("BridgeEnter", "call,all", withCount(p.truth.bridges[a.bridge], p.view.count(b.id)+1)+a.text)
}

// valueOf is the value of a header in a text of headers.
func valueOf(text, header string) string {
	for line := range strings.SplitSeq(text, "\r\n") {
		if name, value, _ := strings.Cut(line, ":"); name == header {
			return strings.TrimPrefix(value, " ")
		}
	}
	return ""
}

// with returns the headers with another value of one.
func with(text, header, value string) string {
	lines := strings.SplitAfter(text, "\r\n")
	for i, line := range lines {
		if name, _, _ := strings.Cut(line, ":"); name == header {
			lines[i] = header + ": " + value + "\r\n"
			break
		}
	}
	return strings.Join(lines, "")
}

func withCount(text string, n int) string {
	return with(text, "BridgeNumChannels", strconv.Itoa(max(n, 0)))
}

// withRole puts the role in front of every header.
func withRole(text, role string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\r\n") {
		if line != "" {
			b.WriteString(role + line)
		}
	}
	return b.String()
}
