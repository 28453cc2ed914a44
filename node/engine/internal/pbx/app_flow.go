package pbx

import (
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/translator"
)

func noop(_ *thread, _ string, done func(bool)) { done(true) }

// verbose is Verbose([level,]message): there is no console, but what is no level is told.
func verbose(t *thread, args string, done func(bool)) {
	if parts := split(args); len(parts) > 1 {
		if _, err := strconv.ParseUint(strings.TrimSpace(parts[0]), 10, 32); err != nil {
			t.c.p.warn("'%s' is not a verboser number", parts[0])
		}
	}
	done(true)
}

// logs is Log(level,message). What is at least a warning goes to the log.
func logs(t *thread, args string, done func(bool)) {
	parts := split(args)
	switch level := strings.ToUpper(at(parts, 0)); level {
	case "ERROR", "WARNING":
		t.c.p.warn("%s: %s@%s: %s", t.c.name, t.c.place.exten, t.c.place.context, at(parts, 1))
	case "NOTICE", "DEBUG", "VERBOSE", "DTMF", "":
	default:
		t.c.p.warn("Unknown log level: '%s'", parts[0])
	}
	done(true)
}

func set(t *thread, args string, done func(bool)) {
	if name, value, ok := dialplan.Assignment(t.c, args); ok {
		t.c.assign(name, value)
	}
	done(true)
}

func mset(t *thread, args string, done func(bool)) {
	if args == "" {
		t.c.Warn("MSet requires at least one variable name/value pair.")
	}
	for _, pair := range split(args) {
		if name, value, ok := strings.Cut(pair, "="); ok {
			t.c.assign(name, value)
		} else {
			t.c.p.warn("MSet: ignoring entry '%s' with no '=' (in %s@%s:%d", pair, t.c.place.exten, t.c.place.context, t.c.place.priority)
		}
	}
	done(true)
}

// goTo makes the thread go on somewhere else.
func (t *thread) goTo(target string) bool {
	to, ok := t.c.parse(target)
	if !ok {
		t.c.p.warn("%s: Priority '%s' must be a number > 0, or valid label", t.c.name, target)
		return false
	}
	t.c.place, t.jumped = to, true
	return true
}

func jump(t *thread, args string, done func(bool)) { done(t.goTo(args)) }

func jumpIf(t *thread, args string, done func(bool)) {
	condition, yes, no := dialplan.Branches(args)
	t.branch(dialplan.Condition(condition), yes, no, done)
}

// branch goes to one of two places, or on if it is empty.
func (t *thread) branch(condition bool, yes, no string, done func(bool)) {
	target := no
	if condition {
		target = yes
	}
	done(target == "" || t.goTo(target))
}

// jumpIfTime is GotoIfTime(times,days,dates,months[,zone]?yes:no); TESTTIME may stand for now.
func jumpIfTime(t *thread, args string, done func(bool)) {
	c := t.c
	if args == "" {
		c.Warn("GotoIfTime requires an argument:\n  <time range>,<days of week>,<days of month>,<months>[,<timezone>]?'labeliftrue':'labeliffalse'")
		done(false)
		return
	}
	spec, yes, no := dialplan.Branches(args)
	timing, warnings := dialplan.ParseTiming(spec)
	for _, w := range warnings {
		c.Warn("GotoIfTime: " + w)
	}
	now := c.p.now
	if test, ok := c.Variable("TESTTIME"); ok {
		if seconds, err := strconv.ParseInt(strings.TrimSpace(test), 10, 64); err == nil {
			now = time.Unix(seconds, 0).In(now.Location())
		} else {
			c.Warn("Using current time to evaluate")
			c.unsetVar("TESTTIME")
		}
	}
	if zone := c.Location(timing.Zone); timing.Zone != "" && zone != nil {
		now = now.In(zone)
	}
	t.branch(timing.Match(now), yes, no, done)
}

func gosubIf(t *thread, args string, done func(bool)) {
	parts := splitRaw(args, '?', 2)
	if len(parts) < 2 {
		t.c.Warn("GosubIf requires an argument: GosubIf(cond?label1(args):label2(args)")
		done(true)
		return
	}
	labels := splitRaw(parts[1], ':', 2)
	target := at(labels, 1)
	if dialplan.Condition(parts[0]) {
		target = at(labels, 0)
	}
	if target == "" {
		done(true)
		return
	}
	gosub(t, target, done)
}

// execIf is ExecIf(condition?app(args):app(args)), and the older ExecIf(condition,app,args).
func execIf(t *thread, args string, done func(bool)) {
	comma, mark := strings.IndexByte(args, ','), strings.IndexByte(args, '?')
	condition, yes, no := "", "", ""
	if mark < 0 || comma >= 0 && comma < mark {
		parts := splitLimit(args, 3)
		condition, yes = at(parts, 0), at(parts, 1)+"("+at(parts, 2)+")"
		t.c.p.warn("Deprecated syntax found.  Please upgrade to using ExecIf(<expr>?%s(%s))", at(parts, 1), at(parts, 2))
	} else {
		parts := splitRaw(args, '?', 2)
		if condition = parts[0]; at(parts, 1) == "" {
			t.c.Warn("Usage: ExecIf(<expr>?<appiftrue>(<args>)[:<appiffalse>(<args)])")
			done(false)
			return
		}
		branches := splitRaw(parts[1], ':', 2)
		yes, no = branches[0], at(branches, 1)
	}
	what := no
	if dialplan.Condition(condition) {
		what = yes
	} else if what == "" {
		done(true)
		return
	}
	name, list, _ := strings.Cut(what, "(")
	if end := strings.LastIndexByte(list, ')'); end >= 0 {
		list = list[:end]
	}
	run := apps[lower(name)]
	if run == nil {
		t.c.p.warn("Could not find application! (%s)", name)
		done(false)
		return
	}
	t.c.app, t.c.data = strings.TrimSpace(name), list
	run(t, list, done)
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
