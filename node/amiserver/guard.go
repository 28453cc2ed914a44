package amiserver

import (
	"slices"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// What needs class system although the action does not, because it runs commands on the machine or reads its files: applications of
// Originate, which Asterisk finds in any spelling and inside longer names (ExecIf, TrySystem, EAGI), and functions in what is evaluated.
var (
	guardedApplications = []string{"system", "exec", "agi", "mixmonitor", "externalivr", "originate", "dbdeltree", "reload"}
	guardedData         = []string{"SHELL", "EVAL", "CURL", "DB", "FILE", "ODBC", "REALTIME"}
	guardedFunctions    = []string{"SHELL", "EVAL"}
)

// blacklisted are the commands that Asterisk runs for nobody, by their first words (main/manager.c command_blacklist).
var blacklisted = [][]string{{"module", "load"}, {"module", "unload"}, {"restart", "gracefully"}}

// queueAGI is where the arguments of Queue name an AGI script to run.
const queueAGI = 5

// forbidden returns the text of Asterisk's refusal of an action that the user may use, but not with these parameters (ami/behaviour.md
// 16.4, 16.7); "" if he may. Asterisk would not refuse it by itself: it comes with the rights of the node's own user.
//
// Two checks are ours. Asterisk looks for functions in what Getvar and Status read, but not in what Setvar and the Variable headers of
// Originate write, since it never runs these for AMI; with live_dangerously it would.
func (s *session) forbidden(name string, action *ami.Message) string {
	get := func(header string) string { return string(action.Get(header)) }
	key := strings.ToLower(name)
	if key == "command" && isBlacklisted(get("Command")) {
		return "Command blacklisted"
	}
	if s.user == nil || s.user.Write&ami.ClassSystem != 0 {
		return ""
	}
	switch key {
	case "originate":
		switch {
		case s.forbiddenApplication(get("Application"), get("Data")):
			return "Originate Access Forbidden: app or data blacklisted"
		case variablesName(action, guardedFunctions):
			return "Originate Access Forbidden: Variable"
		}
	case "getvar":
		if containsAny(get("Variable"), guardedFunctions) {
			return "GetVar Access Forbidden: Variable"
		}
	case "setvar":
		if containsAny(get("Variable"), guardedFunctions) {
			return "SetVar Access Forbidden: Variable"
		}
	case "status":
		if containsAny(get("Variables"), guardedFunctions) {
			return "Status Access Forbidden: Variables"
		}
	}
	return ""
}

// forbiddenApplication: Queue is a special case, its AGI parameter takes class agi or system.
func (s *session) forbiddenApplication(application, data string) bool {
	application = strings.ToLower(application)
	switch {
	case application == "":
		return false
	case containsAny(application, guardedApplications):
		return true
	case strings.Contains(application, "queue") && s.user.Write&ami.ClassAGI == 0:
		if args := strings.Split(data, ","); len(args) > queueAGI && args[queueAGI] != "" {
			return true
		}
	}
	return containsAny(data, guardedData)
}

// variablesName tells whether a Variable header sets something of that name. What a variable is set to is not evaluated.
func variablesName(action *ami.Message, functions []string) bool {
	for value := range action.Values("Variable") {
		name, _, _ := strings.Cut(string(value), "=")
		if containsAny(name, functions) || strings.Contains(string(value), ",") && containsAny(string(value), functions) {
			return true
		}
	}
	return false
}

func isBlacklisted(command string) bool {
	words := strings.FieldsFunc(command, func(r rune) bool { return r <= ' ' })
	for _, bad := range blacklisted {
		if len(words) >= len(bad) && slices.EqualFunc(words[:len(bad)], bad, strings.EqualFold) {
			return true
		}
	}
	return false
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
