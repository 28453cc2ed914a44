package config

import (
	"cmp"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// Limits of manager.conf (ami/behaviour.md 14.1, 14.2, 9.3).
const (
	maxUserName     = 79
	minWriteTimeout = 100 * time.Millisecond
	managerPort     = "5038"
)

// Manager is what manager.conf says: who may log in, and how.
//
// Asterisk needs enabled = yes. Here the node's own configuration decides whether AMI is served, so a missing enabled means yes, and
// enabled = no is an error: a file that says "nobody" must not let anybody in.
type Manager struct {
	Listen      string        // host:port; empty when the file names neither bindaddr nor port
	AuthTimeout time.Duration // from accept to login
	AuthLimit   int           // connections that are not logged in
	Warnings    Problems      // what was read and not used

	users map[string]*User // by lower-case name
}

// User is one section of manager.conf.
type User struct {
	Name               string
	Secret             string // empty: can never log in (ami/behaviour.md 5.5)
	Read, Write        ami.Class
	WriteTimeout       time.Duration
	AllowMultipleLogin bool
	DisplayConnects    bool
	Lifecycle          bool // "lifecycle = all": gets FullyBooted and Shutdown of other nodes as they are
	EventID            bool // "eventid = yes": each event tells its place in the stream
	Arrival            bool // "order = arrival": events as they come, in the order of each node; else merged

	acls []*ACL // the user's own list first, then the named ones
}

// User returns the user of that name, compared without case (5.1).
func (m *Manager) User(name string) (*User, bool) {
	u, ok := m.users[strings.ToLower(name)]
	return u, ok
}

// Users returns all users by name.
func (m *Manager) Users() []*User {
	return slices.SortedFunc(maps.Values(m.users), func(a, b *User) int { return cmp.Compare(a.Name, b.Name) })
}

// Allowed tells whether the user may log in from addr: every list must allow it (13.3).
func (u *User) Allowed(addr netip.Addr) bool {
	return !slices.ContainsFunc(u.acls, func(a *ACL) bool { return !a.Allowed(addr) })
}

// LoadManager reads manager.conf and, if its name is not empty, acl.conf. The error is of type Problems and lists everything that is
// wrong in either.
func LoadManager(managerConf, aclConf string) (*Manager, error) {
	l := &managerLoader{
		m:        &Manager{AuthTimeout: 30 * time.Second, AuthLimit: 50, users: map[string]*User{}},
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
	return l.m, nil
}

type managerLoader struct {
	m                 *Manager
	multiple, display bool // what a user has who does not say
	named             map[string]*ACL
	problems          Problems
	host, port        string
}

func (l *managerLoader) bad(s *stanza, o setting, format string, args ...any) {
	l.problems = append(l.problems, o.at.bad(s.name+"."+o.name, format, args...))
}

func (l *managerLoader) warn(s *stanza, o setting, format string, args ...any) {
	l.m.Warnings = append(l.m.Warnings, o.at.bad(s.name+"."+o.name, format, args...))
}

func (l *managerLoader) general(s *stanza) {
	for _, o := range s.settings {
		switch name := strings.ToLower(o.name); name {
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
			if _, err := netip.ParseAddr(strings.Trim(o.value, "[]")); err != nil {
				l.bad(s, o, "%q is not an address without port", o.value)
			}
			l.host = strings.Trim(o.value, "[]")
		case "allowmultiplelogin":
			l.multiple = isTrue(o.value)
		case "displayconnects":
			l.display = isTrue(o.value)
		case "authtimeout":
			if n, ok := l.positive(s, o); ok {
				l.m.AuthTimeout = time.Duration(n) * time.Second
			}
		case "authlimit":
			if n, ok := l.positive(s, o); ok {
				l.m.AuthLimit = n
			}
		case "timestampevents", "channelvars", "debug", "disabledevents":
			if o.value != "" && !isFalse(o.value) {
				l.warn(s, o, "has no effect here: events are shaped where they are made, at the Asterisk")
			}
		case "tlsenable", "sslenable", "webenabled", "brokeneventsaction":
			if isTrue(o.value) {
				l.warn(s, o, "not supported, and not used")
			}
		default:
			l.warn(s, o, "not known, and not used")
		}
	}
	if l.host != "" || l.port != "" {
		l.m.Listen = net.JoinHostPort(cmp.Or(l.host, "127.0.0.1"), cmp.Or(l.port, managerPort))
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

func (l *managerLoader) user(s *stanza) {
	if s.name == "" || len(s.name) > maxUserName || hasControl(s.name) {
		l.problems = append(l.problems, s.at.bad("", "a user's name has 1 to %d printable bytes", maxUserName))
		return
	}
	own := &ACL{}
	u := &User{
		Name: s.name, WriteTimeout: minWriteTimeout, AllowMultipleLogin: l.multiple, DisplayConnects: l.display, acls: []*ACL{own},
	}
	for _, o := range s.settings {
		l.userSetting(s, o, u, own)
	}
	if u.Secret == "" {
		l.m.Warnings = append(l.m.Warnings, s.at.bad(s.name, "has no secret, so nobody can log in as this user"))
	}
	l.m.users[strings.ToLower(u.Name)] = u
}

func (l *managerLoader) userSetting(s *stanza, o setting, u *User, own *ACL) {
	name := strings.ToLower(o.name)
	kind, _, _ := strings.Cut(name, "(") // eventfilter(name(X)) = …
	switch kind {
	case "secret":
		u.Secret = o.value
	case "read":
		u.Read = l.classes(s, o)
	case "write":
		u.Write = l.classes(s, o)
	case "permit", "deny":
		if err := own.add(name == "permit", o.value); err != nil {
			l.bad(s, o, "%v", err)
		}
	case "acl":
		for list := range strings.SplitSeq(o.value, ",") {
			l.acl(s, o, u, strings.TrimSpace(list))
		}
	case "writetimeout":
		n, err := strconv.Atoi(o.value)
		if t := time.Duration(n) * time.Millisecond; err == nil && t >= minWriteTimeout && n < 1<<30 {
			u.WriteTimeout = t
		} else {
			l.warn(s, o, "%q is not a number of milliseconds from 100, the default of 100 is used", o.value)
		}
	case "allowmultiplelogin":
		u.AllowMultipleLogin = isTrue(o.value)
	case "displayconnects":
		u.DisplayConnects = isTrue(o.value)
	case "lifecycle":
		if o.value != "all" {
			l.bad(s, o, "%q is not all", o.value)
		}
		u.Lifecycle = o.value == "all"
	case "eventid":
		if u.EventID = isTrue(o.value); !u.EventID && !isFalse(o.value) {
			l.bad(s, o, "%q is neither yes nor no", o.value)
		}
	case "order":
		if u.Arrival = o.value == "arrival"; !u.Arrival && o.value != "merged" {
			l.bad(s, o, "%q is neither merged nor arrival", o.value)
		}
	case "eventfilter", "scope", "actions", "nodes":
		// A restriction that is not enforced would show or allow more than the file says.
		l.bad(s, o, "restricts the user and is not supported: remove it if the user may see and do all that read and write allow")
	default:
		l.warn(s, o, "not known or not supported, and not used")
	}
}

func (l *managerLoader) acl(s *stanza, o setting, u *User, name string) {
	list, ok := l.named[name]
	if !ok {
		l.warn(s, o, "the list %q is not in acl.conf, so this user cannot log in", name)
		list = &ACL{missing: true}
	}
	u.acls = append(u.acls, list)
}

// classes warns of names that Asterisk does not know.
func (l *managerLoader) classes(s *stanza, o setting) ami.Class {
	c, unknown := ParseClasses(o.value)
	for _, name := range unknown {
		l.warn(s, o, "there is no class %q; names are in lower case, with commas and no blanks between them", name)
	}
	return c
}

// ParseClasses reads a comma list of class names as they stand in read, write and the Events action: exact names, no blanks. Unknown
// ones are ignored. Asterisk also takes prefixes, and an empty item for everything, unless the item is the last one; that grants more
// than was written and is not copied (ami/behaviour.md 6.3).
func ParseClasses(list string) (c ami.Class, unknown []string) {
	for name := range strings.SplitSeq(list, ",") {
		switch bit, ok := ami.ClassNamed(name); {
		case ok:
			c |= bit
		case name != "" && name != "none":
			unknown = append(unknown, name)
		}
	}
	return c, unknown
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
