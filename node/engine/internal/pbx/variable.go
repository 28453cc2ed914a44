package pbx

import (
	"slices"
	"strings"

	"github.com/amibus/amibus/translator"
)

// variables are those of a channel, or the global ones, newest first as Asterisk has them.
type variables []translator.Variable

// bare cuts the underscores that say how far a variable is inherited.
func bare(name string) string {
	name = strings.TrimPrefix(name, "_")
	return strings.TrimPrefix(name, "_")
}

func (v variables) find(name string) int {
	return slices.IndexFunc(v, func(x translator.Variable) bool { return bare(x.Name) == name })
}

func (v variables) get(name string) string {
	if i := v.find(name); i >= 0 {
		return v[i].Value
	}
	return ""
}

const (
	maxVars  = 2000 // of a channel, and global ones
	maxValue = 8191 // bytes
)

// set sets a variable, or removes it if remove. Beyond maxVars the one set first goes.
func (v *variables) set(name, value string, remove bool) {
	value = value[:min(len(value), maxValue)]
	if i := v.find(bare(name)); i >= 0 {
		*v = slices.Delete(*v, i, i+1)
	}
	if !remove {
		v.push(name, value)
	}
}

// push sets a variable that hides one of that name.
func (v *variables) push(name, value string) {
	value = value[:min(len(value), maxValue)]
	*v = slices.Insert((*v)[:min(len(*v), maxVars-1)], 0, translator.Variable{Name: name, Value: value})
}

// setVar sets a variable of a channel and says so.
func (c *channel) setVar(name, value string) {
	c.vars.set(name, value, false)
	c.sayVar(name, value)
}

// unsetVar removes a variable. It is said if it had a value.
func (c *channel) unsetVar(name string) {
	was := c.vars.get(name)
	c.vars.set(name, "", true)
	if was != "" {
		c.sayVar(name, "")
	}
}

// sayVar says VarSet. Where variables are shown in the events, Asterisk publishes the channel first.
func (c *channel) sayVar(name, value string) {
	if len(c.p.cfg.ChannelVars) > 0 {
		c.publish()
	}
	c.say("VarSet", translator.Escaped("Variable", name), translator.Escaped("Value", value))
}

func (p *PBX) setGlobal(name, value string) {
	p.globals.set(name, value, value == "")
	p.raise("VarSet", translator.Header("Channel", "none"), translator.Header("Uniqueid", "none"),
		translator.Escaped("Variable", name), translator.Escaped("Value", value))
}

// inherit gives a channel what its parent hands down: _NAME as NAME, __NAME as it is.
func (c *channel) inherit(parent *channel) {
	for _, v := range parent.vars {
		if !strings.HasPrefix(v.Name, "_") {
			continue
		}
		if name := v.Name; !strings.HasPrefix(name, "__") {
			v.Name = name[1:]
		}
		c.vars = append(c.vars, v)
		c.say("VarSet", translator.Escaped("Variable", v.Name), translator.Escaped("Value", v.Value))
	}
}
