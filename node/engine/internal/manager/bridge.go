package manager

import (
	"strings"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

// Actions about bridges.
func init() {
	add(map[string]handler{
		"Bridge": bridge, "BridgeList": bridgeList, "BridgeInfo": bridgeInfo, "BridgeDestroy": bridgeDestroy, "BridgeKick": bridgeKick,
		"BridgeTechnologyList":      technologyList,
		"BridgeTechnologySuspend":   func(r *request) error { return r.suspend(true, "Suspended bridge technology") },
		"BridgeTechnologyUnsuspend": func(r *request) error { return r.suspend(false, "Unsuspended bridge technology") },
	})
}

// bridge finds its channels by how their names begin, not by their uniqueids, as Asterisk does. It plays no Tone: there is nobody to
// hear it.
func bridge(r *request) error {
	one, two := r.get("Channel1"), r.get("Channel2")
	if one == "" || two == "" {
		return r.fail("Missing channel parameter in request")
	}
	missing := ""
	err := r.look(func(p *pbx.PBX) {
		ok := false
		if full, found := p.Prefixed(one); !found {
			missing = "Channel1 does not exist: " + one
		} else if two, ok = p.Prefixed(two); !ok {
			missing = "Channel2 does not exist: " + r.get("Channel2")
		} else {
			one = full
		}
	})
	if err != nil {
		return err
	}
	if missing != "" {
		return r.fail(missing)
	}
	return r.ask(func(id uint64) pbx.Input { return pbx.Bridge{ID: id, Channel1: one, Channel2: two} })
}

// bridgeList calls the technology a type, as Asterisk does.
func bridgeList(r *request) error {
	var items []translator.Raised
	if err := r.look(func(p *pbx.PBX) { items = p.BridgeList(r.get("BridgeType")) }); err != nil {
		return err
	}
	return r.list("Bridge listing will follow", items, "BridgeListComplete")
}

func bridgeInfo(r *request) error {
	id := r.get("BridgeUniqueid")
	if id == "" {
		return r.fail("BridgeUniqueid must be provided")
	}
	var items []translator.Raised
	var about translator.Part
	ok := false
	if err := r.look(func(p *pbx.PBX) { items, about, ok = p.BridgeInfo(id) }); err != nil {
		return err
	}
	if !ok {
		return r.fail("Specified BridgeUniqueid not found")
	}
	return r.list("Bridge channel listing will follow", items, "BridgeInfoComplete", about)
}

func bridgeDestroy(r *request) error {
	bridge := r.get("BridgeUniqueid")
	if bridge == "" {
		return r.fail("BridgeUniqueid must be provided")
	}
	return r.ask(func(id uint64) pbx.Input { return pbx.BridgeDestroy{ID: id, Bridge: bridge} })
}

func bridgeKick(r *request) error {
	channel := r.get("Channel")
	if channel == "" {
		return r.fail("Channel must be provided")
	}
	return r.ask(func(id uint64) pbx.Input {
		return pbx.BridgeKick{ID: id, Bridge: r.get("BridgeUniqueid"), Channel: channel}
	})
}

// technologies are those of an Asterisk, in its order: name, type, priority. To suspend one changes what the list says, no more: the
// engine's bridges have no media that could go another way.
var technologies = [][3]string{
	{"native_rtp", "Native", "90"}, {"holding_bridge", "Holding", "50"}, {"simple_bridge", "1to1Mix", "50"}, {"softmix", "MultiMix", "10"},
}

func technologyList(r *request) error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	var items []translator.Raised
	for _, t := range technologies {
		suspended := "No"
		if r.m.suspended[t[0]] {
			suspended = "Yes"
		}
		items = append(items, translator.Raised{Name: "BridgeTechnologyListItem", Parts: []translator.Part{
			translator.Header("BridgeTechnology", t[0]), translator.Header("BridgeType", t[1]), translator.Header("BridgePriority", t[2]),
			translator.Header("BridgeSuspended", suspended),
		}})
	}
	return r.list("Bridge technology listing will follow", items, "BridgeTechnologyListComplete")
}

func (r *request) suspend(suspended bool, done string) error {
	name := r.get("BridgeTechnology")
	if name == "" {
		return r.fail("BridgeTechnology must be provided")
	}
	for _, t := range technologies {
		if strings.EqualFold(t[0], name) {
			r.m.mu.Lock()
			defer r.m.mu.Unlock()
			r.m.suspended[t[0]] = suspended
			return r.ok(done)
		}
	}
	return r.fail("BridgeTechnology not found")
}
