package manager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/translator"
)

// request is one action and where its answer goes.
type request struct {
	m      *Manager
	ctx    context.Context
	action *ami.Message
	reply  func(*ami.Message) error
}

// get returns the first header of a name, empty if there is none.
func (r *request) get(name string) string { return string(r.action.Get(name)) }

// respond answers with a Response, the ActionID if there is one, and pairs of header names and values. A line end at the end of the last
// value is Asterisk's own, and stays.
func (r *request) respond(response string, pairs ...string) error {
	m := r.response(response)
	for i := 0; i+1 < len(pairs); i += 2 {
		m.Add(pairs[i], strings.TrimSuffix(pairs[i+1], "\n"))
	}
	if last := pairs[len(pairs)-1]; strings.HasSuffix(last, "\n") {
		text, _ := bytes.CutSuffix(m.Bytes(), []byte("\r\n\r\n"))
		m = &ami.Message{}
		if err := m.Parse(append(bytes.Clone(text), "\n\r\n\r\n"...)); err != nil {
			return err
		}
	}
	return r.reply(m)
}

// response begins an answer.
func (r *request) response(response string) *ami.Message {
	m := ami.New("Response", response)
	if id := r.action.Get("ActionID"); len(id) > 0 {
		m.Add("ActionID", string(id))
	}
	return m
}

func (r *request) ok(message string) error   { return r.respond("Success", "Message", message) }
func (r *request) fail(message string) error { return r.respond("Error", "Message", message) }

// ask gives the PBX an input and answers as it says.
func (r *request) ask(build func(id uint64) pbx.Input) error {
	answer, err := r.m.cfg.Driver.Ask(r.ctx, build)
	switch {
	case err != nil:
		return err
	case answer.Error != "":
		return r.fail(answer.Error)
	}
	return r.ok(answer.Text)
}

// look lets fn see the PBX.
func (r *request) look(fn func(*pbx.PBX)) error { return r.m.cfg.Driver.Look(r.ctx, fn) }

// list answers with a list: the start with its message, the items, and the event that completes it with the number of items and what
// follows that.
func (r *request) list(message string, items []translator.Raised, complete string, tail ...translator.Part) error {
	if err := r.respond("Success", "EventList", "start", "Message", message); err != nil {
		return err
	}
	for i := range items {
		if err := r.event(&items[i]); err != nil {
			return err
		}
	}
	end := append([]translator.Part{translator.Header("EventList", "Complete"), translator.Header("ListItems", strconv.Itoa(len(items)))}, tail...)
	return r.event(&translator.Raised{Name: complete, Parts: end})
}

// idLast are the items that Asterisk writes the ActionID at the end of.
var idLast = map[string]bool{"Status": true, "ChannelHungup": true, "BridgeTechnologyListItem": true, "ParkedCall": true,
	"DBGetResponse": true, "DBGetTreeResponse": true}

// event answers with an event for the asker alone.
func (r *request) event(e *translator.Raised) error {
	var id []byte
	if s := r.action.Get("ActionID"); len(s) > 0 {
		id = fmt.Appendf(nil, "ActionID: %s\r\n", s)
	}
	b := append(append([]byte("Event: "), e.Name...), "\r\n"...)
	if idLast[e.Name] {
		b = append(translator.AppendParts(b, e.Parts), id...)
	} else {
		b = translator.AppendParts(append(b, id...), e.Parts)
	}
	m, err := ami.ParseMessage(append(b, "\r\n"...))
	if err != nil {
		return errors.Join(errors.New("event "+e.Name+" of an answer"), err)
	}
	return r.reply(m)
}
