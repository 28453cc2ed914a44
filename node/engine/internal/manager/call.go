package manager

import (
	"strconv"
	"strings"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami/filter"
	"github.com/amibus/amibus/translator"
)

// Actions that end calls, or say that one is there.
func init() { add(map[string]handler{"Ping": ping, "Hangup": hangup, "UserEvent": userEvent}) }

func ping(r *request) error {
	var at string
	if err := r.look(func(p *pbx.PBX) { at = stamp(p.Now()) }); err != nil {
		return err
	}
	return r.respond("Success", "Ping", "Pong", "Timestamp", at)
}

func hangup(r *request) error {
	channel := r.get("Channel")
	if channel == "" {
		return r.fail("No channel specified")
	}
	cause, err := strconv.Atoi(strings.TrimLeft(r.get("Cause"), " \t"))
	if err != nil || cause < 0 || cause > 127 {
		cause = 0 // better to hang up without one than not at all
	}
	if channel[0] == '/' {
		return r.hangupMatching(channel, cause)
	}
	return r.ask(func(id uint64) pbx.Input { return pbx.Hangup{ID: id, Channel: channel, Cause: cause} })
}

func (r *request) hangupMatching(channel string, cause int) error {
	pattern, ok := strings.CutSuffix(channel[1:], "/")
	if !ok {
		return r.fail("Regex format invalid, Channel param should be /regex/")
	}
	match, err := filter.Regexp(pattern)
	if err != nil {
		return r.fail("Regex compile failed on: " + channel)
	}
	answer, err := r.m.cfg.Driver.Ask(r.ctx, func(id uint64) pbx.Input { return pbx.HangupMatching{ID: id, Match: match, Cause: cause} })
	if err != nil {
		return err
	}
	return r.list("Channels hung up will follow", answer.Items, "ChannelsHungupListComplete")
}

// userEvent raises what the action says, but for its name and that of the action, in order.
func userEvent(r *request) error {
	var body []translator.Part
	for i := range r.action.Len() {
		line := string(r.action.Line(i))
		name, _, _ := strings.Cut(line, ":")
		if !strings.EqualFold(name, "UserEvent") && !strings.EqualFold(name, "Action") {
			body = append(body, translator.Line(line))
		}
	}
	return r.ask(func(id uint64) pbx.Input { return pbx.UserEvent{ID: id, Name: r.get("UserEvent"), Body: body} })
}
