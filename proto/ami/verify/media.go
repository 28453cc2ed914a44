package verify

import (
	"slices"
	"strconv"
)

// digit is one that is being pressed.
type digit struct {
	direction, key byte
	begun          Ref
}

func (e *event) digit() (d digit, ok bool) {
	direction, key := e.values[hDirection], e.values[hDigit]
	if len(direction) == 0 || len(key) == 0 {
		return digit{}, false
	}
	return digit{direction[0], key[0], Ref{e.ref.At, "DTMFBegin"}}, true
}

func (ch *channel) pressed(d digit) int {
	return slices.IndexFunc(ch.digits, func(o digit) bool { return o.direction == d.direction && o.key == d.key })
}

func (c *Checker) dtmfBegin(e *event) {
	ch := e.live("")
	d, ok := e.digit()
	if ch == nil || !ok {
		return
	}
	if i := ch.pressed(d); i >= 0 {
		c.report(15, e, []Ref{ch.digits[i].begun}, "a second DTMFBegin of a digit before its DTMFEnd: %c of %s", d.key, ch.id)
		ch.digits = slices.Delete(ch.digits, i, i+1)
	}
	ch.digits = keep(ch.digits, d)
}

// dtmfEnd may come without a DTMFBegin.
func (c *Checker) dtmfEnd(e *event) {
	if v := e.value(hDurationMs); !isNumber(v) {
		c.report(15, e, nil, "DurationMs is %q, must be a number", v)
	}
	ch := e.live("")
	d, ok := e.digit()
	if ch == nil || !ok {
		return
	}
	if i := ch.pressed(d); i >= 0 {
		ch.digits = slices.Delete(ch.digits, i, i+1)
	}
}

func isNumber(v string) bool {
	_, err := strconv.ParseUint(v, 10, 63)
	return err == nil
}

func (c *Checker) handlerPush(e *event) {
	e.mark(func(ch *channel) { ch.handlers = keep(ch.handlers, e.value(hHandler)) })
}

// handlerUse is not checked for a channel that has another's name: a masquerade moves handlers.
func (c *Checker) handlerUse(e *event) {
	h := e.value(hHandler)
	if ch := e.live(""); ch != nil && len(ch.handlers) < maxList {
		c.needs(e, 17, "HangupHandlerPush of "+h, func(ch *channel) bool { return slices.Contains(ch.handlers, h) })
	}
}

// unheld takes an Unhold. One without a Hold stands before the transfer that its channel makes, so it is judged when the channel leaves
// its bridge.
func (c *Checker) unheld(e *event) {
	e.mark(func(ch *channel) {
		if !ch.held && ch.unheld.At == 0 && len(ch.past) == 0 {
			ch.unheld = Ref{e.ref.At, "Unhold of " + ch.id}
		}
	})
}

func (c *Checker) unhold(e *event, ch *channel) {
	if ch.unheld.At > 0 {
		c.report(16, e, []Ref{ch.created, ch.unheld}, "Unhold before the first Hold, and no transfer: %s", ch.id)
		ch.unheld = Ref{}
	}
}
