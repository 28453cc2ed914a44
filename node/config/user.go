package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/filter"
)

// Limits of a user's section (ami/behaviour.md 14.2, 9.3).
const (
	maxUserName     = 79
	maxSetvar       = 255
	minWriteTimeout = 100 * time.Millisecond
)

// Scope is how much of the cluster a user sees and reaches.
type Scope uint8

// The scopes.
const (
	ScopeCluster Scope = iota // all of it
	ScopeSite                 // the nodes of this node's site
	ScopeNode                 // this node alone
)

// User is one section of manager.conf. It never changes.
type User struct {
	Name               string
	Secret             string // as it is; empty: there is none, or only its hash is known (SecretIs, HashedOnly)
	Read, Write        ami.Class
	WriteTimeout       time.Duration
	AllowMultipleLogin bool
	DisplayConnects    bool
	Setvar             []string    // NAME=VALUE, set in this order on the channels that the user originates; no name twice
	Filter             *filter.Set // never nil

	// What Asterisk does not have.
	Scope        Scope
	Nodes        []string        // "node" or "site/node": the only ones the user sees and reaches; nil: all in Scope
	Actions      map[string]bool // the only actions the user may run, in lower case; nil: all
	Lifecycle    bool            // "lifecycle = all": gets FullyBooted and Shutdown of other nodes as they are
	EventID      bool            // "eventid = yes": each event tells its place in the stream
	Arrival      bool            // "order = arrival": events as they come, in the order of each node; else merged
	Endings      bool            // "endings = yes": calls of a node out of view are ended
	AmbiguousOwn bool            // "ambiguous = own": a channel that several nodes have is this node's; else an error

	acls []*ACL      // the user's own list first, then the named ones
	hash *argon2Hash // instead of Secret
}

// Allowed tells whether the user may log in from addr: every list must allow it (ami/behaviour.md 13.3).
func (u *User) Allowed(addr netip.Addr) bool { return allowed(u.acls, addr) }

func (l *managerLoader) user(s *stanza) {
	if s.name == "" || len(s.name) > maxUserName || hasControl(s.name) {
		l.problems = append(l.problems, s.at.bad("", "a user's name has 1 to %d printable bytes", maxUserName))
		return
	}
	own := &ACL{}
	u := &User{
		Name: s.name, WriteTimeout: minWriteTimeout, AllowMultipleLogin: l.multiple, DisplayConnects: l.display,
		Filter: filter.None(), acls: []*ACL{own},
	}
	for _, o := range s.settings {
		if !l.asteriskSetting(s, o, u, own) && !l.ownSetting(s, o, u) {
			l.warn(s, o, "not known, and not used")
		}
	}
	switch {
	case u.HashedOnly() && l.m.Web:
		l.m.Warnings = append(l.m.Warnings, s.at.bad(s.name, "only a hash of the secret is known: logins with MD5 or HTTP digest will fail"))
	case u.Secret == "" && u.hash == nil:
		l.m.Warnings = append(l.m.Warnings, s.at.bad(s.name, "has no secret, so nobody can log in as this user"))
	}
	l.m.users[strings.ToLower(u.Name)] = u
}

// asteriskSetting takes what Asterisk has in a user's section.
func (l *managerLoader) asteriskSetting(s *stanza, o setting, u *User, own *ACL) bool {
	name := strings.ToLower(o.name)
	kind, _, _ := strings.Cut(name, "(") // eventfilter(name(X)) = …
	switch strings.TrimSpace(kind) {
	case "secret":
		l.secret(s, o, u)
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
	case "setvar":
		l.setvar(s, o, u)
	case "eventfilter":
		l.filter(s, o, u)
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
	default:
		return false
	}
	return true
}

func (l *managerLoader) acl(s *stanza, o setting, u *User, name string) {
	list, ok := l.named[name]
	if !ok {
		l.warn(s, o, "the list %q is not in acl.conf, so this user cannot log in", name)
		list = &ACL{missing: true}
	}
	u.acls = append(u.acls, list)
}

// setvar cuts what is too long, and keeps the first of two values for one name, as Asterisk does, but says so.
func (l *managerLoader) setvar(s *stanza, o setting, u *User) {
	value := o.value
	name, _, ok := strings.Cut(value, "=")
	switch {
	case !ok || name == "":
		l.warn(s, o, "is not NAME=VALUE, and not used")
		return
	case slices.ContainsFunc(u.Setvar, func(v string) bool { return strings.HasPrefix(v, name+"=") }):
		l.warn(s, o, "the user has %s already, and the first one counts", name)
		return
	case len(value) > maxSetvar:
		l.warn(s, o, "is longer than %d bytes; the rest is cut off", maxSetvar)
		value = value[:maxSetvar]
	}
	u.Setvar = append(u.Setvar, value)
}

// filter leaves out what is wrong, as Asterisk does (ami/behaviour.md 8.16).
func (l *managerLoader) filter(s *stanza, o setting, u *User) {
	f, err := filter.Parse(o.name, o.value)
	switch {
	case err != nil:
		l.warn(s, o, "%v; it is left out", err)
	case u.Filter.Full():
		l.warn(s, o, "the user has %d filters already; it is left out", u.Filter.Len())
	default:
		u.Filter = u.Filter.With(f)
	}
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
