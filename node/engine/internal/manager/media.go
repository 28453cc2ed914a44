package manager

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
)

// Actions on one channel: its media, as far as it shows, and its limit.
func init() {
	add(map[string]handler{
		"SendText": sendText, "MuteAudio": muteAudio, "PlayDTMF": playDTMF, "PlayMF": playMF, "SendFlash": sendFlash,
		"LocalOptimizeAway": localOptimizeAway, "AbsoluteTimeout": absoluteTimeout,
	})
}

// has says whether the channel of the action is there: some actions look for it before they look at the rest.
func (r *request) has() (there bool, err error) {
	err = r.look(func(p *pbx.PBX) { there = p.HasChannel(r.get("Channel")) })
	return there, err
}

func sendText(r *request) error {
	there, err := r.has()
	switch {
	case err != nil:
		return err
	case r.get("Channel") == "":
		return r.fail("No channel specified")
	case r.get("Message") == "":
		return r.fail("No Message specified")
	case !there:
		return r.fail("No such channel")
	}
	return r.ok("Success")
}

func muteAudio(r *request) error {
	there, err := r.has()
	switch direction := r.get("Direction"); {
	case err != nil:
		return err
	case r.get("Channel") == "":
		return r.fail("Channel not specified")
	case r.get("State") == "":
		return r.fail("State not specified")
	case direction == "":
		return r.fail("Direction not specified")
	case !there:
		return r.fail("No such channel")
	case direction != "in" && direction != "out" && direction != "all":
		return r.fail("Failed to mute/unmute stream")
	}
	return r.reply(r.response("Success"))
}

// digit reads what PlayDTMF and PlayMF have in common. wrong is what is said of it.
func (r *request) digit() (digit byte, d time.Duration, wrong string, err error) {
	there, err := r.has()
	text, duration := r.get("Digit"), r.get("Duration")
	switch {
	case err != nil:
	case !there:
		wrong = "Channel not found"
	case text == "":
		wrong = "No digit specified"
	case duration != "":
		ms, ok := scanInt(duration)
		if !ok {
			wrong = "Could not convert Duration parameter"
		}
		if ms < 0 {
			ms = math.MaxInt32 // it is without a sign there
		}
		d = time.Duration(ms) * time.Millisecond
		fallthrough
	default:
		digit = text[0]
	}
	return digit, d, wrong, err
}

func playDTMF(r *request) error {
	digit, d, wrong, err := r.digit()
	if err != nil {
		return err
	}
	if wrong != "" {
		return r.fail(wrong)
	}
	return r.ask(func(id uint64) pbx.Input {
		return pbx.PlayDTMF{ID: id, Channel: r.get("Channel"), Digit: digit, Duration: d, Receive: isTrue(r.get("Receive"))}
	})
}

// playMF plays tones, which nobody here can hear.
func playMF(r *request) error {
	_, _, wrong, err := r.digit()
	if err != nil {
		return err
	}
	if wrong != "" {
		return r.fail(wrong)
	}
	return r.ok("MF successfully queued")
}

func sendFlash(r *request) error {
	return r.ask(func(id uint64) pbx.Input {
		return pbx.SendFlash{ID: id, Channel: r.get("Channel"), Receive: isTrue(r.get("Receive"))}
	})
}

func localOptimizeAway(r *request) error {
	channel := r.get("Channel")
	if channel == "" {
		return r.fail("'Channel' not specified.")
	}
	return r.ask(func(id uint64) pbx.Input { return pbx.LocalOptimizeAway{ID: id, Channel: channel} })
}

func absoluteTimeout(r *request) error {
	channel, seconds := r.get("Channel"), scanFloat(r.get("Timeout"))
	if channel == "" {
		return r.fail("No channel specified")
	}
	if !(seconds > 0) {
		return r.fail("No timeout specified")
	}
	const longest = 100 * 365 * 24 * 3600
	after := time.Duration(min(seconds, longest)*1e6) * time.Microsecond
	return r.ask(func(id uint64) pbx.Input { return pbx.AbsoluteTimeout{ID: id, Channel: channel, After: after} })
}

// scanFloat reads the number that a text begins with, 0 if it does not.
func scanFloat(text string) float64 {
	text = strings.TrimLeft(text, " \t")
	end := 0
	for end < len(text) && strings.IndexByte("0123456789.eE+-", text[end]) >= 0 {
		end++
	}
	for ; end > 0; end-- {
		if f, err := strconv.ParseFloat(text[:end], 64); err == nil {
			return f
		}
	}
	return 0
}
