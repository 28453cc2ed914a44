package pbx

import (
	"strconv"
	"strings"

	"github.com/amibus/amibus/translator"
)

// Dialplan is what the threads of a PBX run. It does not change; a reload makes another one.
type Dialplan interface {
	// Find returns the step at a place.
	Find(context, exten string, priority int, callerID string) (Step, bool)
	// Label returns the priority of a label.
	Label(context, exten, label, callerID string) (priority int, ok bool)
	// More says whether more digits could make another extension of this one.
	More(context, exten, callerID string) bool
	// Expand substitutes variables, functions and expressions.
	Expand(text string, vars Vars) string
}

// Step is one priority: an application and its arguments, not yet expanded.
type Step struct{ App, Args string }

// Vars is what a dialplan asks of the channel it runs on.
type Vars interface {
	Variable(name string) string
	Function(name, args string) (value string, ok bool)
}

// exists says whether the dialplan has an extension.
func (p *PBX) exists(context, exten string, callerID string) bool {
	_, ok := p.cfg.Dialplan.Find(context, exten, 1, callerID)
	return ok
}

// parse reads [[context,]exten,]priority as Goto and Gosub do: what is not given stays as it is.
func (p *PBX) parse(text string, from place, callerID string) (to place, ok bool) {
	parts := strings.Split(text, ",")
	if len(parts) > 3 {
		return from, false
	}
	to = from
	priority := strings.TrimSpace(parts[len(parts)-1])
	if len(parts) > 1 {
		to.exten = strings.TrimSpace(parts[len(parts)-2])
	}
	if len(parts) > 2 {
		to.context = strings.TrimSpace(parts[0])
	}
	if n, err := strconv.Atoi(priority); err == nil {
		to.priority = n
		if priority[0] == '+' || priority[0] == '-' {
			to.priority = from.priority + n
		}
		return to, to.priority > 0
	}
	to.priority, ok = p.cfg.Dialplan.Label(to.context, to.exten, priority, callerID)
	return to, ok
}

// builtin returns the variables that Asterisk computes.
func (c *channel) builtin(name string) (value string, ok bool) {
	switch name {
	case "EXTEN":
		return c.place.exten, true
	case "CONTEXT":
		return c.place.context, true
	case "PRIORITY":
		return strconv.Itoa(c.place.priority), true
	case "CHANNEL":
		return c.name, true
	case "UNIQUEID":
		return c.uniqueid, true
	case "HANGUPCAUSE":
		return strconv.Itoa(c.cause), true
	case "EPOCH":
		return strconv.FormatInt(c.p.now.Unix(), 10), true
	case "SYSTEMNAME":
		return c.p.cfg.SystemName, true
	}
	return "", false
}

// Function returns the value of a function that asks about the channel.
func (c *channel) Function(name, args string) (value string, ok bool) {
	switch name {
	case "CALLERID":
		return partyField(c.caller, args)
	case "CONNECTEDLINE":
		return partyField(c.connected, args)
	case "CHANNEL":
		return c.field(args)
	case "GLOBAL":
		return c.p.globals.get(args), true
	}
	return "", false
}

func partyField(of party, field string) (value string, ok bool) {
	switch strings.ToLower(field) {
	case "num", "number":
		return of.num, true
	case "name":
		return of.name, true
	case "all":
		return `"` + of.name + `" <` + of.num + `>`, true
	}
	return "", false
}

func (c *channel) field(name string) (value string, ok bool) {
	switch strings.ToLower(name) {
	case "name":
		return c.name, true
	case "uniqueid":
		return c.uniqueid, true
	case "linkedid":
		return c.linkedid, true
	case "language":
		return c.language, true
	case "accountcode":
		return c.account, true
	case "state":
		return translator.StateName(c.state), true
	case "exten":
		return c.place.exten, true
	case "context":
		return c.place.context, true
	case "channeltype":
		return c.tech.kind(), true
	}
	return "", false
}

// assign sets a variable, or a function of the channel. ok is false for a function that cannot be set.
func (c *channel) assign(name, value string) (ok bool) {
	function, args, found := strings.Cut(name, "(")
	if !found {
		c.setVar(name, value)
		return true
	}
	args = strings.ToLower(strings.TrimSuffix(args, ")"))
	switch function {
	case "CALLERID":
		return setParty(&c.caller, args, value) && c.published()
	case "CONNECTEDLINE":
		return setParty(&c.connected, strings.TrimSuffix(args, ",i"), value) && c.published()
	case "GLOBAL":
		c.p.setGlobal(args, value)
		return true
	case "CHANNEL":
		switch args {
		case "language":
			c.language = value
		case "accountcode":
			c.account = value
		default:
			return false
		}
		return c.published()
	}
	return false
}

func (c *channel) published() bool {
	c.publish()
	return true
}

func setParty(of *party, field, value string) bool {
	switch field {
	case "num", "number":
		of.num = value
	case "name":
		of.name = value
	case "all":
		name, num, _ := strings.Cut(value, "<")
		of.name, of.num = strings.Trim(strings.TrimSpace(name), `"`), strings.TrimSuffix(num, ">")
	default:
		return false
	}
	return true
}
