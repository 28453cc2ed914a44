package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// parseActions splits what the client sent. Actions that an Asterisk refuses to parse count: it answers them.
func parseActions(sent []byte) ([]*ami.Message, error) {
	var actions []*ami.Message
	for dec := ami.NewDecoder(bytes.NewReader(sent), ami.Server); ; {
		m, err := dec.Decode()
		switch {
		case err == nil, errors.Is(err, ami.ErrLineTooLong), errors.Is(err, ami.ErrTooManyLines):
			actions = append(actions, m.Clone())
		case err == io.EOF:
			return actions, nil // a half action at the end is never run (behaviour.md 1.8)
		default:
			return nil, err
		}
	}
}

// parse fills Messages and Login. A message cut off by the end of the stream is left out.
func (c *Capture) parse(stream []byte, reads []read, actions []*ami.Message) error {
	p := parser{c: c, reads: reads, asked: asked{actions: actions}, list: -1}
	banner, rest, ok := bytes.Cut(stream, []byte("\r\n"))
	if !ok {
		return nil // a server that closes at once sends nothing (behaviour.md 1.3)
	}
	p.off = len(banner) + 2
	text, err := decodeOne(stream[:p.off])
	if err != nil {
		return err
	}
	c.Messages = append(c.Messages, Message{Kind: Banner, At: p.at(), Text: text})
	for dec := ami.NewDecoder(bytes.NewReader(rest), ami.Client); ; {
		m, err := dec.Decode()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("offset %d: %w", p.off, err)
		}
		p.off += len(m.Bytes())
		p.add(m.Clone())
	}
}

// decodeOne makes a message of a banner line.
func decodeOne(line []byte) (*ami.Message, error) {
	m, err := ami.NewDecoder(bytes.NewReader(append(bytes.Clone(line), "\r\n"...)), ami.Client).Decode()
	if err != nil {
		return nil, err
	}
	return m.Clone(), nil
}

// parser sorts the messages of one stream.
type parser struct {
	c     *Capture
	off   int    // end of the last message in the stream
	reads []read // those that are not yet passed
	asked asked
	list  int // index of the answer whose list is open, -1 if none is
	last  int // index of the last answer
}

// at returns the time at which the bytes before off had arrived.
func (p *parser) at() time.Duration {
	for len(p.reads) > 1 && p.reads[0].end < p.off {
		p.reads = p.reads[1:]
	}
	return p.reads[0].at - p.c.Start
}

func (p *parser) add(m *ami.Message) {
	switch {
	case m.Kind() == ami.KindResponse:
		p.answer(m)
	case m.Kind() == ami.KindEvent && p.list < 0 && IsEvent(m):
		p.c.Messages = append(p.c.Messages, Message{Kind: Event, At: p.at(), Text: m})
	case m.Kind() == ami.KindOther && p.asked.nextIsRaw():
		p.start(m, p.asked.take())
	case p.last == 0:
		p.start(m, nil) // nothing it could belong to
	default:
		answer := &p.c.Messages[p.last]
		answer.Rest = append(answer.Rest, m)
		if strings.EqualFold(string(m.Get("EventList")), "Complete") {
			p.list = -1
		}
	}
}

// answer takes a message with a Response line. One that repeats the ActionID of the answer before it is a part of that:
// ModuleLoad answers twice (behaviour.md 16.15).
func (p *parser) answer(m *ami.Message) {
	action := p.asked.by(m.Get("ActionID"))
	if last := &p.c.Messages[p.last]; action == nil && last.Kind == Answer && last.Action != nil &&
		m.Has("ActionID") && bytes.Equal(m.Get("ActionID"), last.Action.Get("ActionID")) {
		last.Rest = append(last.Rest, m)
		return
	}
	p.start(m, action)
	if string(m.Get("EventList")) == "start" {
		p.list = p.last
	}
	if p.c.Login < 0 && action != nil && isLogin(action) && string(m.Get("Response")) == "Success" {
		p.c.Login = p.last
	}
}

func (p *parser) start(m, action *ami.Message) {
	p.list = -1
	p.last = len(p.c.Messages)
	p.c.Messages = append(p.c.Messages, Message{Kind: Answer, At: p.at(), Text: m, Action: action})
}

func isLogin(action *ami.Message) bool { return action.IsAction("Login") }

// IsEvent tells whether m is an event, not a list item or an answer: its second line is a Privilege header with event
// classes (behaviour.md 4.7, 6.9).
func IsEvent(m *ami.Message) bool { _, ok := Classes(m); return ok }

// Classes returns the classes of an event: a client gets it only if all of them are in its mask. ok is false if m is no event.
func Classes(m *ami.Message) (c ami.Class, ok bool) {
	if m.Kind() != ami.KindEvent || m.Len() < 2 {
		return 0, false
	}
	name, value, _ := m.Field(1)
	if string(name) != "Privilege" {
		return 0, false
	}
	return ami.ParsePrivilege(value)
}

// asked are the actions in the order in which they were sent; they are answered in that order (ami/ordering.md 47).
type asked struct {
	actions []*ami.Message
	next    int
}

// by returns the next action that has this ActionID, or, for an answer without one, the next action if it has none either.
func (a *asked) by(id []byte) *ami.Message {
	if len(id) == 0 {
		if a.next < len(a.actions) && len(a.actions[a.next].Get("ActionID")) == 0 {
			return a.take()
		}
		return nil
	}
	for i := a.next; i < len(a.actions); i++ {
		if bytes.Equal(a.actions[i].Get("ActionID"), id) {
			a.next = i
			return a.take()
		}
	}
	return nil
}

func (a *asked) take() *ami.Message {
	a.next++
	return a.actions[a.next-1]
}

// nextIsRaw tells whether the next action is one that answers with raw text (behaviour.md 4.10).
func (a *asked) nextIsRaw() bool {
	if a.next == len(a.actions) {
		return false
	}
	name := strings.ToLower(a.actions[a.next].Action())
	return name == "iaxnetstats" || name == "queues"
}
