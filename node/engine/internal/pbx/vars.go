package pbx

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

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

// Variable returns the value of a variable as the dialplan sees it: what Asterisk computes, the channel's, else the global one.
func (c *channel) Variable(name string) (string, bool) {
	if value, ok := c.builtin(name); ok {
		return value, true
	}
	if i := c.vars.find(name); i >= 0 {
		return c.vars[i].Value, true
	}
	return c.Global(name)
}

func (c *channel) SetVariable(name, value string) { c.setVar(name, value) }

func (c *channel) Global(name string) (string, bool) {
	if i := c.p.globals.find(name); i >= 0 {
		return c.p.globals[i].Value, true
	}
	return "", false
}

func (c *channel) SetGlobal(name, value string) { c.p.setGlobal(name, value) }

// Functions returns the names of the functions that ask about a channel.
func Functions() []string { return []string{"CALLERID", "CHANNEL", "CONNECTEDLINE"} }

// Function reads a function that asks about the channel.
func (c *channel) Function(name, args string) (string, error) {
	value, ok := "", false
	switch strings.ToUpper(name) {
	case "CALLERID":
		value, ok = partyField(c.caller, args)
	case "CONNECTEDLINE":
		value, ok = partyField(c.connected, args)
	case "CHANNEL":
		value, ok = c.field(args)
	default:
		return "", ErrNoFunction
	}
	if !ok {
		return "", fmt.Errorf("%s: unknown argument %q", name, args)
	}
	return value, nil
}

// SetFunction sets a function of the channel.
func (c *channel) SetFunction(name, args, value string) error {
	args, _, _ = strings.Cut(strings.ToLower(args), ",")
	ok := false
	switch strings.ToUpper(name) {
	case "CALLERID":
		ok = setParty(&c.caller, args, value)
	case "CONNECTEDLINE":
		ok = setParty(&c.connected, args, value)
	case "CHANNEL":
		ok = c.setField(args, value)
	default:
		return ErrNoFunction
	}
	if !ok {
		return ErrNoWrite
	}
	c.publish()
	return nil
}

func (c *channel) setField(name, value string) bool {
	switch name {
	case "language":
		c.language = value
	case "accountcode":
		c.account = value
	default:
		return false
	}
	return true
}

func (c *channel) Now() time.Time { return c.p.now }

func (c *channel) Location(name string) *time.Location {
	if c.p.cfg.Location == nil {
		return nil
	}
	return c.p.cfg.Location(name)
}

func (c *channel) Rand(n int64) int64 { return c.p.rand.Int64N(max(n, 1)) }

func (c *channel) Warn(text string) { c.p.warn("%s: %s", c.name, text) }

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

// assign sets a variable or a function. ok is false for a function that cannot be set.
func (c *channel) assign(name, value string) (ok bool) { return c.p.cfg.Dialplan.Set(name, value, c) }

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
