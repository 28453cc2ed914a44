package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Ports that http.conf need not name.
const (
	httpPort  = "8088"
	httpsPort = "8089"
)

// HTTP is what http.conf says: where AMI is served over HTTP, for the paths of ami/behaviour.md 11.1 alone. CORS is always off.
type HTTP struct {
	Listen       string        // host:port; empty: over TLS only
	TLS          *TLS          // nil: none
	Prefix       string        // of all paths: empty, or begins with / and does not end with one
	ServerName   string        // the Server header; empty: none
	SessionLimit int           // connections at once
	Inactivity   time.Duration // how long a request may take to come
	KeepAlive    time.Duration // how long a connection may wait for its next request; 0: each has one request
	Off          bool          // the file said enabled = yes once, and does not any more: nothing is found

	restrictions []restriction
}

// restriction is a section [/path] with type = restriction.
type restriction struct {
	path string
	acl  *ACL
}

// Allowed tells whether addr may ask for the path: every restriction that the path begins with must allow it.
func (h *HTTP) Allowed(path string, addr netip.Addr) bool {
	for _, r := range h.restrictions {
		if len(path) >= len(r.path) && strings.EqualFold(path[:len(r.path)], r.path) && !r.acl.Allowed(addr) {
			return false
		}
	}
	return true
}

// LoadHTTP reads http.conf. The HTTP is nil when the file does not say enabled = yes. The error is of type Problems.
func LoadHTTP(path string) (_ *HTTP, warnings Problems, _ error) {
	l := &httpLoader{
		h:      &HTTP{ServerName: "Asterisk", SessionLimit: 100, Inactivity: 30 * time.Second, KeepAlive: 15 * time.Second},
		secure: tlsReader{port: httpsPort}, port: httpPort,
	}
	sections, problems := stanzas(path)
	l.problems = problems
	for _, s := range sections {
		switch {
		case strings.EqualFold(s.name, "general"):
			l.general(s)
		case !s.template:
			l.section(s)
		}
	}
	switch {
	case len(l.problems) > 0:
		return nil, nil, l.problems
	case !l.enabled:
		return nil, append(l.warnings, Problem{File: path, Key: "general.enabled", Text: "is not yes, so AMI is not served over HTTP"}), nil
	}
	return l.h, l.warnings, nil
}

// httpLoader collects what http.conf says, and what is wrong with it.
type httpLoader struct {
	h                  *HTTP
	enabled            bool
	host, port         string
	secure             tlsReader
	problems, warnings Problems
}

func (l *httpLoader) bad(s *stanza, o setting, format string, args ...any) {
	l.problems = append(l.problems, o.bad(s, format, args...))
}

func (l *httpLoader) warn(s *stanza, o setting, format string, args ...any) {
	l.warnings = append(l.warnings, o.bad(s, format, args...))
}

func (l *httpLoader) general(s *stanza) {
	for _, o := range s.settings {
		if !l.secure.take(s, o) {
			l.generalSetting(s, o)
		}
	}
	if !l.enabled {
		return
	}
	if l.host != "" {
		l.h.Listen = net.JoinHostPort(l.host, l.port)
	} else if !l.secure.enabled {
		l.problems = append(l.problems, s.at.bad(s.name+".bindaddr", "is missing: there is no default"))
	}
	l.h.TLS = l.secure.finish(s, l.h.Listen)
	l.problems = append(l.problems, l.secure.problems...)
	l.warnings = append(l.warnings, l.secure.warnings...)
}

func (l *httpLoader) generalSetting(s *stanza, o setting) {
	switch strings.ToLower(o.name) {
	case "enabled":
		l.enabled = isTrue(o.value)
	case "bindaddr":
		if l.host = strings.Trim(o.value, "[]"); !isAddress(l.host) {
			l.bad(s, o, "%q is not an address without port", o.value)
		}
	case "bindport":
		if n, err := strconv.Atoi(o.value); err != nil || n < 0 || n > 65535 {
			l.bad(s, o, "%q is not a port", o.value)
		}
		l.port = o.value
	case "prefix":
		l.prefix(s, o)
	case "servername":
		if l.h.ServerName = o.value; hasControl(o.value) {
			l.bad(s, o, "holds a control character")
		}
	case "sessionlimit":
		l.number(s, o, 1, &l.h.SessionLimit)
	case "session_inactivity":
		l.milliseconds(s, o, 1, &l.h.Inactivity)
	case "session_keep_alive":
		l.milliseconds(s, o, 0, &l.h.KeepAlive)
	case "enablestatic", "enable_static", "enable_status":
		if isTrue(o.value) {
			l.warn(s, o, "only AMI is served here: this has no effect")
		}
	case "redirect":
		l.warn(s, o, "only AMI is served here: this has no effect")
	default:
		l.warn(s, o, "not known, and not used")
	}
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// prefix has a / in front whether it is written or not.
func (l *httpLoader) prefix(s *stanza, o setting) {
	l.h.Prefix = ""
	if p := strings.Trim(o.value, "/"); p != "" {
		l.h.Prefix = "/" + p
	}
	if strings.ContainsFunc(o.value, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("?#%", r) }) {
		l.bad(s, o, "%q is not a path", o.value)
	}
}

// number keeps the default when the value cannot be used, as Asterisk does.
func (l *httpLoader) number(s *stanza, o setting, least int, to *int) {
	n, err := strconv.Atoi(o.value)
	if err != nil || n < least || n > 1<<30 {
		l.warn(s, o, "%q is not a number from %d, the default is used", o.value, least)
		return
	}
	*to = n
}

func (l *httpLoader) milliseconds(s *stanza, o setting, least int, to *time.Duration) {
	n := -1
	if l.number(s, o, least, &n); n >= 0 {
		*to = time.Duration(n) * time.Millisecond
	}
}

// section takes a restriction. One that cannot be kept is an error: without it more would be open than the file says.
func (l *httpLoader) section(s *stanza) {
	r := restriction{path: s.name, acl: &ACL{}}
	restricts := false
	for _, o := range s.settings {
		switch name := strings.ToLower(o.name); name {
		case "type":
			restricts = strings.EqualFold(o.value, "restriction")
		case "permit", "deny":
			if err := r.acl.add(name == "permit", o.value); err != nil {
				l.bad(s, o, "%v", err)
			}
		case "acl":
			l.bad(s, o, "named lists are not supported here: write permit and deny")
		}
	}
	if restricts {
		l.h.restrictions = append(l.h.restrictions, r)
	} else {
		l.warnings = append(l.warnings, s.at.bad(s.name, "only AMI is served here: this section has no effect"))
	}
}
