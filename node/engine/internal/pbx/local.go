package pbx

import (
	"fmt"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

// local is a pair of channels, each the other's far end. The first half is called; the second runs the dialplan.
type local struct {
	p              *PBX
	one, two       *channel
	context, exten string
	keep           bool // /n: never optimized away
	launched       bool // the second half has its thread
	optimizing     bool
}

// requestLocal makes the pair for exten@context[/options].
func (p *PBX) requestLocal(resource, id, other, linkedid string) (c *channel, cause int) {
	target, options, _ := strings.Cut(resource, "/")
	exten, context, found := strings.Cut(target, "@")
	if !found {
		context = "default"
	}
	l := &local{p: p, context: context, exten: exten, keep: strings.Contains(options, "n")}
	at := place{context, exten, 1}
	name := fmt.Sprintf("Local/%s@%s-%08x;", exten, context, p.locals)
	p.locals++
	if id != "" && other == "" {
		other = id + ";2"
	}
	ok := false
	if id == "" {
		id = p.newID()
	}
	if other == "" {
		other = p.newID()
	}
	if id == other || p.channels[other] != nil {
		return nil, 0
	}
	if l.one, ok = p.newChannel(l, name+"1", id, linkedid, stateDown, at); !ok {
		return nil, 34
	}
	if l.two, ok = p.newChannel(l, name+"2", other, l.one.linkedid, stateRing, at); !ok {
		two := l.one
		l.two = nil
		two.hangup()
		return nil, 34
	}
	return l.one, 0
}

func (l *local) kind() string { return "Local" }

// peer is the other half, nil if it is gone.
func (l *local) peer(c *channel) *channel {
	other := l.one
	if c == l.one {
		other = l.two
	}
	if other == nil || other.gone {
		return nil
	}
	return other
}

// call hands everything over to the second half and starts it.
func (l *local) call(one *channel) bool {
	two := l.two
	for _, v := range one.vars {
		two.vars = append(two.vars, v)
		two.sayLast("VarSet", translator.Escaped("Variable", v.Name), translator.Escaped("Value", v.Value))
	}
	two.caller, two.connected = one.connected, one.caller
	two.language, two.account, two.details.dialed = one.language, one.account, one.details.dialed
	two.publish()
	if !two.exists(l.exten) {
		l.p.warn("no such extension %s@%s: cannot call %s", l.exten, l.context, one.name)
		return false
	}
	keep := "Yes"
	if l.keep {
		keep = "No"
	}
	l.p.raise("LocalBridge", one.group("LocalOne"), two.group("LocalTwo"), translator.Header("Context", l.context),
		translator.Header("Exten", l.exten), translator.Header("LocalOptimization", keep))
	l.launched = true
	one.track()
	two.run(nil)
	return true
}

func (l *local) answer(c *channel) {
	if other := l.peer(c); other != nil && c == l.two {
		other.queue(frame{kind: frameAnswer})
	}
}

func (l *local) indicate(c *channel, what kind) {
	other := l.peer(c)
	if other == nil {
		return
	}
	if what == frameRinging && c == l.two && other.state != stateUp {
		other.setState(stateRinging)
	}
	other.queue(frame{kind: what})
}

func (l *local) digit(c *channel, digit byte, begin bool, d time.Duration) {
	if other := l.peer(c); other != nil {
		f := frame{kind: frameDTMFEnd, digit: digit, duration: d}
		if begin {
			f.kind = frameDTMFBegin
		}
		other.queue(f)
	}
}

func (l *local) hangup(c *channel) {
	other := l.peer(c)
	if other == nil {
		return
	}
	if !l.launched {
		other.hangup()
		return
	}
	if status := c.vars.get("DIALSTATUS"); c == l.two && status != "" {
		other.setVar("CHANLOCALSTATUS", status)
	}
	other.queueHangup(c.cause)
}
