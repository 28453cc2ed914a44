package amiserver

import (
	"context"
	"strings"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// sourceless returns how a node without a source answers what only an Asterisk could: about itself (ami/behaviour.md 16.11). Nil for
// any other action, and for all on a node that has a source; SystemName asks for another node.
func (s *session) sourceless(key string, action *ami.Message) handler {
	if action.Has("SystemName") || s.srv.conf.Backend.HasSource() {
		return nil
	}
	var run handler
	switch key {
	case "coresettings":
		run = (*session).coreSettings
	case "corestatus":
		run = (*session).coreStatus
	case "reload":
		run = (*session).reloadAsModule
	case "loggerrotate":
		run = (*session).loggerRotate
	default:
		return nil
	}
	if !s.within(s.srv.conf.Node) {
		return (*session).outOfReach
	}
	return run
}

func (s *session) outOfReach(_ context.Context, action *ami.Message) error {
	return s.fail(action, "Permission denied")
}

func (s *session) coreSettings(_ context.Context, action *ami.Message) error {
	b := s.srv.conf.Backend
	web := "No"
	if s.srv.web.Load() && s.srv.conf.Users().Web {
		web = "Yes"
	}
	return s.send(answer(action, "Success").
		Add("AMIversion", b.Banner()).
		Add("AsteriskVersion", "amibus "+s.srv.conf.Version).
		Add("SystemName", b.SystemName(s.srv.conf.Node)).
		Add("CoreMaxCalls", "0").Add("CoreMaxLoadAvg", "0.000000").Add("CoreRunUser", "").Add("CoreRunGroup", "").Add("CoreMaxFilehandles", "0").
		Add("CoreRealTimeEnabled", "No").Add("CoreCDRenabled", "No").Add("CoreHTTPenabled", web).Add("SoundsSearchCustomDir", "No").Bytes())
}

func (s *session) coreStatus(_ context.Context, action *ami.Message) error {
	start, reload := s.srv.conf.Backend.Started()
	m := answer(action, "Success")
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"Startup", start}, {"Reload", reload}} {
		m.Add("Core"+t.name+"Date", t.at.Format(time.DateOnly)).Add("Core"+t.name+"Time", t.at.Format(time.TimeOnly))
	}
	return s.send(m.Add("CoreCurrentCalls", "0").Add("CoreProcessedCalls", "0").Bytes())
}

// reloadAsModule is Asterisk's Reload. There are no modules here: manager is what clients ask for who have changed manager.conf.
func (s *session) reloadAsModule(_ context.Context, action *ami.Message) error {
	if module := string(action.Get("Module")); module != "" && !strings.EqualFold(module, "manager") {
		return s.fail(action, "No such module")
	}
	return s.reloadSaying(action, "Module Reloaded")
}

// clusterReload reads this node's configuration anew, whatever its source.
func (s *session) clusterReload(ctx context.Context, action *ami.Message) error {
	if !s.within(s.srv.conf.Node) {
		return s.outOfReach(ctx, action)
	}
	return s.reloadSaying(action, "Configuration reloaded")
}

func (s *session) reloadSaying(action *ami.Message, message string) error {
	s.log.Info("reload asked for", "user", s.user.Name)
	if err := s.srv.conf.Backend.Reload(); err != nil {
		return s.fail(action, "Not reloaded: "+err.Error())
	}
	return s.succeed(action, message)
}

// loggerRotate has nothing to do: the log goes to standard error, and who takes it from there rotates it.
func (s *session) loggerRotate(_ context.Context, action *ami.Message) error {
	return s.succeed(action, "Reloaded the logger and rotated log files")
}
