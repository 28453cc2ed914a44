package manager

import (
	"strconv"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

// Actions that ask about channels, and variables.
func init() {
	add(map[string]handler{
		"Status": status, "CoreShowChannels": coreShowChannels, "CoreShowChannelMap": coreShowChannelMap, "Getvar": getvar, "Setvar": setvar,
	})
}

const maxStatusVariables = 100

func status(r *request) error {
	variables := dialplan.SplitArgs(r.get("Variables"), maxStatusVariables)
	var items []translator.Raised
	ok := false
	if err := r.look(func(p *pbx.PBX) { items, ok = p.Status(r.get("Channel"), variables, isTrue(r.get("AllVariables"))) }); err != nil {
		return err
	}
	if !ok {
		return r.fail("No such channel")
	}
	return r.list("Channel status will follow", items, "StatusComplete", translator.Header("Items", strconv.Itoa(len(items))))
}

func coreShowChannels(r *request) error {
	var items []translator.Raised
	if err := r.look(func(p *pbx.PBX) { items = p.CoreShowChannels() }); err != nil {
		return err
	}
	return r.list("Channels will follow", items, "CoreShowChannelsComplete")
}

func coreShowChannelMap(r *request) error {
	channel := r.get("Channel")
	if channel == "" {
		return r.fail("CoreShowChannelMap requires a channel.\n")
	}
	var items []translator.Raised
	ok := false
	if err := r.look(func(p *pbx.PBX) { items, ok = p.CoreShowChannelMap(channel) }); err != nil {
		return err
	}
	if !ok {
		return r.fail("Could not get channel snapshot\n")
	}
	return r.list("Channel map will follow", items, "CoreShowChannelMapComplete")
}

func getvar(r *request) error {
	name := r.get("Variable")
	if name == "" {
		return r.fail("No variable specified")
	}
	value, ok := "", false
	if err := r.look(func(p *pbx.PBX) { value, ok = p.Getvar(r.get("Channel"), name) }); err != nil {
		return err
	}
	if !ok {
		return r.fail("No such channel")
	}
	return r.respond("Success", "Variable", name, "Value", value)
}

func setvar(r *request) error {
	name := r.get("Variable")
	if name == "" {
		return r.fail("No variable specified")
	}
	return r.ask(func(id uint64) pbx.Input {
		return pbx.SetVar{ID: id, Channel: r.get("Channel"), Name: name, Value: r.get("Value")}
	})
}
