package pbx

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/amibus/amibus/translator"
)

// The reasons of an OriginateResponse: what was heard last.
const (
	reasonFailed     = 0
	reasonHangup     = 1
	reasonRinging    = 3
	reasonAnswer     = 4
	reasonBusy       = 5
	reasonCongestion = 8
)

// origin is one Originate under way.
type origin struct {
	p       *PBX
	in      Originate
	c       *channel
	ringing bool
	limit   *timer
}

func (p *PBX) originate(in Originate) {
	o := &origin{p: p, in: in}
	if in.Async {
		p.reply(in.ID, "Originate successfully queued")
	}
	if in.Timeout == 0 {
		o.in.Timeout = 30 * time.Second
	}
	if in.PreDial != "" {
		p.warn("Originate: PreDialGoSub is not built: %s is not run", in.PreDial)
	}
	if in.ChannelID != "" && (p.channels[in.ChannelID] != nil || p.channels[in.OtherChannelID] != nil) {
		o.failed(reasonFailed)
		return
	}
	c, _ := p.request(in.Channel, in.ChannelID, in.OtherChannelID, "")
	if c == nil {
		o.failed(reasonFailed)
		return
	}
	o.c = c
	o.prepare()
	if !c.tech.call(c) {
		c.hangup()
		o.failed(reasonFailed)
		return
	}
	o.say("DialBegin", translator.Header("DialString", resource(in.Channel)))
	if o.in.Timeout > 0 {
		o.limit = p.after(o.in.Timeout, o.timeout)
	}
	c.read(o.heard)
}

// prepare gives the channel what the action says. The variables come last first, as Asterisk sets them.
func (o *origin) prepare() {
	c, in := o.c, &o.in
	c.app, c.data = "AppDial2", "(Outgoing Line)"
	c.publish()
	for _, v := range slices.Backward(in.Variables) {
		c.assign(v.Name, v.Value)
	}
	c.account = in.Account
	c.publish()
	if in.CallerNum != "" || in.CallerName != "" {
		c.caller = party{in.CallerNum, in.CallerName}
		c.publish()
		c.connected = c.caller
		c.publish()
	}
}

func (o *origin) say(name string, parts ...translator.Part) {
	o.p.raise(name, append([]translator.Part{o.c.group("Dest")}, parts...)...)
}

// heard handles what the called channel says.
func (o *origin) heard(f frame) {
	switch f.kind {
	case frameAnswer:
		o.answered()
	case frameRinging:
		o.ringing = true
		o.say("DialState", translator.Header("DialStatus", "RINGING"))
	case frameProgress:
		o.say("DialState", translator.Header("DialStatus", "PROGRESS"))
		if o.in.EarlyMedia && o.in.Application == "" {
			o.c.queue(frame{kind: frameAnswer})
		}
	case frameProceeding:
		o.say("DialState", translator.Header("DialStatus", "PROCEEDING"))
	case frameBusy:
		o.ended("BUSY", reasonBusy)
	case frameCongestion:
		o.ended("CONGESTION", reasonCongestion)
	case frameHangup:
		o.ended(endStatus(o.c.cause), reasonHangup)
	}
}

// ended: the called party did not answer, and never will.
func (o *origin) ended(status string, reason int) {
	o.p.stop(o.limit)
	o.c.unread()
	o.say("DialEnd", translator.Header("DialStatus", status))
	o.c.hangup()
	o.failed(reason)
}

// timeout: Asterisk says no DialEnd then.
func (o *origin) timeout() {
	if o.c.gone {
		return
	}
	o.c.unread()
	o.c.cause = 19
	o.c.hangup()
	reason := reasonFailed
	if o.ringing {
		reason = reasonRinging
	}
	o.failed(reason)
}

// answered runs what the action asks for.
func (o *origin) answered() {
	c, in := o.c, &o.in
	o.p.stop(o.limit)
	c.unread()
	o.say("DialEnd", translator.Header("DialStatus", "ANSWER"))
	o.response("Success", reasonAnswer)
	if !in.Async {
		o.p.reply(in.ID, "Originate successfully queued")
	}
	c.app, c.data = "", ""
	if in.Application == "" {
		c.place = place{cmp.Or(in.Context, c.place.context), cmp.Or(in.Exten, c.place.exten), max(in.Priority, 1)}
		c.run(nil)
		return
	}
	c.run(nil)
	run := apps[lower(in.Application)]
	if run == nil {
		o.p.warn("no such application %q", in.Application)
		run = func(_ *thread, _ string, done func(bool)) { done(false) }
	}
	t := c.thread
	t.single = func(done func(bool)) { run(t, in.Data, done) }
}

func (o *origin) failed(reason int) {
	o.response("Failure", reason)
	if !o.in.Async {
		o.p.fail(o.in.ID, "Originate failed")
	}
}

// response raises OriginateResponse, which only an asynchronous Originate gives.
func (o *origin) response(outcome string, reason int) {
	in := &o.in
	if !in.Async {
		return
	}
	var parts []translator.Part
	add := func(name, value string) { parts = append(parts, translator.Header(name, value)) }
	if in.ActionID != "" {
		add("ActionID", in.ActionID)
	}
	add("Response", outcome)
	name, id := in.Channel, known(in.ChannelID)
	if outcome == "Success" {
		name, id = o.c.name, o.c.uniqueid
	}
	add("Channel", name)
	if in.Application == "" {
		add("Context", in.Context)
		add("Exten", in.Exten)
	} else {
		add("Application", in.Application)
		add("Data", in.Data)
	}
	add("Reason", strconv.Itoa(reason))
	add("Uniqueid", id)
	add("CallerIDNum", known(in.CallerNum))
	add("CallerIDName", known(in.CallerName))
	if outcome == "Success" {
		for _, v := range o.p.cfg.ChannelVars {
			add("ChanVariable("+name+")", v+"="+o.c.vars.get(v))
		}
	}
	o.p.raise("OriginateResponse", parts...)
}

// known is what Asterisk writes for a number or a name.
func known(s string) string {
	if s == "" {
		return "<unknown>"
	}
	return s
}
