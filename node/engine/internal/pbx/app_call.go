package pbx

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

const (
	forever   = time.Duration(-1)
	mediaWait = 500 * time.Millisecond // Answer waits so long for media that never comes
)

// answer is Answer([ms[,i]]): it waits for media, at least that long; i: it does not.
func answer(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	delay, on := mediaWait, isMedia
	if ms, err := strconv.Atoi(strings.TrimSpace(at(parts, 0))); err == nil && ms > 0 {
		delay, on = min(max(delay, time.Duration(ms)*time.Millisecond), time.Hour), nil
	}
	before := c.state
	c.answer()
	if at(parts, 1) == "i" || before != stateRing && before != stateRinging {
		done(true)
		return
	}
	c.wait(delay, on, func(w why) { done(w != stopped) })
}

// isMedia: who sends a digit is heard.
func isMedia(f frame) bool { return f.kind == frameDTMFBegin }

// pickUp answers a channel that is not up, unless it is to be heard before it answers.
func (c *channel) pickUp(early bool, then func(ok bool)) {
	if early || c.state == stateUp {
		then(true)
		return
	}
	c.answer()
	c.wait(mediaWait, isMedia, func(w why) { then(w != stopped) })
}

// hangup is Hangup([cause]), a name or a number.
func hangup(t *thread, args string, done func(bool)) {
	t.c.details.hangupSource = "dialplan/builtin"
	cause, ok := 0, args == ""
	if !ok {
		if cause, ok = causeOf(args); !ok || cause == 0 {
			t.c.p.warn("Invalid cause given to Hangup(): \"%s\"", args)
			cause = 0
		}
	}
	t.c.cause = cmp.Or(cause, t.c.cause, 16)
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

// waitExten is WaitExten([seconds[,options]]): the first digit begins an extension. m: with music.
func waitExten(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	o, _ := parseOptions(at(parts, 1))
	limit := secondsOr(at(parts, 0), 0)
	if limit == 0 {
		limit = responseTimeout
	}
	if o.has('m') {
		c.startMusic(o['m'])
	}
	c.wait(limit, func(f frame) bool {
		if f.kind == frameDTMFEnd {
			t.digit = f.digit
		}
		return f.kind == frameDTMFEnd
	}, func(w why) {
		if o.has('m') {
			c.stopMusic()
		}
		next := c.place
		next.priority++
		_, more := c.step(next)
		switch {
		case w == stopped:
			done(false)
		case w == enough || more:
			done(true)
		case c.exists("t"):
			c.place, t.jumped = place{c.place.context, "t", 1}, true
			done(true)
		case c.exists("e"):
			c.place, t.jumped = place{c.place.context, "e", 1}, true
			done(true)
		default:
			c.p.warn("Timeout but no rule 't' or 'e' in context '%s'", c.place.context)
			done(false)
		}
	})
}
