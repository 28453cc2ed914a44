package pbx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

// dial is one run of Dial: it calls legs (dial_call.go), waits for the first that answers (dial_wait.go), and connects it (dial_answer.go).
type dial struct {
	t         *thread
	c         *channel
	p         *PBX
	o         options
	legs      []*leg // live ones that were called
	asked     int    // destinations that count for the status
	single    bool   // there is one leg
	heeding   bool   // the legs are read
	ringing   bool   // the caller was told
	rang      bool
	progress  bool
	limit     *timer        // for an answer
	early     *timer        // for any sign of life
	duration  time.Duration // of the talk at most; 0: as long as they like
	status    string        // what DIALSTATUS says if nothing else does
	busy      int           // legs, by why they were lost
	congested int
	missing   int
	goOn      bool // with the next priority, whatever happened
	done      func(bool)
}

// leg is one destination.
type leg struct {
	c        *channel
	resource string // behind TECH/
	forwards int
}

const (
	maxLegs   = 256
	pollDelay = time.Millisecond // what it takes Dial to call all legs before it listens to the first
)

// clean are the variables that Dial sets to nothing at its begin, in order.
var clean = []string{
	"DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME", "ANSWEREDTIME", "ANSWEREDTIME_MS", "DIALEDTIME", "DIALEDTIME_MS",
	"RINGTIME", "RINGTIME_MS", "PROGRESSTIME", "PROGRESSTIME_MS",
}

// dialApp is Dial(TECH/RESOURCE[&…][,timeout[^early][,options]]).
func dialApp(t *thread, args string, done func(bool)) {
	parts, c := split(args), t.c
	d := &dial{t: t, c: c, p: c.p, status: "CHANUNAVAIL", done: done}
	for _, name := range clean {
		c.setVar(name, "")
	}
	o, whole := parseOptions(at(parts, 2))
	d.o, d.goOn = o, o.has('g')
	err := d.limits()
	switch {
	case c.details.dialed >= maxForwards:
		c.p.warn("Cannot place outbound call from channel '%s'. Max forwards exceeded", c.name)
		d.refuse("BUSY")
	case c.flags&flagHangup != 0:
		d.refuse("CANCEL")
	case !whole:
		c.p.warn("%s: Dial(%s): a parenthesis of the options is not closed", c.name, args)
		d.refuse("INVALIDARGS")
	case err != nil:
		c.p.warn("%s: %v", c.name, err)
		d.refuse("INVALIDARGS")
	case o['B'] != "":
		c.routine(caret(o['B']), false, func() { d.begin(parts) })
	default:
		d.begin(parts)
	}
}

// caret makes the ^ of an option's argument the comma it stands for.
func caret(s string) string { return strings.ReplaceAll(s, "^", ",") }

// limits reads what bounds the talk: L(ms[:…]), else S(seconds).
func (d *dial) limits() error {
	if text := d.o['L']; d.o.has('L') {
		ms, _, _ := strings.Cut(text, ":")
		n, err := strconv.Atoi(strings.TrimSpace(ms))
		if err != nil || n <= 0 || n > 1e9 {
			return fmt.Errorf("Bridge does not accept L(%s)", text)
		}
		d.duration = time.Duration(n) * time.Millisecond
		return nil
	}
	if text := d.o['S']; text != "" {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n <= 0 || n > 1e7 {
			return fmt.Errorf("Dial does not accept S(%s)", text)
		}
		d.duration = time.Duration(n) * time.Second
	}
	return nil
}

// refuse ends a Dial that never began.
func (d *dial) refuse(status string) {
	d.c.setVar("DIALSTATUS", status)
	d.done(false)
}

