package pbx

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

// What follows answers the actions that ask: each gives the items of a list, as Asterisk writes them, without ActionID. The PBX must not
// be stepped meanwhile.

// CoreShowChannels lists all channels, the oldest first.
func (p *PBX) CoreShowChannels() []translator.Raised {
	return items("CoreShowChannel", p.all(), func(c *channel) []translator.Part {
		d := p.now.Sub(c.created)
		return parts(c.group(""), "Application", c.app, "ApplicationData", c.data,
			"Duration", fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60), "BridgeId", c.bridgeID())
	})
}

// Status lists a channel, or, without a name, all. ok is false if there is no such channel. variables and functions are shown as asked
// for, then all variables if every.
func (p *PBX) Status(name string, variables []string, every bool) (list []translator.Raised, ok bool) {
	channels := p.all()
	if name != "" {
		c := p.find(name)
		if c == nil {
			return nil, false
		}
		channels = []*channel{c}
	}
	return items("Status", channels, func(c *channel) []translator.Part {
		app, data := c.app, c.data
		if app == "" {
			app, data = "(null)", "(null)"
		}
		hangup := int64(0)
		if c.limit != nil && c.limit.index >= 0 {
			hangup = c.limit.at.Unix()
		}
		list := parts(translator.Header("Privilege", "Call"))
		list = append(list, parts(c.group(""), "Type", c.tech.kind(), "DNID", c.id.dnid, "EffectiveConnectedLineNum", known(c.connected.num),
			"EffectiveConnectedLineName", known(c.connected.name), "TimeToHangup", strconv.FormatInt(hangup, 10), "BridgeID", c.bridgeID(),
			"Application", app, "Data", data, "Nativeformats", "(slin)", "Readformat", "slin", "Readtrans", "", "Writeformat", "slin", "Writetrans", "",
			"Callgroup", "0", "Pickupgroup", "0", "Seconds", strconv.Itoa(int(p.now.Sub(c.created)/time.Second)))...)
		return append(list, c.shown(variables, every)...)
	}), true
}

// shown are the variables of a Status. One that is not set is "(null)" there, a function that fails is empty.
func (c *channel) shown(variables []string, every bool) (list []translator.Part) {
	for _, name := range variables {
		value, ok := c.p.cfg.Dialplan.Get(name, c)
		if !ok && !strings.HasSuffix(name, ")") {
			value = "(null)"
		}
		list = append(list, translator.Header("Variable", name+"="+value))
	}
	if every {
		for _, v := range c.vars {
			list = append(list, translator.Header("Variable", bare(v.Name)+"="+v.Value))
		}
	}
	return list
}

// BridgeList lists the bridges of a technology, or all.
func (p *PBX) BridgeList(technology string) []translator.Raised {
	var list []translator.Raised
	for _, b := range p.allBridges() {
		if technology == "" || technology == b.technology {
			list = append(list, translator.Raised{Name: "BridgeListItem", Parts: []translator.Part{b.group("")}})
		}
	}
	return list
}

// BridgeInfo lists the channels of a bridge, and returns what its complete event says. ok is false if there is no such bridge.
func (p *PBX) BridgeInfo(id string) (list []translator.Raised, about translator.Part, ok bool) {
	b := p.bridges[id]
	if b == nil {
		return nil, translator.Part{}, false
	}
	for _, m := range b.members {
		list = append(list, translator.Raised{Name: "BridgeInfoChannel", Parts: []translator.Part{m.c.group("")}})
	}
	return list, b.group(""), true
}

// CoreShowChannelMap lists whom a channel is connected with, through bridges and Local channels. ok is false if there is no channel of
// that name; its uniqueid is not enough.
func (p *PBX) CoreShowChannelMap(name string) (list []translator.Raised, ok bool) {
	c := p.names[name]
	if c == nil {
		return nil, false
	}
	seen := map[*channel]bool{c: true}
	for todo := []*channel{c}; len(todo) > 0; todo = todo[1:] {
		for _, next := range todo[0].near(c) {
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
				list = append(list, translator.Raised{Name: "CoreShowChannelMap", Parts: []translator.Part{
					translator.Header("Channel", c.name), translator.Header("ConnectedChannel", next.name)}})
			}
		}
	}
	return list, true
}

// near are the channels in the same bridge and the other half; the own other half of the channel that is asked about does not count.
func (c *channel) near(asked *channel) (out []*channel) {
	if c.member != nil {
		for _, m := range c.member.b.members {
			if m.c != c {
				out = append(out, m.c)
			}
		}
	}
	if l, ok := c.tech.(*local); ok && c != asked {
		if other := l.peer(c); other != nil {
			out = append(out, other)
		}
	}
	return out
}

// Getvar evaluates a variable or function of a channel, or, without a channel, of the node. ok is false if there is no such channel.
func (p *PBX) Getvar(channelName, expression string) (value string, ok bool) {
	vars := Vars(reader{p.nobody()})
	if channelName != "" {
		c := p.find(channelName)
		if c == nil {
			return "", false
		}
		vars = c
	}
	value, _ = p.cfg.Dialplan.Get(expression, vars)
	return value, true
}

func items(name string, of []*channel, build func(*channel) []translator.Part) []translator.Raised {
	list := make([]translator.Raised, len(of))
	for i, c := range of {
		list[i] = translator.Raised{Name: name, Parts: build(c)}
	}
	return list
}

// parts makes headers of names and values, behind a group.
func parts(group translator.Part, pairs ...string) []translator.Part {
	out := []translator.Part{group}
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, translator.Header(pairs[i], pairs[i+1]))
	}
	return out
}

func (c *channel) bridgeID() string {
	if c.member == nil {
		return ""
	}
	return c.member.b.id
}

func (p *PBX) allBridges() []*bridge {
	all := make([]*bridge, 0, len(p.bridges))
	for _, b := range p.bridges {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *bridge) int { return cmp.Compare(a.seq, b.seq) })
	return all
}
