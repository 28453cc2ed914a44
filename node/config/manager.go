package config

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ports that manager.conf need not name.
const (
	managerPort    = "5038"
	managerTLSPort = "5039"
)

// Manager is what manager.conf says: who may log in, and how.
//
// Asterisk needs enabled = yes. Here the node's own configuration decides whether AMI is served, so a missing enabled means yes, and
// enabled = no is an error: a file that says "nobody" must not let anybody in.
type Manager struct {
	Listen       string        // host:port; empty when the file names neither bindaddr nor port
	TLS          *TLS          // the listener for AMI over TLS; nil: none
	Web          bool          // webenabled: AMI over HTTP, where http.conf has a listener
	HTTPTimeout  time.Duration // how long an HTTP session lives after a request
	BrokenEvents bool          // brokeneventsaction (ami/behaviour.md 6.6)
	AuthTimeout  time.Duration // from accept to login
	AuthLimit    int           // connections that are not logged in
	Events       Events        // how the built-in engine's events look
	Warnings     Problems      // what was read and not used
	EngineOnly   Problems      // warnings where the source is no engine: what shapes its events

	users map[string]*User // by lower-case name
	named []string         // the keys of users, sorted
	webAt place            // of webenabled
}

// Events says how the events of the built-in engine look. Those of an Asterisk are shaped where they are made.
type Events struct {
	Timestamps  bool     // timestampevents
	ChannelVars []string // channelvars: shown with every channel
	Disabled    []string // disabledevents: names of events that are not raised
}

// User returns the user of that name, compared without case (ami/behaviour.md 5.1).
func (m *Manager) User(name string) (*User, bool) {
	u, ok := m.users[strings.ToLower(name)]
	return u, ok
}

// Users returns all users by name.
func (m *Manager) Users() []*User {
	return slices.SortedFunc(maps.Values(m.users), func(a, b *User) int { return cmp.Compare(a.Name, b.Name) })
}

// LoadManager reads manager.conf and, if its name is not empty, acl.conf. The error is of type Problems and lists everything that is
// wrong in either.
func LoadManager(managerConf, aclConf string) (*Manager, error) {
	l := &managerLoader{
		m: &Manager{
			HTTPTimeout: 60 * time.Second, AuthTimeout: 30 * time.Second, AuthLimit: 50, users: map[string]*User{},
		},
		multiple: true, display: true,
	}
	if aclConf != "" {
		l.named, l.problems = namedACLs(aclConf)
	}
	sections, problems := stanzas(managerConf)
	l.problems = append(l.problems, problems...)
	isGeneral := func(s *stanza) bool { return strings.EqualFold(s.name, "general") }
	for _, s := range sections { // first, wherever it stands: users take their defaults from it
		if isGeneral(s) {
			l.general(s)
		}
	}
	for _, s := range sections {
		if !isGeneral(s) && !s.template {
			l.user(s)
		}
	}
	if len(l.m.users) == 0 && len(l.problems) == 0 {
		l.problems = append(l.problems, Problem{File: managerConf, Text: "there is no user: add a section [name] with a secret"})
	}
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	l.m.named = slices.Sorted(maps.Keys(l.m.users))
	return l.m, nil
}

// managerLoader collects what manager.conf says, and what is wrong with it.
type managerLoader struct {
	m                 *Manager
	multiple, display bool // what a user has who does not say
	named             map[string]*ACL
	problems          Problems
	host, port        string
}

func (l *managerLoader) bad(s *stanza, o setting, format string, args ...any) {
	l.problems = append(l.problems, o.bad(s, format, args...))
}

func (l *managerLoader) warn(s *stanza, o setting, format string, args ...any) {
	l.m.Warnings = append(l.m.Warnings, o.bad(s, format, args...))
}

func (l *managerLoader) general(s *stanza) {
	secure := &tlsReader{port: managerTLSPort}
	for _, o := range s.settings {
		if !secure.take(s, o) {
			l.generalSetting(s, o)
		}
	}
	if l.host != "" || l.port != "" {
		l.m.Listen = net.JoinHostPort(cmp.Or(l.host, "127.0.0.1"), cmp.Or(l.port, managerPort))
	}
	l.m.TLS = secure.finish(s, l.m.Address())
	l.problems = append(l.problems, secure.problems...)
	l.m.Warnings = append(l.m.Warnings, secure.warnings...)
}

func (l *managerLoader) generalSetting(s *stanza, o setting) {
	switch strings.ToLower(o.name) {
	case "enabled":
		if !isTrue(o.value) {
			l.bad(s, o, "the file says that nobody is served: set it to yes")
		}
	case "port":
		if n, err := strconv.Atoi(o.value); err != nil || n < 0 || n > 65535 {
			l.bad(s, o, "%q is not a port", o.value)
		}
		l.port = o.value
	case "bindaddr":
		if !isAddress(strings.Trim(o.value, "[]")) {
			l.bad(s, o, "%q is not an address without port", o.value)
		}
		l.host = strings.Trim(o.value, "[]")
	case "allowmultiplelogin":
		l.multiple = isTrue(o.value)
	case "displayconnects":
		l.display = isTrue(o.value)
	case "webenabled":
		l.m.Web, l.m.webAt = isTrue(o.value), o.at
	case "brokeneventsaction":
		l.m.BrokenEvents = isTrue(o.value)
	case "httptimeout":
		l.seconds(s, o, &l.m.HTTPTimeout)
	case "authtimeout":
		l.seconds(s, o, &l.m.AuthTimeout)
	case "authlimit":
		if n, ok := l.positive(s, o); ok {
			l.m.AuthLimit = n
		}
	case "timestampevents", "channelvars", "disabledevents":
		l.shape(s, o)
	case "debug":
		if o.value != "" && !isFalse(o.value) {
			l.warn(s, o, "has no effect: no event tells where in a program it was made")
		}
	default:
		l.warn(s, o, "not known, and not used")
	}
}

func (l *managerLoader) shape(s *stanza, o setting) {
	switch strings.ToLower(o.name) {
	case "timestampevents":
		l.m.Events.Timestamps = isTrue(o.value)
	case "channelvars":
		l.m.Events.ChannelVars = items(o.value)
	default:
		l.m.Events.Disabled = items(o.value)
	}
	if o.value != "" && !isFalse(o.value) {
		l.m.EngineOnly = append(l.m.EngineOnly, o.bad(s, "has no effect here: events are shaped where they are made, at the Asterisk"))
	}
}

// items cuts at commas; empty ones do not count.
func items(value string) (items []string) {
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func (l *managerLoader) seconds(s *stanza, o setting, to *time.Duration) {
	if n, ok := l.positive(s, o); ok {
		*to = time.Duration(n) * time.Second
	}
}

// positive keeps the default for a number below 1, as Asterisk does (14.1).
func (l *managerLoader) positive(s *stanza, o setting) (int, bool) {
	n, err := strconv.Atoi(o.value)
	if err != nil || n < 1 || n > 1<<30 {
		l.warn(s, o, "%q is not a number from 1, the default is used", o.value)
		return 0, false
	}
	return n, true
}

// isFalse is Asterisk's ast_false.
func isFalse(value string) bool {
	switch strings.ToLower(value) {
	case "no", "false", "n", "f", "0", "off":
		return true
	}
	return false
}

// isTrue is Asterisk's ast_true.
func isTrue(value string) bool {
	switch strings.ToLower(value) {
	case "yes", "true", "y", "t", "1", "on":
		return true
	}
	return false
}
