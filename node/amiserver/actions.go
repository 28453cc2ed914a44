package amiserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// maxMessage is where Asterisk cuts the text of an error (ami/behaviour.md 3.5).
const maxMessage = 511

type handler func(*session, context.Context, *ami.Message) error

// local returns how an action about the session itself is answered, nil for any other; key is its name in lower case.
func local(key string) handler {
	switch key {
	case "login":
		return (*session).login
	case "logoff":
		return (*session).logoff
	case "challenge":
		return (*session).sendChallenge
	case "ping":
		return (*session).ping
	case "events":
		return (*session).events
	case "filter":
		return (*session).addFilter
	case "listcommands":
		return (*session).listCommands
	case "clusterowner":
		return (*session).clusterOwner
	case "clusternodes":
		return (*session).clusterNodes
	case "clusterreload":
		return (*session).clusterReload
	case "waitevent":
		return (*session).waitEvent
	case "eventcursor":
		return (*session).eventCursor
	}
	return nil
}

// handle checks one action, in Asterisk's order (ami/behaviour.md 3), and runs it.
func (s *session) handle(ctx context.Context, r request) error {
	s.counter++
	s.srv.count.actions.Add(1)
	action := r.action
	if r.bad != nil {
		return s.fail(action, r.bad.Error())
	}
	name := action.Action()
	if name == "" {
		s.report(requestBadFormat, "NONE")
		return s.fail(action, "Missing action in request")
	}
	key := strings.ToLower(name)
	if s.user == nil {
		if key != "login" && key != "logoff" && key != "challenge" {
			s.report(requestNotAllowed, name)
			return s.fail(action, "Permission denied")
		}
		if user := string(action.Get("Username")); key != "logoff" && user != "" && s.srv.taken(user) {
			return s.alreadyInUse(action, user)
		}
	}
	command, ok := s.srv.command(name)
	if !ok {
		s.report(requestBadFormat, name)
		text := fmt.Sprintf("Invalid/unknown command: %s. Use Action: ListCommands to show available commands.", name)
		return s.fail(action, text[:min(len(text), maxMessage)])
	}
	if s.user != nil && !s.may(command) {
		s.report(requestNotAllowed, name)
		return s.fail(action, "Permission denied")
	}
	if text := s.forbidden(command.Name, action); text != "" {
		return s.fail(action, text)
	}
	key = strings.ToLower(command.Name)
	if run := local(key); run != nil {
		return run(s, ctx, action)
	}
	if run := s.sourceless(key, action); run != nil {
		return run(s, ctx, action)
	}
	return s.forward(ctx, s.withSetvar(key, action))
}

// command finds an action by name: ours first, then the source's own word about it, then what Asterisk 22 has.
func (s *Server) command(name string) (ami.Action, bool) {
	for _, a := range own {
		if strings.EqualFold(a.Name, name) {
			return a, true
		}
	}
	known, ok := ami.LookupAction(name)
	if ok && !served(known) {
		return ami.Action{}, false
	}
	for _, a := range s.conf.Backend.Commands() {
		if strings.EqualFold(a.Name, name) {
			return a, true
		}
	}
	return known, ok && !known.Only12
}

// commands returns our own actions and all that command finds in the source or, without one, in Asterisk 22, sorted by name without case.
func (s *Server) commands() []ami.Action {
	all := slices.Clone(s.conf.Backend.Commands())
	if len(all) == 0 {
		all = slices.DeleteFunc(ami.Actions(), func(a ami.Action) bool { return a.Only12 })
	}
	all = slices.DeleteFunc(all, func(a ami.Action) bool {
		known, ok := ami.LookupAction(a.Name)
		return ok && !served(known)
	})
	all = append(all, own...)
	slices.SortStableFunc(all, func(a, b ami.Action) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all
}

// served: an action about the session that is not answered here must not be forwarded. It would act on the session that the node
// has at its Asterisk, and tell the client that it worked.
func served(a ami.Action) bool {
	return a.Scope != ami.ScopeSession || local(strings.ToLower(a.Name)) != nil
}

func (s *session) ping(_ context.Context, action *ami.Message) error {
	now := s.srv.conf.Now()
	return s.send(answer(action, "Success").
		Add("Ping", "Pong").
		Add("Timestamp", fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000)).Bytes())
}

// events answers On even if the user's rights leave nothing of the mask (ami/behaviour.md 6.4, 6.5). With ResumeFrom the session leaves
// the stream and enters it again there, unless it wants no events.
func (s *session) events(_ context.Context, action *ami.Message) error {
	mask, ok := parseMask(string(action.Get("EventMask")))
	broken := s.srv.conf.Users().BrokenEvents // no answer where old Asterisks gave none (ami/behaviour.md 6.6)
	if !ok && broken {
		return nil
	}
	if !ok {
		return s.fail(action, "Invalid event mask")
	}
	from, err := resumeFrom(action)
	if err != nil {
		return s.fail(action, err.Error())
	}
	if from != nil && s.snap != nil {
		return s.fail(action, underWay)
	}
	s.mask = s.user.Read & mask
	state := "Off"
	if mask != 0 {
		state = "On"
	}
	if from != nil && s.mask != 0 {
		s.resume(from)
		s.srv.count.resumes.Add(1)
	}
	if broken && mask == ami.ClassAll {
		return nil
	}
	return s.send(answer(action, "Success").Add("Events", state).Bytes())
}

// listCommands names what the user may do (ami/behaviour.md 4.11).
func (s *session) listCommands(_ context.Context, action *ami.Message) error {
	m := answer(action, "Success")
	for _, a := range s.srv.commands() {
		if s.may(a) {
			m.Add(a.Name, fmt.Sprintf("%s  (Priv: %s)", a.Synopsis, a.Class.AppendPrivilege(nil)))
		}
	}
	return s.send(m.Bytes())
}
