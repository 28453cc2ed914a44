package pbx

import (
	"fmt"
	"strings"

	"github.com/amibus/amibus/translator"
)

func noop(_ *thread, _ string, done func(bool)) { done(true) }

func set(t *thread, args string, done func(bool)) {
	name, value, ok := strings.Cut(args, "=")
	if !ok {
		t.c.p.warn("Set(%s): needs NAME=VALUE", args)
	} else if !t.c.assign(strings.TrimSpace(name), value) {
		t.c.p.warn("Set(%s): function cannot be set", args)
	}
	done(true)
}

func mset(t *thread, args string, done func(bool)) {
	for _, pair := range split(args) {
		if name, value, ok := strings.Cut(pair, "="); ok {
			t.c.assign(strings.TrimSpace(name), value)
		}
	}
	done(true)
}

// goTo makes the thread go on somewhere else.
func (t *thread) goTo(target string) bool {
	to, ok := t.c.parse(target)
	if !ok {
		t.c.p.warn("%s: no such place %q", t.c.name, target)
		return false
	}
	t.c.place, t.jumped = to, true
	return true
}

func jump(t *thread, args string, done func(bool)) { done(t.goTo(args)) }

// choose cuts condition?yes:no.
func choose(args string) string {
	condition, targets, _ := strings.Cut(args, "?")
	yes, no, _ := strings.Cut(targets, ":")
	if truth(condition) {
		return strings.TrimSpace(yes)
	}
	return strings.TrimSpace(no)
}

// truth is Asterisk's: neither empty nor 0.
func truth(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && strings.Trim(s, "0") != ""
}

func jumpIf(t *thread, args string, done func(bool)) {
	target := choose(args)
	done(target == "" || t.goTo(target))
}

func gosubIf(t *thread, args string, done func(bool)) {
	if target := choose(args); target != "" {
		gosub(t, target, done)
		return
	}
	done(true)
}

// gosub goes somewhere and comes back at Return; what is in parentheses becomes ARG1, ARG2, …
func gosub(t *thread, args string, done func(bool)) {
	if len(t.stack) >= maxStack {
		t.c.p.warn("%s: Gosub goes deeper than %d calls", t.c.name, maxStack)
		done(false)
		return
	}
	target, list, _ := strings.Cut(args, "(")
	back := t.c.place
	if !t.goTo(strings.TrimSpace(target)) {
		done(false)
		return
	}
	back.priority++
	frame := call{back: back}
	values := split(strings.TrimSuffix(list, ")"))
	names := append([]string{"ARGC"}, make([]string, len(values))...)
	for i := range values {
		names[i+1] = fmt.Sprintf("ARG%d", i+1)
	}
	for i, name := range names {
		if at := t.c.vars.find(name); at >= 0 {
			frame.args = append(frame.args, t.c.vars[at])
		}
		if i == 0 {
			t.c.setVar(name, fmt.Sprint(len(values)))
		} else {
			t.c.setVar(name, values[i-1])
		}
	}
	t.stack = append(t.stack, frame)
	done(true)
}

func back(t *thread, args string, done func(bool)) {
	if len(t.stack) == 0 {
		t.c.p.warn("%s: Return without Gosub", t.c.name)
		done(false)
		return
	}
	last := t.stack[len(t.stack)-1]
	t.stack = t.stack[:len(t.stack)-1]
	for _, v := range last.args {
		t.c.vars.set(v.Name, v.Value, false)
	}
	t.c.setVar("GOSUB_RETVAL", args)
	t.c.place, t.jumped = last.back, true
	done(true)
}

func execIf(t *thread, args string, done func(bool)) {
	what := choose(args)
	name, list, _ := strings.Cut(what, "(")
	if what == "" {
		done(true)
		return
	}
	run := apps[lower(name)]
	if run == nil {
		t.c.p.warn("ExecIf: no application %q", name)
		done(true)
		return
	}
	run(t, strings.TrimSuffix(list, ")"), done)
}

// while and endWhile keep the place of the loop in variables, as Asterisk does.
func while(t *thread, args string, done func(bool)) {
	c, at := t.c, t.c.place
	start := fmt.Sprintf("%s_%s_%d", at.context, at.exten, at.priority)
	index := c.vars.get(start)
	if index == "" {
		index = "0"
		c.setVar(start, index)
		c.setVar("WHILE_"+index, fmt.Sprintf("%s,%s,%d", at.context, at.exten, at.priority))
	}
	if truth(args) {
		done(true)
		return
	}
	end := c.vars.get("END_WHILE_" + index)
	for _, name := range []string{start, "WHILE_" + index, "END_WHILE_" + index} {
		c.unsetVar(name)
	}
	done(end == "" || t.goTo(end))
}

func endWhile(t *thread, _ string, done func(bool)) {
	c, at := t.c, t.c.place
	start := c.vars.get("WHILE_0")
	if start == "" {
		done(true)
		return
	}
	if c.vars.get("END_WHILE_0") == "" {
		c.setVar("END_WHILE_0", fmt.Sprintf("%s,%s,%d", at.context, at.exten, at.priority+1))
	}
	done(t.goTo(start))
}

// userEvent raises a UserEvent of the channel: NAME, and KEY: VALUE for each header. A key that comes twice keeps its last value.
func userEvent(t *thread, args string, done func(bool)) {
	parts := split(args)
	headers := []translator.Part{translator.Header("UserEvent", at(parts, 0))}
next:
	for _, part := range parts[min(1, len(parts)):] {
		name, value, ok := strings.Cut(part, ":")
		if !ok {
			continue
		}
		name, value = strings.TrimSpace(name), strings.TrimLeft(value, " ")
		for i := range headers[1:] {
			if headers[i+1].Name == name {
				headers[i+1].Value = value
				continue next
			}
		}
		headers = append(headers, translator.Header(name, value))
	}
	t.c.say("UserEvent", headers...)
	done(true)
}
