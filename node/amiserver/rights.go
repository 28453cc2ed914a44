package amiserver

import (
	"slices"
	"strings"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// may tells whether the user has the right to an action: any of its classes will do (ami/behaviour.md 3.7), and "actions", if it is set,
// must name it. What is about the session itself it need not name; to reload the node is more than that.
func (s *session) may(a ami.Action) bool {
	if a.Class != 0 && a.Class&s.user.Write == 0 {
		return false
	}
	exempt := a.Scope == ami.ScopeSession && a.Name != "ClusterReload" && a.Name != "ClusterNodes" && a.Name != "ClusterOwner"
	return s.user.Actions == nil || exempt || s.user.Actions[strings.ToLower(a.Name)]
}

// bounded tells whether "scope" or "nodes" keep the user away from some nodes.
func bounded(u *config.User) bool { return u.Scope != config.ScopeCluster || len(u.Nodes) > 0 }

// within tells whether the user may see and act on a node.
func (s *session) within(n merge.Node) bool {
	switch own := s.srv.conf.Node; {
	case s.user.Scope == config.ScopeSite && n.Site != own.Site, s.user.Scope == config.ScopeNode && n != own:
		return false
	}
	return len(s.user.Nodes) == 0 || slices.Contains(s.user.Nodes, n.Name) || slices.Contains(s.user.Nodes, n.String())
}

// reach is within for those who are bounded, nil for everybody else.
func (s *session) reach() func(merge.Node) bool {
	if !bounded(s.user) {
		return nil
	}
	return s.within
}

// argument makes a text one argument, and no more, where the value of a header is split at commas (ami/behaviour.md 2.12).
var argument = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `,`, `\,`, `(`, `\(`, `)`, `\)`)

// withSetvar puts the variables that each call of the user gets before those of the action (ami/behaviour.md 16.5).
func (s *session) withSetvar(key string, action *ami.Message) *ami.Message {
	if key != "originate" || len(s.user.Setvar) == 0 {
		return action
	}
	m := &ami.Message{}
	m.Add("Action", action.Action())
	for _, v := range s.user.Setvar {
		m.Add("Variable", argument.Replace(v))
	}
	for i := range action.Len() {
		if name, _, ok := ami.SplitLine(action.Line(i)); !ok || !strings.EqualFold(string(name), "Action") {
			m.AddLine(action.Line(i))
		}
	}
	return m
}
