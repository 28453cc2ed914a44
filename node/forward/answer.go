package forward

import (
	"errors"
	"strings"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/proto/ami"
)

// outcome is the error of an action that was tried. known is true if it certainly was not executed.
type outcome struct {
	text  string
	known bool
}

func (o *outcome) Error() string { return o.text }

// broken is ErrBroken and its cause. An asker who has not seen the beginning of the answer yet is told what became of the action.
type broken struct{ cause error }

func (b *broken) Error() string   { return ErrBroken.Error() + ": " + b.cause.Error() }
func (b *broken) Unwrap() []error { return []error{ErrBroken, b.cause} }

// Outcome is never that it was not executed: a part of the answer had come.
func (b *broken) Outcome() string { return "unknown" }

// outlet passes an answer on, in pieces of at most bus.MaxChunk, and knows whether the asker has any of it.
type outlet struct {
	send func([]byte) error
	buf  []byte // kept back: as long as nothing is sent, an error can still be answered in its place
	sent bool
	err  error // of send
}

// write queues a part of the answer.
func (o *outlet) write(b []byte) error {
	o.buf = append(o.buf, b...)
	for len(o.buf) >= bus.MaxChunk {
		if err := o.pass(o.buf[:bus.MaxChunk]); err != nil {
			return err
		}
		o.buf = append(o.buf[:0], o.buf[bus.MaxChunk:]...)
	}
	return nil
}

// pass sends a piece at once.
func (o *outlet) pass(b []byte) error {
	if o.err == nil && len(b) > 0 {
		o.sent = true
		o.err = o.send(b)
	}
	return o.err
}

// finish sends what is left of an answer that is complete, or an error in place of one that is not.
func (o *outlet) finish(id []byte, err error) error {
	switch {
	case o.err != nil:
		return o.err
	case err == nil:
		return o.pass(o.buf)
	case o.sent:
		return &broken{err}
	}
	value := "unknown"
	var out *outcome
	if errors.As(err, &out) && out.known {
		value = "not executed"
	}
	return o.pass(failure(id, err.Error()).Add("Outcome", value).Bytes())
}

// refusal is the answer to an action that was not even tried.
func refusal(id []byte, text string) []byte { return failure(id, text).Bytes() }

func failure(id []byte, text string) *ami.Message {
	m := ami.New("Response", "Error")
	if len(id) > 0 {
		m.Add("ActionID", string(id))
	}
	return m.Add("Message", text)
}

// valid makes a text fit for a protobuf string.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
