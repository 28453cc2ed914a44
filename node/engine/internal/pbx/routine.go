package pbx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/amibus/amibus/translator"
)

const maxStack = 100

// call is one Gosub: where to return to, and the names of its own variables, newest first.
type call struct {
	back  place
	names []string
	args  int
}

// gosub goes somewhere and comes back at Return; what is in parentheses becomes ARG1, ARG2, …
func gosub(t *thread, args string, done func(bool)) {
	c := t.c
	if len(t.stack) >= maxStack {
		c.p.warn("%s: Gosub goes deeper than %d calls", c.name, maxStack)
		done(false)
		return
	}
	target, list, given := strings.Cut(args, "(")
	if end := strings.LastIndexByte(list, ')'); end >= 0 {
		list = list[:end]
	} else if given {
		c.p.warn("Ouch.  No closing paren: '%s'?", args)
	}
	to, ok := c.parse(target)
	if ok {
		_, ok = c.step(to)
	}
	if !ok {
		c.p.warn("Gosub address is invalid: '%s'", args)
		done(false)
		return
	}
	frame := call{back: c.place}
	values := splitRaw(list, ',', 0)
	frame.args = len(values)
	if len(t.stack) > 0 { // arguments of the one around are hidden
		frame.args = max(frame.args, t.stack[len(t.stack)-1].args)
	}
	t.stack = append(t.stack, frame)
	c.place = to
	c.place.priority-- // as Asterisk has it until the application is over: the events tell
	for i := range frame.args {
		t.local("ARG"+strconv.Itoa(i+1), at(values, i))
	}
	t.local("ARGC", strconv.Itoa(len(values)))
	c.place, t.jumped = to, true
	done(true)
}

// local sets a variable that is the subroutine's own: one of that name outside is seen again when it returns.
func (t *thread) local(name, value string) {
	c, frame := t.c, &t.stack[len(t.stack)-1]
	if slices.Contains(frame.names, name) {
		c.setVar(name, value)
	} else {
		frame.names = slices.Insert(frame.names, 0, name)
		c.vars.push(name, value)
	}
	c.sayVar("LOCAL("+name+")", value)
}

// pop leaves the subroutine: its own variables go.
func (t *thread) pop() (back place) {
	last := t.stack[len(t.stack)-1]
	t.stack = t.stack[:len(t.stack)-1]
	t.c.place = last.back
	for _, name := range last.names {
		t.c.unsetVar(name)
	}
	return last.back
}

func returns(t *thread, args string, done func(bool)) {
	if len(t.stack) == 0 {
		t.c.p.warn("%s: Return without Gosub: stack is empty", t.c.name)
		done(false)
		return
	}
	back := t.pop()
	t.c.setVar("GOSUB_RETVAL", args)
	back.priority++
	t.c.place, t.jumped = back, true
	done(t.over == nil || len(t.stack) > 0)
}

// localVariable is LOCAL(name): empty for one that is not the subroutine's own.
func (c *channel) localVariable(name string) string {
	t := c.running
	if t == nil || len(t.stack) == 0 || !slices.Contains(t.stack[len(t.stack)-1].names, name) {
		return ""
	}
	return c.vars.get(name)
}

func (c *channel) setLocal(name, value string) error {
	t := c.running
	if t == nil || len(t.stack) == 0 {
		return fmt.Errorf("tried to set LOCAL(%s), but we aren't within a Gosub routine", name)
	}
	t.local(name, value)
	return nil
}

// stackPop forgets where the subroutine would return to.
func stackPop(t *thread, _ string, done func(bool)) {
	if len(t.stack) == 0 {
		t.c.p.warn("%s: StackPop without Gosub", t.c.name)
	} else {
		at := t.c.place
		t.pop()
		t.c.place = at
	}
	done(true)
}

// routine runs a subroutine on the channel, besides what it does: for Dial, and when the channel ends. deaf: it goes on although the
// channel is to end. done is called when it has returned, or was given up.
func (c *channel) routine(target string, deaf bool, done func()) {
	t := &thread{c: c, deaf: deaf}
	was, app, data, running := c.place, c.app, c.data, c.running
	t.over = func() {
		if c.gone {
			return
		}
		if len(t.stack) > 0 {
			c.p.warn("%s Abnormal 'Gosub(%s)' exit.  Popping routine return locations.", c.name, target)
			for len(t.stack) > 0 {
				t.pop()
			}
			c.setVar("GOSUB_RETVAL", "")
		}
		c.place, c.app, c.data, c.running = was, app, data, running
		done()
	}
	gosub(t, target, func(ok bool) {
		if !ok {
			t.over()
			return
		}
		t.jumped = false
		c.p.soon(t.step)
	})
}

// full is a subroutine's target with context and extension, as of where the channel is.
func (c *channel) full(target string) string {
	where, list, given := strings.Cut(target, "(")
	parts := strings.SplitN(where, ",", 3)
	for len(parts) < 3 {
		parts = append([]string{""}, parts...)
	}
	if parts[0] == "" {
		parts[0] = c.place.context
	}
	if parts[1] == "" {
		parts[1] = c.place.exten
	}
	where = strings.Join(parts, ",")
	if end := strings.LastIndexByte(list, ')'); end >= 0 {
		list = list[:end]
	}
	if given && list != "" {
		return where + "(" + list + ")"
	}
	return where
}

const maxHandlers = 100 // of a channel

// pushHandler adds a subroutine that runs when the channel ends, before those that are there. Empty: none.
func (c *channel) pushHandler(target string) {
	if target == "" {
		return
	}
	if len(c.handlers) >= maxHandlers {
		c.p.warn("%s: hangup handler %s refused: there are %d already", c.name, target, maxHandlers)
		return
	}
	target = c.full(target)
	c.handlers = slices.Insert(c.handlers, 0, target)
	c.say("HangupHandlerPush", translator.Header("Handler", target))
}

// popHandler takes the newest away.
func (c *channel) popHandler() bool {
	if len(c.handlers) == 0 {
		return false
	}
	c.say("HangupHandlerPop", translator.Header("Handler", c.handlers[0]))
	c.handlers = c.handlers[1:]
	return true
}

// runHandlers runs all of them, newest first, also those that they add.
func (c *channel) runHandlers(done func()) {
	if len(c.handlers) == 0 {
		done()
		return
	}
	c.flags |= flagHangup
	target := c.handlers[0]
	c.handlers = c.handlers[1:]
	c.say("HangupHandlerRun", translator.Header("Handler", target))
	c.routine(target, true, func() { c.runHandlers(done) })
}
