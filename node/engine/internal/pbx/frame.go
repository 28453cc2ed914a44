package pbx

import (
	"strconv"
	"time"

	"github.com/amibus/amibus/translator"
)

// kind tells what a frame is.
type kind uint8

const (
	frameNone kind = iota
	frameHangup
	frameAnswer
	frameRinging
	frameProgress
	frameProceeding
	frameBusy
	frameCongestion
	frameHold
	frameUnhold
	frameDTMFBegin
	frameDTMFEnd
	frameFlash
	frameKinds // how many there are
)

// frame is what a channel's far end, or another task, tells it.
type frame struct {
	kind     kind
	digit    byte
	duration time.Duration
	forward  string // of a busy one: whom to call instead
	id       uint64 // the same through all channels it comes
	hops     int    // how many channels it came through: bridges can make a ring
}

// queue hands a frame to the channel's reader, now or when there is one.
func (c *channel) queue(f frame) {
	if c.gone {
		return
	}
	if len(c.frames) >= maxFrames {
		if c.p.stats.DroppedFrames++; c.p.stats.DroppedFrames == 1 {
			c.p.warn("channel %s: frames dropped, nobody reads them", c)
		}
		return
	}
	if f.hops = c.p.hops; f.hops > maxHops {
		return
	}
	if f.id = c.p.relayed; f.hops == 0 {
		c.p.frames++
		f.id = c.p.frames
	} else if c.heard[f.kind] == f.id { // it came around
		return
	}
	c.heard[f.kind] = f.id
	if !c.digitFits(f) {
		return
	}
	c.frames = append(c.frames, f)
	c.wake()
}

// queueHangup tells the channel that its far end is gone. The cause becomes the channel's if somebody still reads it.
func (c *channel) queueHangup(cause int) {
	if c.gone {
		return
	}
	c.sayLast("HangupRequest", translator.Header("Cause", strconv.Itoa(cause)))
	c.pending = cause
	c.flags |= flagHangup
	c.wake()
}

// softHangup asks whoever runs the channel to end it.
func (c *channel) softHangup(cause int) {
	if c.gone {
		return
	}
	if cause > 0 {
		c.cause = cause
	}
	c.flags |= flagHangup
	c.wake()
}

// read makes fn the reader. Each frame is first handled as Asterisk's read does.
func (c *channel) read(fn func(frame)) {
	c.reader = fn
	if len(c.frames) > 0 || c.flags != 0 {
		c.wake()
	}
}

// unread takes the reader away.
func (c *channel) unread() { c.reader = nil }

func (c *channel) wake() {
	if !c.waking && c.reader != nil {
		c.waking = true
		c.p.soon(c.deliver)
	}
}

// deliver hands over what is queued. A channel that is to end, or to go elsewhere, gives frameHangup, before what is queued, once to each
// reader.
func (c *channel) deliver() {
	c.waking = false
	for c.reader != nil && !c.gone {
		if c.flags != 0 {
			if c.pending > 0 {
				c.cause, c.pending = c.pending, 0
			}
			read := c.reader
			c.reader = nil
			read(frame{kind: frameHangup})
			continue
		}
		if len(c.frames) == 0 {
			return
		}
		f := c.frames[0]
		c.frames = c.frames[:copy(c.frames, c.frames[1:])]
		c.p.hops, c.p.relayed = f.hops+1, f.id
		if c.arrive(f); c.reader != nil {
			c.reader(f)
		}
		c.p.hops = 0
	}
}

// arrive is what reading a frame does to the channel itself.
func (c *channel) arrive(f frame) {
	switch f.kind {
	case frameAnswer:
		c.setState(stateUp)
	case frameHold:
		c.held = true
		c.say("Hold")
	case frameUnhold:
		if c.held {
			c.held = false
			c.say("Unhold")
		}
	case frameFlash:
		c.say("Flash")
	case frameDTMFBegin:
		c.say("DTMFBegin", translator.Header("Digit", string(f.digit)), translator.Header("Direction", "Received"))
	case frameDTMFEnd:
		c.say("DTMFEnd", translator.Header("Digit", string(f.digit)),
			translator.Header("DurationMs", strconv.FormatInt(f.duration.Milliseconds(), 10)), translator.Header("Direction", "Received"))
	}
}

// digitFits says whether a digit may come now: not one that has begun already, of another sender.
func (c *channel) digitFits(f frame) bool {
	bit := uint64(1) << (f.digit % 64)
	switch f.kind {
	case frameDTMFBegin:
		if c.digits&bit != 0 {
			return false
		}
		c.digits |= bit
	case frameDTMFEnd:
		c.digits &^= bit
	}
	return true
}
