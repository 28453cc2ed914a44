package amiserver

import (
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// What needs class system although the action does not, because it runs commands on the machine or reads its files: applications of
// Originate, which Asterisk finds in any spelling and inside longer names (ExecIf, TrySystem, EAGI), and functions in what is evaluated.
var (
	guardedApplications = []string{"system", "exec", "agi", "mixmonitor", "externalivr", "originate", "dbdel", "reload"}
	guardedData         = []string{"SHELL", "EVAL", "CURL", "DB", "FILE", "ODBC", "REALTIME"}
	guardedFunctions    = []string{"SHELL", "EVAL"}
)

// forbidden returns the text of Asterisk's refusal of an action that the user may use, but not with these parameters (ami/behaviour.md
// 16.4, 16.7); "" if he may. Asterisk would not refuse it by itself: it comes with the rights of the node's own user.
func (s *session) forbidden(name string, action *ami.Message) string {
	if s.user == nil || s.user.Write&ami.ClassSystem != 0 {
		return ""
	}
	get := func(header string) string { return string(action.Get(header)) }
	switch strings.ToLower(name) {
	case "originate":
		application := strings.ToLower(get("Application"))
		if containsAny(application, guardedApplications) || application != "" && containsAny(get("Data"), guardedData) {
			return "Originate Access Forbidden: app or data blacklisted"
		}
	case "getvar":
		if containsAny(get("Variable"), guardedFunctions) {
			return "GetVar Access Forbidden: Variable"
		}
	case "status":
		if containsAny(get("Variables"), guardedFunctions) {
			return "Status Access Forbidden: Variables"
		}
	}
	return ""
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