// begin makes the channels of the destinations, and calls them.
func (d *dial) begin(parts []string) {
	var legs []*leg
	destinations := strings.Split(at(parts, 0), "&")
	for i, to := range destinations {
		if to = strings.TrimSpace(to); to == "" {
			continue
		}
		if _, resource, _ := strings.Cut(to, "/"); resource == "" {
			d.p.warn("%s: Dial argument takes format (technology/resource)", d.c.name)
			for _, l := range legs {
				l.c.hangup()
			}
			d.over("INVALIDARGS", false)
			return
		}
		if l := d.request(to, i == len(destinations)-1); l != nil {
			if len(legs) == maxLegs {
				d.p.warn("%s: Dial calls %d destinations, no more: %s is left out", d.c.name, maxLegs, to)
				l.c.hangup()
				continue
			}
			legs = append(legs, l)
		}
	}
	if d.o['b'] == "" {
		d.ring(legs, parts)
		return
	}
	target := d.c.full(caret(d.o['b']))
	var prepare func(i int)
	prepare = func(i int) {
		if i == len(legs) {
			d.ring(legs, parts)
			return
		}
		legs[i].c.routine(target, false, func() { prepare(i + 1) })
	}
	prepare(0)
}

// ring calls the legs and begins to wait.
func (d *dial) ring(legs []*leg, parts []string) {
	d.asked = d.busy + d.congested + d.missing
	for _, l := range legs {
		d.call(l)
	}
	d.asked += len(d.legs)
	d.single = len(d.legs) == 1
	if len(d.legs) == 0 {
		d.over(d.outcome(), true)
		return
	}
	d.status = "NOANSWER"
	answer, early, _ := strings.Cut(at(parts, 1), "^")
	if limit := d.seconds(answer); limit > 0 {
		d.limit = d.p.after(limit, func() { d.timeout("NOANSWER") })
	}
	if limit := d.seconds(early); limit > 0 {
		d.early = d.p.after(limit, func() { d.timeout("CHANUNAVAIL") })
	}
	d.entertain()
	d.p.after(pollDelay, d.listen)
}

// seconds reads a timeout: nothing, and what makes no sense, is none.
func (d *dial) seconds(text string) time.Duration {
	if text == "" {
		return 0
	}
	limit, ok := seconds(text)
	if !ok || limit == 0 {
		d.p.warn("%s: Invalid timeout specified: '%s'. Setting timeout to infinite", d.c.name, text)
	}
	return limit
}

// entertain is what the caller hears meanwhile: music, or ringing.
func (d *dial) entertain() {
	switch {
	case d.o.has('m'):
		d.c.startMusic(d.o['m'])
		d.c.tech.indicate(d.c, frameProgress)
	case d.o['r'] != "": // a tone: media
		d.c.tech.indicate(d.c, frameProgress)
	case d.o.has('r') || d.o.has('R'):
		d.c.tech.indicate(d.c, frameRinging)
	}
}

func (d *dial) say(name string, l *leg, parts ...translator.Part) {
	d.p.raise(name, append([]translator.Part{d.c.group(""), l.c.group("Dest")}, parts...)...)
}

// drop takes a leg off the list.
func (d *dial) drop(l *leg) { d.legs = slices.DeleteFunc(d.legs, func(x *leg) bool { return x == l }) }

// over ends a Dial without a talk. ok: the call goes on.
func (d *dial) over(status string, ok bool) {
	d.p.stop(d.limit)
	d.p.stop(d.early)
	d.c.unread()
	if d.o.has('m') {
		d.c.stopMusic()
	}
	d.c.setVar("DIALSTATUS", status)
	d.done(ok || d.goOn && d.c.flags&flagHangup == 0)
}

// took sets a variable to the seconds since a moment, and its _MS to the milliseconds.
func (d *dial) took(name string, since time.Time) {
	took := time.Duration(0)
	if !since.IsZero() {
		took = d.p.now.Sub(since)
	}
	d.c.setVar(name, strconv.FormatInt(int64(took/time.Second), 10))
	d.c.setVar(name+"_MS", strconv.FormatInt(took.Milliseconds(), 10))
}
