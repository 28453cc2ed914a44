package manager

import (
	"cmp"
	"fmt"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

// Actions that ask what devices and extensions do. There is nobody who provides presence.
func init() {
	add(map[string]handler{
		"ExtensionState": extensionState, "ExtensionStateList": extensionStateList, "DeviceStateList": deviceStateList,
		"PresenceState": presenceState, "PresenceStateList": presenceStateList,
	})
}

func extensionState(r *request) error {
	exten, context := r.get("Exten"), cmp.Or(r.get("Context"), "default")
	if exten == "" {
		return r.fail("Extension not specified")
	}
	answer, err := r.m.cfg.Driver.Ask(r.ctx, func(id uint64) pbx.Input { return pbx.ExtensionState{ID: id, Context: context, Exten: exten} })
	if err != nil {
		return err
	}
	pairs := []string{"Message", answer.Text}
	for _, part := range answer.Items[0].Parts {
		pairs = append(pairs, part.Name, part.Value)
	}
	return r.respond("Success", pairs...)
}

func extensionStateList(r *request) error {
	var items []translator.Raised
	if err := r.look(func(p *pbx.PBX) { items = p.ExtensionStates() }); err != nil {
		return err
	}
	return r.list("Extension Statuses will follow", items, "ExtensionStateListComplete")
}

func deviceStateList(r *request) error {
	var items []translator.Raised
	if err := r.look(func(p *pbx.PBX) { items = p.DeviceStates() }); err != nil {
		return err
	}
	return r.list("Device State Changes will follow", items, "DeviceStateListComplete")
}

func presenceState(r *request) error {
	provider := r.get("Provider")
	if provider == "" {
		return r.fail("No provider specified")
	}
	return r.fail(fmt.Sprintf("Invalid provider %s or provider in invalid state", provider))
}

func presenceStateList(r *request) error {
	return r.list("Presence State Changes will follow", nil, "PresenceStateListComplete")
}
