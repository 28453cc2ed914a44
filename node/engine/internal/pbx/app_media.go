package pbx

import (
	"cmp"
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
	class = cmp.Or(class, c.details.musicClass, "default")
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

// sounds is how long a list of files is played.
func sounds(files string) time.Duration {
	n := 0
	for file := range strings.SplitSeq(files, "&") {
		if strings.TrimSpace(file) != "" {
			n++
		}
	}
	return time.Duration(n) * soundTime
}

// playback is Playback(file[&…][,skip|noanswer]): it takes time for each sound; an unanswered channel is answered first.
func playback(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	option := strings.ToLower(at(parts, 1))
	if at(parts, 0) == "" {
		c.Warn("Playback requires an argument (filename)")
		done(false)
		return
	}
	end := func(ok bool) {
		c.setVar("PLAYBACKSTATUS", "SUCCESS")
		done(ok)
	}
	if c.state != stateUp && strings.Contains(option, "skip") {
		end(true)
		return
	}
	c.pickUp(strings.Contains(option, "noanswer"), func(ok bool) {
		if !ok {
			end(false)
			return
		}
		c.wait(sounds(parts[0]), nil, func(w why) { end(w == elapsed) })
	})
}

// background is Background(file[&…][,options[,language[,context]]]): a playback that a digit ends, which begins an extension.
func background(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	o, _ := parseOptions(at(parts, 1))
	switch strings.ToLower(at(parts, 1)) {
	case "skip":
		o = options{'s': ""}
	case "noanswer":
		o = options{'n': ""}
	}
	if at(parts, 0) == "" {
		c.Warn("Background requires an argument (filename)")
		done(false)
		return
	}
	context := cmp.Or(at(parts, 3), c.place.context)
	end := func(ok bool) {
		c.setVar("BACKGROUNDSTATUS", "SUCCESS")
		done(ok)
	}
	if c.state != stateUp && o.has('s') {
		end(true)
		return
	}
	c.pickUp(o.has('n'), func(ok bool) {
		if !ok {
			end(false)
			return
		}
		digit := byte(0)
		c.wait(sounds(parts[0]), func(f frame) bool {
			if f.kind == frameDTMFEnd && !o.has('p') && (!o.has('m') || c.existsIn(context, string(f.digit))) {
				digit = f.digit
			}
			return digit != 0
		}, func(w why) {
			if w == enough && c.existsIn(context, string(digit)) && !c.moreIn(context, string(digit)) {
				c.place, t.jumped = place{context, string(digit), 1}, true
			} else if w == enough {
				t.digit = digit
			}
			end(w != stopped)
		})
	})
}
