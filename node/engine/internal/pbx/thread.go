package pbx

import (
	"time"

	"github.com/amibus/amibus/translator"
)

// thread runs the dialplan on a channel, a priority a step.
type thread struct {
	c       *channel
	stack   []call // of Gosub
	steps   int    // at one instant
	instant time.Time
	jumped  bool                     // the application chose the next place
	ending  bool                     // nothing is run any more but h
	hanging bool                     // h is run
	single  func(done func(ok bool)) // one application instead of the dialplan: an Originate's
	instead func()                   // what to do instead of going on at place, once: it goes on then
	digit   byte                     // the application ended with it: it is the first of an extension
	over    func()                   // of a subroutine that is run besides: called when it has returned, or was given up
	deaf    bool                     // one that runs although the channel is to end
	done    func()
}

// app is an application. It calls done when it is over; ok false ends the call.
type app func(t *thread, args string, done func(ok bool))

// run starts the dialplan at the channel's place; done is called when the channel is gone.
func (c *channel) run(done func()) {
	t := &thread{c: c, done: done}
	c.thread = t
	c.p.threads++
	c.p.soon(t.step)
}

func (t *thread) step() {
	c := t.c
	if c.gone {
		return
	}
	if t.over == nil && t.single == nil && !t.ending && c.flags&flagHangup != 0 && !t.expired() {
		t.ending = true
	}
	switch {
	case t.over != nil && (c.flags&flagRedirect != 0 || c.flags != 0 && !t.deaf):
		t.over()
	case c.flags&flagRedirect != 0:
		t.redirected()
	case t.single != nil:
		t.single(t.finish)
	case t.ending && !t.hanging:
		t.hangUp()
	case t.pause():
	default:
		t.execute()
	}
}

// pause makes a dialplan that never waits sleep.
func (t *thread) pause() bool {
	p := t.c.p
	if !t.instant.Equal(p.now) {
		t.instant, t.steps = p.now, 0
	}
	if t.steps++; t.steps <= maxSteps {
		return false
	}
	p.after(pauseFor, t.step)
	return true
}

func (t *thread) execute() {
	c, at := t.c, t.c.place
	s, ok := c.step(at)
	if !ok {
		t.missing()
		return
	}
	run, ok := apps[lower(s.App)]
	if !ok {
		c.p.warn("no application %q for extension (%s, %s, %d)", s.App, at.context, at.exten, at.priority)
		t.finish(false)
		return
	}
	args := c.p.cfg.Dialplan.Expand(s.Args, c)
	c.app, c.data, c.running = s.App, args, t
	c.publish()
	run(t, args, t.finish)
}

// finish is called at the end of each application.
func (t *thread) finish(ok bool) {
	c := t.c
	if c.gone {
		return
	}
	digit := t.digit
	t.digit = 0
	if t.over != nil {
		if !ok || digit != 0 {
			t.over()
			return
		}
	} else {
		c.app, c.data = "", ""
	}
	switch {
	case t.over == nil && c.flags&flagRedirect != 0:
		t.redirected()
		return
	case t.single != nil || t.hanging && (!ok || digit != 0):
		t.end()
		return
	case !ok:
		t.ending = !t.expired()
	case digit != 0:
		t.collect(string(digit), digitTimeout)
		return
	case t.jumped:
		t.jumped = false
	default:
		c.place.priority++
	}
	c.p.soon(t.step)
}

// redirected: what ran was stopped in order to go elsewhere.
func (t *thread) redirected() {
	t.c.arrived()
	t.c.flags &^= flagRedirect
	t.stack, t.jumped, t.single, t.digit = nil, false, nil, 0
	if instead := t.instead; instead != nil {
		t.instead = nil
		instead()
		return
	}
	t.c.p.soon(t.step)
}

// hangUp begins the end of the thread: h is run if there is one.
func (t *thread) hangUp() {
	c := t.c
	c.flags |= flagHangup
	c.sayLast("SoftHangupRequest", translator.Header("Cause", "16"))
	if !c.exists("h") {
		t.end()
		return
	}
	t.hanging = true
	c.place = place{c.place.context, "h", 1}
	c.p.soon(t.step)
}

// end ends the channel with its thread.
func (t *thread) end() {
	t.c.hangup()
	t.c.thread = nil
	if t.done != nil {
		t.done()
	}
}

// why a wait is over.
type why uint8

const (
	elapsed why = iota
	stopped     // the channel is to end, or to go elsewhere
	enough      // a frame was what was waited for
)

// wait reads the channel for d (negative: for ever), until on says that a frame was what it waited for.
func (c *channel) wait(d time.Duration, on func(frame) bool, done func(why)) {
	var limit *timer
	var later []frame // what who sleeps does not take, the next one reads again
	end := func(w why) {
		c.unread()
		c.p.stop(limit)
		c.frames = append(later, c.frames...)
		done(w)
	}
	if d >= 0 {
		limit = c.p.after(d, func() { end(elapsed) })
		c.waiting = limit
	}
	c.read(func(f frame) {
		if f.kind == frameHangup {
			end(stopped)
		} else if on != nil && on(f) {
			end(enough)
		} else if f.kind == frameFlash && on == nil {
			later = append(later, f)
		}
	})
}
