package verify

import "slices"

// dial is the call of one destination.
type dial struct {
	begun, ended Ref
	caller       string // "": none
	status       string
	byDial       bool // the caller was in the application Dial
}

func (d *dial) open() bool { return d.begun.At > 0 && d.ended.At == 0 }

// dialing returns both ends, and reports groups that cannot be (rule 23).
func (c *Checker) dialing(e *event) (caller group, dest *channel) {
	caller, with := e.group("")
	if _, ok := e.group("Dest"); !ok {
		c.report(23, e, nil, "%s without a destination", e.spec.name)
	}
	if !with && e.msg.Has("Channel") && len(e.msg.Get("Channel")) > 0 {
		c.report(23, e, nil, "%s with a Channel but no Uniqueid of a caller", e.spec.name)
	}
	return caller, e.live("Dest")
}

// caller returns what is known of the caller.
func (e *event) caller() *channel { return e.live("") }

func (c *Checker) dialBegin(e *event) {
	caller, d := c.dialing(e)
	from := e.caller()
	if from != nil {
		from.forwarded = Ref{}
	}
	if d == nil {
		return
	}
	if d.dial.open() {
		c.report(18, e, []Ref{d.dial.begun}, "a second DialBegin without a DialEnd: %s", d.id)
	}
	d.dial = dial{begun: Ref{e.ref.At, "DialBegin of " + d.id}, caller: string(caller.id), byDial: from != nil && from.app == "Dial"}
}

func (c *Checker) dialState(e *event) {
	caller, d := c.dialing(e)
	if status := e.value(hDialStatus); !slices.Contains(dialStates, status) {
		c.report(19, e, nil, "DialState with the DialStatus %q", status)
	}
	switch {
	case d == nil:
	case d.dial.begun.At == 0 && !d.byFeature(caller):
		c.report(19, e, []Ref{d.created}, "DialState without a DialBegin: %s", d.id)
	case d.dial.ended.At > 0 && len(caller.id) > 0:
		c.report(19, e, []Ref{d.dial.ended}, "DialState after the DialEnd: %s", d.id)
	}
}

// byFeature: what a transfer by feature code dials has no DialBegin, and no caller. It is in a bridge.
func (ch *channel) byFeature(caller group) bool { return len(caller.id) == 0 && ch.entered.At > 0 }

var dialStates = []string{"RINGING", "PROCEEDING", "PROGRESS"}

func (c *Checker) dialEnd(e *event) {
	caller, d := c.dialing(e)
	from := e.caller()
	status, forward := e.value(hDialStatus), len(e.values[hForward]) > 0
	if forward {
		if status != "CANCEL" {
			c.report(21, e, nil, "DialEnd with Forward has the DialStatus %q, must be CANCEL", status)
		}
		if from != nil {
			from.forwarded = Ref{e.ref.At, "DialEnd with Forward, caller " + from.id}
		}
	}
	if d == nil {
		return
	}
	switch {
	case d.dial.begun.At == 0 && !d.byFeature(caller):
		c.report(19, e, []Ref{d.created}, "DialEnd without a DialBegin: %s", d.id)
	case d.dial.begun.At == 0:
	case d.dial.ended.At == 0:
		c.pair(e, caller, from, d, status)
	case d.dial.status == status && !d.queued: // Follow-Me and queues send a second one that differs; a queue may send the same
		c.report(18, e, []Ref{d.dial.ended}, "a second DialEnd with the DialStatus %s: %s", status, d.id)
	}
	d.dial.ended, d.dial.status = Ref{e.ref.At, "DialEnd of " + d.id}, status
}

// pair checks the DialEnd that belongs to a DialBegin.
func (c *Checker) pair(e *event, caller group, from, d *channel, status string) {
	if d.dial.caller != "" && d.dial.caller != string(caller.id) { // one that began without may end with one: Page
		c.report(20, e, []Ref{d.dial.begun}, "DialEnd of %s has the caller %q, its DialBegin %q", d.id, caller.id, d.dial.caller)
	}
	if status != "ANSWER" || from == nil || !d.dial.byDial {
		return
	}
	if from.answered.At > d.dial.begun.At {
		c.report(22, e, []Ref{d.dial.begun, from.answered}, "two destinations of one dial were answered: %s", d.id)
	}
	from.answered = Ref{e.ref.At, "DialEnd ANSWER of " + d.id}
}
