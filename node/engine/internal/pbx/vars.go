package pbx

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Variable returns the value of a variable as the dialplan sees it: what Asterisk computes, the channel's, else the global one.
func (c *channel) Variable(name string) (string, bool) {
	if value, ok := c.predefined(name); ok {
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
func Functions() []string { return []string{"CALLERID", "CHANNEL", "CONNECTEDLINE", "LOCAL"} }

func knows(function string) bool { return slices.Contains(Functions(), strings.ToUpper(function)) }

// Function reads a function that asks about the channel.
func (c *channel) Function(name, args string) (string, error) {
	value, ok := "", false
	switch strings.ToUpper(name) {
	case "CALLERID":
		value, ok = c.callerID(args)
	case "CONNECTEDLINE":
		value, ok = c.connectedLine(args)
	case "CHANNEL":
		value, ok = c.field(args)
	case "LOCAL":
		return c.localVariable(args), nil
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
	ok := false
	switch strings.ToUpper(name) {
	case "CALLERID":
		ok = c.setCallerID(args, value)
	case "CONNECTEDLINE":
		ok = c.setConnectedLine(args, value)
	case "CHANNEL":
		ok = c.setField(strings.ToLower(args), value)
	case "LOCAL":
		return c.setLocal(args, value)
	default:
		return ErrNoFunction
	}
	if !ok {
		return fmt.Errorf("unknown or unavailable item: %q, value %q", args, value)
	}
	c.publish()
	return nil
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

// assign sets a variable or a function. ok is false for a function that cannot be set.
func (c *channel) assign(name, value string) (ok bool) { return c.p.cfg.Dialplan.Set(name, value, c) }
