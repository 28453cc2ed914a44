package manager

import (
	"strconv"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

// Actions about calls.
func init() {
	add(map[string]handler{"Ping": ping, "Hangup": hangup, "CoreShowChannels": coreShowChannels})
}

func ping(r *request) error { return r.respond("Success", "Ping", "Pong") }

func hangup(r *request) error {
	channel := r.get("Channel")
	if channel == "" {
		return r.fail("No channel specified")
	}
	cause, _ := strconv.Atoi(r.get("Cause"))
	return r.ask(func(id uint64) pbx.Input { return pbx.Hangup{ID: id, Channel: channel, Cause: cause} })
}

func coreShowChannels(r *request) error {
	var items []translator.Raised
	if err := r.look(func(p *pbx.PBX) { items = p.CoreShowChannels() }); err != nil {
		return err
	}
	return r.list("Channels will follow", items, "CoreShowChannelsComplete")
}
