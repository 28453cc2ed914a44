package pbx

import (
	"strconv"
	"strings"
	"time"
)

const (
	forever   = time.Duration(-1)
	mediaWait = 500 * time.Millisecond // Answer waits so long for media that never comes
)

func answer(t *thread, args string, done func(bool)) {
	c := t.c
	if c.state == stateUp {
		done(true)
		return
	}
	c.answer()
	delay := mediaWait
	if ms, err := strconv.Atoi(strings.TrimSpace(at(split(args), 0))); err == nil && ms > 0 {
		delay = min(time.Duration(ms)*time.Millisecond, time.Hour)
	}
	c.wait(delay, nil, func(w why) { done(w == elapsed) })
}

func hangup(t *thread, args string, done func(bool)) {
	if n, err := strconv.Atoi(strings.TrimSpace(args)); err == nil && n > 0 {
		t.c.cause = n
	} else if t.c.cause == 0 {
		t.c.cause = 16
	}
	done(false)
}

func wait(t *thread, args string, done func(bool)) {
	d, ok := seconds(at(split(args), 0))
	if !ok || d == 0 {
		done(true)
		return
	}
	t.c.wait(d, nil, func(w why) { done(w == elapsed) })
}

// indicates tells the far end something, and goes on.
func indicates(what kind) app {
	return func(t *thread, _ string, done func(bool)) {
		t.c.tech.indicate(t.c, what)
		done(true)
	}
}

func busy(t *thread, args string, done func(bool)) { t.c.refuse(frameBusy, 17, args, done) }

func congestion(t *thread, args string, done func(bool)) { t.c.refuse(frameCongestion, 34, args, done) }

// refuse tells the far end busy or congestion, waits, and ends the call.
func (c *channel) refuse(what kind, cause int, args string, done func(bool)) {
	c.tech.indicate(c, what)
	if c.state != stateUp {
		c.cause = cause
		c.setState(stateBusy)
	}
	c.wait(secondsOr(args, forever), nil, func(why) { done(false) })
}

// waitExten waits for digits that make an extension, and goes there.
func waitExten(t *thread, args string, done func(bool)) {
	c, dialed := t.c, ""
	limit := secondsOr(at(split(args), 0), 10*time.Second)
	choose := func() {
		switch {
		case c.exists(dialed):
			c.place, t.jumped = place{c.place.context, dialed, 1}, true
		case dialed == "" && c.exists("t"):
			c.place, t.jumped = place{c.place.context, "t", 1}, true
		case dialed != "" && c.exists("i"):
			c.setVar("INVALID_EXTEN", dialed)
			c.place, t.jumped = place{c.place.context, "i", 1}, true
		case dialed != "":
			done(false)
			return
		}
		done(true)
	}
	var next func()
	next = func() {
		c.wait(limit, func(f frame) bool {
			if f.kind == frameDTMFEnd {
				dialed += string(f.digit)
			}
			return f.kind == frameDTMFEnd
		}, func(w why) {
			switch {
			case w == stopped:
				done(false)
			case w == enough && len(dialed) < 80 && c.more(dialed):
				limit = 5 * time.Second
				next()
			default:
				choose()
			}
		})
	}
	next()
}
