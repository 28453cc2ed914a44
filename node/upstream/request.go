package upstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// never holds the actions that would change the session of a connection of ours.
var never = map[string]bool{"login": true, "logoff": true, "challenge": true, "events": true, "waitevent": true, "filter": true}

// rawText holds the actions that may be answered by raw text without a Response (IAXnetstats and, before 22, Queues: ami/behaviour.md 4.10), or by
// nothing at all. A Ping behind them shows the end.
var rawText = map[string]bool{"iaxnetstats": true, "queues": true}

// Do runs an action and calls reply for every message of its answer, in order; a message is valid during the call. Time for waiting
// and running is what ctx gives, or Config.ActionTimeout. An error of reply is returned after the rest of the answer has been read.
func (u *Upstream) Do(ctx context.Context, action *ami.Message, reply func(m *ami.Message) error) error {
	r, err := newRequest(action, u.nextID.Add(1))
	if err != nil {
		return err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, u.cfg.ActionTimeout, errors.New("time-out"))
		defer cancel()
	}
	for {
		w, err := u.pool.acquire(ctx)
		if err != nil {
			return err
		}
		if !w.alive() {
			continue // it ended while idle; its reader takes it out of the pool
		}
		err = w.do(ctx, r, reply)
		if r.denied {
			u.noteDenied(r.name)
		}
		return err
	}
}

// request is an action on its way, and how far its answer has come.
type request struct {
	bytes  []byte
	name   string
	wire   string // ActionID on the wire; empty if there is none
	client string // ActionID the asker chose; empty if none
	before string // ActionID of the request before on this connection
	end    string // ActionID of the Ping that ends raw text; empty without one
	action ami.Action

	begun  bool // the Response has come
	denied bool
	out    ami.Message
}

// newRequest builds the bytes line by line from what was decoded, so that no value can make a header or an action of its own.
func newRequest(action *ami.Message, n uint64) (*request, error) {
	r := &request{client: string(action.Get("ActionID")), name: action.Action()}
	r.action, _ = ami.LookupAction(r.name)
	lower := strings.ToLower(r.name)
	switch {
	case r.name == "":
		return nil, fmt.Errorf("%w: it has no Action header", ErrRefused)
	case never[lower]:
		return nil, fmt.Errorf("%w: %s", ErrRefused, r.name)
	case lower == "originate" || lower == "userevent":
		r.wire = r.client // it shows in events
	case action.Len() == ami.MaxHeaders && !action.Has("ActionID"):
		// Another line would be one too many for the Asterisk (ami/behaviour.md 2.7). UpdateConfig comes this large (16.17).
	default:
		r.wire = "amibus-" + strconv.FormatUint(n, 10)
	}
	if err := action.CheckAction(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	header := "ActionID: " + r.wire + "\r\n"
	at := action.Find("ActionID")
	if at < 0 && r.wire != "" {
		r.bytes = append(r.bytes, header...)
	}
	for i := range action.Len() {
		if i == at && r.wire != r.client {
			r.bytes = append(r.bytes, header...)
			continue
		}
		r.bytes = append(append(r.bytes, action.Line(i)...), "\r\n"...)
	}
	r.bytes = append(r.bytes, "\r\n"...)
	if err := r.out.Parse(r.bytes); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err := r.out.CheckAction(); err != nil { // with the line we may have added
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if rawText[lower] {
		r.end = "amibus-end-" + strconv.FormatUint(n, 10)
		r.bytes = append(r.bytes, "Action: Ping\r\nActionID: "+r.end+"\r\n\r\n"...)
	}
	return r, nil
}

// last is the ActionID of the last message of the answer.
func (r *request) last() string {
	if r.end != "" {
		return r.end
	}
	return r.wire
}

// takeRaw is take for an answer that may be raw text. If there is none, an Asterisk says nothing, which leaves a client waiting: a plain Response
// stands for it.
func (r *request) takeRaw(m *ami.Message) (out *ami.Message, done bool, err error) {
	id := m.Get("ActionID")
	switch {
	case m.Kind() == ami.KindResponse && string(id) == r.end && r.begun:
		return nil, true, nil
	case m.Kind() == ami.KindResponse && string(id) == r.end:
		out = ami.New("Response", "Success")
		if r.client != "" {
			out.Add("ActionID", r.client)
		}
		return out, true, nil
	case m.Kind() == ami.KindResponse && id != nil && string(id) != r.wire:
		if string(id) == r.before {
			return nil, false, nil
		}
		return nil, false, fmt.Errorf("it answered %.80q instead", id)
	case m.Kind() == ami.KindEvent && (id == nil || string(id) != r.wire):
		return nil, false, nil
	}
	r.begun = true
	r.denied = string(m.Get("Message")) == "Permission denied"
	return r.restore(m), false, nil
}

// take judges one message that came while the request was in flight: out is what the asker gets of it, nil for a message that has no
// place here; done is true at the end of the answer. An error means that the connection is out of step.
func (r *request) take(m *ami.Message) (out *ami.Message, done bool, err error) {
	if r.end != "" {
		return r.takeRaw(m)
	}
	id := m.Get("ActionID")
	ours := id == nil || string(id) == r.wire
	switch m.Kind() {
	case ami.KindResponse:
		switch {
		case !ours && string(id) == r.before:
			return nil, false, nil // a second answer to the request before (ami/behaviour.md 16.15)
		case !ours:
			return nil, false, fmt.Errorf("it answered %.80q instead", id)
		case r.begun:
			return nil, false, errors.New("it answered twice")
		}
		r.begun = true
		r.denied = string(m.Get("Message")) == "Permission denied"
		return r.restore(m), !r.action.BeginsList(m), nil
	case ami.KindEvent:
		// Items may lack the ActionID, but only events of the stream have a Privilege without it (ami/behaviour.md 4.7).
		if !r.begun || !ours || id == nil && m.Has("Privilege") {
			return nil, false, nil
		}
		done = r.action.EndsList(m)
		return r.restore(m), done, nil
	}
	return nil, false, nil
}

// restore puts the asker's ActionID in the place of ours.
func (r *request) restore(m *ami.Message) *ami.Message {
	i := m.Find("ActionID")
	if i < 0 || r.wire == r.client {
		return m
	}
	var line []byte
	if r.client != "" {
		name, _, _ := m.Field(i)
		line = append(append(append(line, name...), ": "...), r.client...)
	}
	m.Replace(&r.out, i, line)
	return &r.out
}
