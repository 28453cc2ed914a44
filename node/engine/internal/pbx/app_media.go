package pbx

import (
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

const (
	soundTime    = 3 * time.Second // how long any sound takes
	defaultDigit = 100 * time.Millisecond
	defaultGap   = 250 * time.Millisecond
	quiet        = 100 * time.Millisecond // before the first
)

// startMusic and stopMusic are what the far end hears.
func (c *channel) startMusic(class string) {
	if class == "" {
		class = "default"
	}
	if !c.music {
		c.music = true
		c.say("MusicOnHoldStart", translator.Header("Class", class))
	}
}

func (c *channel) stopMusic() {
	if c.music {
		c.music = false
		c.say("MusicOnHoldStop")
	}
}

func musicOnHold(t *thread, args string, done func(bool)) {
	parts := split(args)
	t.c.startMusic(at(parts, 0))
	t.c.wait(secondsOr(at(parts, 1), forever), nil, func(w why) {
		t.c.stopMusic()
		done(w == elapsed)
	})
}

func startMusic(t *thread, args string, done func(bool)) {
	t.c.startMusic(at(split(args), 0))
	done(true)
}

func stopMusic(t *thread, _ string, done func(bool)) {
	t.c.stopMusic()
	done(true)
}

func echo(t *thread, _ string, done func(bool)) {
	t.c.wait(forever, func(f frame) bool { return f.kind == frameDTMFEnd && f.digit == '#' }, func(w why) { done(w == enough) })
}

// playback takes time for each sound; an unanswered channel is answered first.
func playback(t *thread, args string, done func(bool)) {
	t.c.answer()
	sounds := strings.Split(at(split(args), 0), "&")
	t.c.wait(time.Duration(len(sounds))*soundTime, nil, func(w why) {
		t.c.setVar("PLAYBACKSTATUS", "SUCCESS")
		done(w == elapsed)
	})
}

// background is a playback that a digit which may begin an extension ends.
func background(t *thread, args string, done func(bool)) {
	c := t.c
	c.answer()
	sounds := strings.Split(at(split(args), 0), "&")
	digit := ""
	c.wait(time.Duration(len(sounds))*soundTime, func(f frame) bool {
		digit = string(f.digit)
		return f.kind == frameDTMFEnd && (c.exists(digit) || c.more(digit))
	}, func(w why) {
		c.setVar("BACKGROUNDSTATUS", "SUCCESS")
		switch {
		case w == enough && c.exists(digit) && !c.more(digit):
			c.place, t.jumped = place{c.place.context, digit, 1}, true
		case w == enough: // WaitExten, or what comes next, reads it again
			c.frames = append([]frame{{kind: frameDTMFEnd, digit: digit[0], duration: defaultDigit}}, c.frames...)
		}
		done(w != stopped)
	})
}

// read is Read(variable,files,maxdigits,options,attempts,timeout).
func read(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	variable := at(parts, 0)
	most, err := strconv.Atoi(at(parts, 2))
	if err != nil || most <= 0 || most > 255 {
		most = 255
	}
	limit := secondsOr(at(parts, 5), 10*time.Second)
	c.answer()
	c.setVar("READSTATUS", "ERROR")
	digits, hash := "", false
	finish := func(status string, ok bool) {
		c.setVar(variable, digits)
		c.setVar("READSTATUS", status)
		done(ok)
	}
	var next func()
	next = func() {
		c.wait(limit, func(f frame) bool {
			if f.kind != frameDTMFEnd {
				return false
			}
			if hash = f.digit == '#'; !hash {
				digits += string(f.digit)
			}
			return true
		}, func(w why) {
			switch {
			case w == stopped:
				finish("HANGUP", false)
			case w == elapsed:
				finish("TIMEOUT", true)
			case hash || len(digits) == most:
				finish("OK", true)
			default:
				next()
			}
		})
	}
	next()
}

// sendDTMF is SendDTMF(digits,gap ms,duration ms).
func sendDTMF(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	gap, length := millis(at(parts, 1), defaultGap), millis(at(parts, 2), defaultDigit)
	digits := at(parts, 0)
	var next func()
	next = func() {
		if digits == "" {
			done(true)
			return
		}
		digit := digits[0]
		digits = digits[1:]
		pause := gap
		if strings.IndexByte("0123456789*#ABCDabcd", digit) < 0 {
			length = 0
		} else {
			c.tech.digit(c, digit, true, 0)
		}
		c.wait(length, nil, func(w why) {
			if w == stopped {
				done(false)
				return
			}
			c.tech.digit(c, digit, false, length)
			c.wait(pause, nil, func(w why) {
				if w == stopped {
					done(false)
					return
				}
				next()
			})
		})
	}
	c.wait(quiet, nil, func(w why) {
		if w == stopped {
			done(false)
			return
		}
		next()
	})
}

func millis(s string, fallback time.Duration) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n > 0 && n < 100_000 {
		return time.Duration(n) * time.Millisecond
	}
	return fallback
}
