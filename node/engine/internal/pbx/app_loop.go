package pbx

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
)

// The place of a loop is kept in variables, as Asterisk does: CONTEXT_EXTEN_PRIORITY has its number, WHILE_N where it begins, END_WHILE_N
// where it goes on. Loops in loops have higher numbers.

// loops returns how many loops the channel is in.
func (c *channel) loops() (n int) {
	for c.vars.find("WHILE_"+strconv.Itoa(n)) >= 0 {
		n++
	}
	return n
}

func (c *channel) here() string {
	return fmt.Sprintf("%s_%s_%d", c.place.context, c.place.exten, c.place.priority)
}

func while(t *thread, args string, done func(bool)) {
	c, at, name := t.c, t.c.place, t.c.here()
	index, ok := c.Variable(name)
	if !ok {
		index = strconv.Itoa(c.loops())
		c.setVar(name, index)
	}
	loop := "WHILE_" + index
	if !dialplan.Condition(args) {
		t.leave(loop, name)
	} else if c.vars.find(loop) < 0 {
		c.setVar(loop, fmt.Sprintf("%s,%s,%d", at.context, at.exten, at.priority))
	}
	done(true)
}

func endWhile(t *thread, _ string, done func(bool)) {
	c, at := t.c, t.c.place
	loop := "WHILE_" + strconv.Itoa(c.loops()-1)
	start := c.vars.get(loop)
	if start == "" {
		done(true)
		return
	}
	if c.vars.find("END_"+loop) < 0 {
		c.setVar("END_"+loop, fmt.Sprintf("%s,%s,%d", at.context, at.exten, at.priority+1))
	}
	done(t.goTo(start))
}

func exitWhile(t *thread, _ string, done func(bool)) {
	t.leave("WHILE_"+strconv.Itoa(t.c.loops()-1), t.c.here())
	done(true)
}

func continueWhile(t *thread, _ string, done func(bool)) {
	start := t.c.vars.get("WHILE_" + strconv.Itoa(t.c.loops()-1))
	done(start == "" || t.goTo(start))
}

// leave goes on behind the end of a loop.
func (t *thread) leave(loop, name string) {
	c := t.c
	c.unsetVar(loop)
	c.unsetVar(name)
	end := "END_" + loop
	if where := c.vars.get(end); where != "" {
		if t.goTo(where) {
			c.place.priority-- // as Asterisk has it until the application is over: the event tells
			c.unsetVar(end)
			c.place.priority++
		}
		return
	}
	depth := 1
	for at := c.place; ; {
		at.priority++
		s, ok := c.step(at)
		if !ok {
			c.p.warn("Couldn't find matching EndWhile? (While at %s@%s priority %d)", c.place.context, c.place.exten, c.place.priority)
			return
		}
		switch strings.ToLower(s.App) {
		case "while":
			depth++
		case "endwhile":
			depth--
		}
		if depth == 0 {
			at.priority++
			c.place, t.jumped = at, true
			return
		}
	}
}
