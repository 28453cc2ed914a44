package manager

import (
	"strings"
	"time"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

func init() { add(map[string]handler{"Originate": originate}) }

const (
	maxUniqueid  = 149
	maxVariables = 64 // in one header
)

// originate checks in Asterisk's order. What the user may do is not asked here.
func originate(r *request) error {
	in := pbx.Originate{
		ActionID: r.get("ActionID"), Channel: r.get("Channel"), Context: r.get("Context"), Exten: r.get("Exten"),
		Application: r.get("Application"), Data: r.get("Data"), Account: r.get("Account"), Async: isTrue(r.get("Async")),
		EarlyMedia: isTrue(r.get("EarlyMedia")), ChannelID: r.get("ChannelId"), OtherChannelID: r.get("OtherChannelId"),
		Variables: r.variables(),
	}
	in.CallerName, in.CallerNum = parseCallerID(r.get("CallerID"))
	if len(in.ChannelID) > maxUniqueid || len(in.OtherChannelID) > maxUniqueid {
		return r.fail("Uniqueid length exceeds maximum of 149\n")
	}
	if in.Channel == "" {
		return r.fail("Channel not specified")
	}
	var err error
	if in.Priority, err = r.priority(in.Context, in.Exten, r.get("Priority")); err != nil {
		return err
	}
	if in.Priority < 0 {
		return r.fail("Invalid priority")
	}
	ms, ok := 30000, true
	if text := r.get("Timeout"); text != "" {
		ms, ok = scanInt(text)
	}
	if !ok {
		return r.fail("Invalid timeout")
	}
	if in.Timeout = time.Duration(ms) * time.Millisecond; ms <= 0 {
		in.Timeout = -1
	}
	if !strings.Contains(in.Channel, "/") {
		return r.fail("Invalid channel")
	}
	if in.Priority > 0 {
		exists := false
		if err := r.look(func(p *pbx.PBX) { exists = p.Exists(in.Context, in.Exten, in.Priority, in.CallerNum) }); err != nil {
			return err
		}
		if !exists {
			return r.fail("Extension does not exist.")
		}
	}
	if !in.Async && in.Application == "" {
		if in.Priority == 0 {
			return r.fail("Originate with 'Exten' requires 'Context' and 'Priority'")
		}
		in.PreDial = r.get("PreDialGoSub")
	}
	return r.ask(func(id uint64) pbx.Input { in.ID = id; return in })
}

// priority reads one, or a label of the extension: 0 if it is not given, -1 if it is neither.
func (r *request) priority(context, exten, text string) (n int, err error) {
	if text == "" {
		return 0, nil
	}
	if n, ok := scanInt(text); ok {
		if n < 0 {
			n = -1
		}
		return n, nil
	}
	err = r.look(func(p *pbx.PBX) { n = p.Priority(context, exten, text) })
	if n < 1 {
		n = -1
	}
	return n, err
}

// variables are those of all Variable headers, in order. One header may hold several.
func (r *request) variables() (all []translator.Variable) {
	for header := range r.action.Values("Variable") {
		args := dialplan.SplitArgs(strings.TrimLeft(string(header), " \t"), maxVariables)
		for _, arg := range args {
			if name, value, ok := strings.Cut(arg, "="); ok && name != "" {
				all = append(all, translator.Variable{Name: name, Value: value})
			}
		}
	}
	return all
}
