package amiserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

const (
	streamAt = 64 << 10    // bytes of an answer from which on it is passed through
	patience = time.Second // how long events wait for a running action
)

// answer starts the answer to an action: Response, then ActionID if one was sent (ami/behaviour.md 4.1). A CR in it, which would be
// a line end to some clients, becomes a blank (ami/clients.md 17).
func answer(action *ami.Message, response string) *ami.Message {
	m := ami.New("Response", response)
	if id := action.Get("ActionID"); len(id) > 0 {
		m.Add("ActionID", string(id))
	}
	return m
}

func (s *session) succeed(action *ami.Message, message string) error {
	return s.send(answer(action, "Success").Add("Message", message).Bytes())
}

func (s *session) fail(action *ami.Message, message string) error {
	return s.send(answer(action, "Error").Add("Message", message).Bytes())
}

// outcome is the rest of an answer and how it ended.
type outcome struct {
	rest []byte
	err  error
}

// forward has the node run an action and writes the answer as one contiguous run.
func (s *session) forward(ctx context.Context, action *ami.Message) error {
	ctx, cancel := context.WithCancel(ctx)
	full, done := make(chan []byte), make(chan outcome)
	go func() { done <- s.collect(ctx, action, full) }()

	streamed, r, err := s.relay(full, done)
	cancel()
	if err != nil { // the client is gone, the action may still run
		drain(full, done)
		return err
	}
	switch {
	case r.err == nil && len(r.rest) == 0:
		return nil
	case r.err == nil:
		return s.send(r.rest)
	case streamed:
		return fmt.Errorf("%w: %w", errBroken, r.err)
	}
	m := answer(action, "Error").Add("Message", r.err.Error())
	if o := (interface{ Outcome() string })(nil); errors.As(r.err, &o) {
		m.Add("Outcome", o.Outcome())
	}
	return s.send(m.Bytes())
}

// collect runs the action and hands full buffers over to relay; it runs in a goroutine of its own.
func (s *session) collect(ctx context.Context, action *ami.Message, full chan<- []byte) outcome {
	var buf []byte
	caller := Caller{User: s.user.Name, Address: s.remote.String(), Session: s.id, Counter: s.counter, Reach: s.reach(), AmbiguousOwn: s.user.AmbiguousOwn}
	err := s.srv.conf.Backend.Do(ctx, caller, action, func(piece []byte) error {
		buf = append(buf, piece...)
		if len(buf) < streamAt {
			return nil
		}
		select {
		case full <- buf:
			buf = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return outcome{buf, err}
}

// relay writes full buffers as they come and, once the action has taken too long and as long as nothing of its answer is written,
// events.
func (s *session) relay(full <-chan []byte, done <-chan outcome) (streamed bool, r outcome, err error) {
	tooLong := time.NewTimer(patience)
	defer tooLong.Stop()
	var wake <-chan struct{}
	for {
		select {
		case b := <-full:
			streamed, wake = true, nil
			if err := s.send(b); err != nil {
				return streamed, r, err
			}
			continue
		case r := <-done:
			return streamed, r, nil
		case <-tooLong.C:
		case <-wake:
		}
		if streamed || !s.pushes {
			continue
		}
		more, err := s.deliver()
		if err != nil {
			return streamed, r, err
		}
		if wake = s.wake(); more {
			wake = ready
		}
	}
}

// drain waits for the action's end.
func drain(full <-chan []byte, done <-chan outcome) {
	for {
		select {
		case <-full:
		case <-done:
			return
		}
	}
}
