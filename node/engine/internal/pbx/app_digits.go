package pbx

import (
	"strconv"
	"strings"
	"time"
)

// reading is one run of Read.
type reading struct {
	c            *channel
	variable     string
	digits       string
	most         int
	terminator   string
	keep         bool // an empty input that is ended gives the terminator
	prompt       time.Duration
	first, later time.Duration
	tries        int
	done         func(bool)
}

// read is Read(variable[,files[,maxdigits[,options[,attempts[,timeout]]]]]).
func read(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	c.setVar("READSTATUS", "ERROR")
	o, _ := parseOptions(at(parts, 3))
	r := &reading{c: c, variable: at(parts, 0), most: upTo255(at(parts, 2), 255), terminator: "#", keep: o.has('e'), tries: max(upTo255(at(parts, 4), 1), 1), done: done}
	if r.variable == "" {
		c.Warn("Read requires an argument (variable)")
		done(true)
		return
	}
	if o.has('t') {
		r.terminator = o['t']
	}
	if !o.has('i') { // what is named is a tone then
		r.prompt = sounds(at(parts, 1))
	}
	r.first, r.later = responseTimeout, digitTimeout
	if d, ok := seconds(at(parts, 5)); ok && d > 0 {
		r.first, r.later = d, d
	}
	if c.state != stateUp && o.has('s') {
		c.setVar(r.variable, "")
		c.setVar("READSTATUS", "SKIPPED")
		done(true)
		return
	}
	c.pickUp(o.has('n'), func(ok bool) {
		if !ok {
			r.end("HANGUP")
			return
		}
		r.digit(r.prompt + r.first)
	})
}

// upTo255 reads a number from 1 to 255; what is none is the fallback.
func upTo255(s string, fallback int) int {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n >= 1 && n <= 255 {
		return n
	}
	return fallback
}

func (r *reading) digit(limit time.Duration) {
	var digit byte
	r.c.wait(limit, func(f frame) bool { digit = f.digit; return f.kind == frameDTMFEnd }, func(w why) {
		ended := strings.IndexByte(r.terminator, digit) >= 0
		switch {
		case w == stopped:
			r.c.setVar(r.variable, r.digits)
			r.end("HANGUP")
			return
		case w == elapsed:
			r.over("TIMEOUT")
			return
		case ended && r.digits == "" && r.keep:
			r.digits = string(digit)
		case !ended:
			r.digits += string(digit)
		}
		if ended || len(r.digits) == r.most {
			r.over("OK")
			return
		}
		r.digit(r.later)
	})
}

// over ends one attempt: the next follows if nothing was dialled.
func (r *reading) over(status string) {
	r.c.setVar(r.variable, r.digits)
	if r.tries--; r.digits == "" && r.tries > 0 {
		r.digit(r.prompt + r.first)
		return
	}
	r.end(status)
}

func (r *reading) end(status string) {
	r.c.setVar("READSTATUS", status)
	r.done(status != "HANGUP")
}

// sendDTMF is SendDTMF(digits[,gap ms[,duration ms[,channel[,a]]]]).
func sendDTMF(t *thread, args string, done func(bool)) {
	c, parts := t.c, split(args)
	to := c
	if name := at(parts, 3); name != "" {
		if to = c.p.find(name); to == nil {
			c.p.warn("No such channel: %s", name)
			done(true)
			return
		}
	}
	if at(parts, 0) == "" {
		c.Warn("The digits argument is required (0-9,*#,a-d,A-D,wfF)")
		done(true)
		return
	}
	if o, _ := parseOptions(at(parts, 4)); o.has('a') {
		to.answer()
	}
	sender := &digitSender{to: to, on: c, digits: parts[0], gap: millis(at(parts, 1), defaultGap), length: millis(at(parts, 2), defaultDigit)}
	sender.run(func(ok bool) { done(ok || to != c && c.flags&flagHangup == 0) })
}

// sendDigits sends digits to the channel's far end.
func (c *channel) sendDigits(digits string, gap, length time.Duration, done func(ok bool)) {
	(&digitSender{to: c, on: c, digits: digits, gap: gap, length: length}).run(done)
}

// digitSender sends digits out on a channel; on is the one whose task waits meanwhile. w waits half a second, W a second.
type digitSender struct {
	to, on      *channel
	digits      string
	gap, length time.Duration
	done        func(bool)
}

func (s *digitSender) run(done func(ok bool)) {
	s.done = done
	s.sleep(quiet, s.next)
}

func (s *digitSender) sleep(d time.Duration, then func()) {
	s.on.wait(d, nil, func(w why) {
		if w == stopped || s.to.gone {
			s.done(false)
			return
		}
		then()
	})
}

func (s *digitSender) next() {
	for s.digits != "" {
		digit := s.digits[0]
		s.digits = s.digits[1:]
		switch {
		case digit == 'w':
			s.sleep(500*time.Millisecond, s.next)
		case digit == 'W':
			s.sleep(time.Second, s.next)
		case digit == 'f' || digit == 'F':
			s.to.tech.indicate(s.to, frameFlash)
			s.sleep(s.gap, s.next)
		case strings.IndexByte("0123456789*#ABCDabcd", digit) < 0:
			s.on.p.warn("Illegal DTMF character '%c' in string. (0-9*#aAbBcCdD allowed)", digit)
			continue
		default:
			s.to.tech.digit(s.to, digit, true, 0)
			s.sleep(s.length, func() {
				s.to.tech.digit(s.to, digit, false, s.length)
				s.sleep(s.gap, s.next)
			})
		}
		return
	}
	s.done(true)
}

func millis(s string, fallback time.Duration) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n > 0 && n < 100_000 {
		return time.Duration(n) * time.Millisecond
	}
	return fallback
}
