package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// maxSettings bounds what a section inherits: templates of templates can double it with each line.
const maxSettings = 10_000

// stanza is one section of a file in Asterisk's dialect, with what it inherits from templates first.
type stanza struct {
	name     string
	template bool
	settings []setting
	at       place
}

// setting is one "name = value" line.
type setting struct {
	name, value string
	at          place
}

// place is where something was said.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// bad is a Problem at that place. Values are never quoted by the parser: they may be secrets.
func (p place) bad(key, format string, args ...any) Problem {
	return Problem{File: p.file, Line: p.line, Key: key, Text: fmt.Sprintf(format, args...)}
}

// bad is a Problem with the setting.
func (o setting) bad(s *stanza, format string, args ...any) Problem {
	return o.at.bad(s.name+"."+o.name, format, args...)
}

// stanzas reads a file in Asterisk's dialect: sections, comments (";" and ";-- … --;"), "=", "=>" and "+=", templates, "(+)", #include
// and #tryinclude. There is no continuation of lines. What Asterisk only logs is a problem here.
func stanzas(path string) ([]*stanza, Problems) {
	p := &stanzaReader{}
	p.file(filepath.Clean(path), place{})
	return p.all, p.problems
}

type stanzaReader struct {
	all      []*stanza
	latest   *stanza  // the section that was begun or added to last, in whatever file
	current  *stanza  // that of the file being read
	broken   bool     // the current section's head is wrong: its lines would only repeat that
	comment  int      // depth of ";-- … --;"
	open     []string // the files being read, each included by the one before it
	files    int      // read so far
	problems Problems
}

func (r *stanzaReader) bad(p Problem) { r.problems = append(r.problems, p) }

// uncomment returns what is left of a line without comments. "\;" is a semicolon.
func (r *stanzaReader) uncomment(line string) string {
	var kept strings.Builder
	for i := 0; i < len(line); i++ {
		rest := line[i:]
		switch {
		case strings.HasPrefix(rest, ";--") && !strings.HasPrefix(rest, ";---"):
			r.comment++
			i += 2
		case r.comment > 0 && strings.HasPrefix(rest, "--;"):
			r.comment--
			i += 2
		case r.comment > 0:
		case rest[0] == ';':
			return kept.String()
		case strings.HasPrefix(rest, `\;`):
			kept.WriteByte(';')
			i++
		default:
			kept.WriteByte(rest[0])
		}
	}
	return kept.String()
}

func (r *stanzaReader) line(line string, at place) {
	switch {
	case line == "":
	case line[0] == '[':
		r.current, r.broken = nil, true
		if s, ok := r.head(line, at); ok {
			r.current, r.latest, r.broken = s, s, false
		}
	case line[0] == '#':
		r.directive(line, at)
	case r.broken:
	case r.current == nil:
		r.bad(at.bad("", "a setting before the first [section]"))
	default:
		r.setting(line, at)
	}
}

// setting reads "name = value". A leading \ lets a name begin with "[" or "#".
func (r *stanzaReader) setting(line string, at place) {
	line, escaped := strings.CutPrefix(line, `\`)
	least := 0
	if escaped {
		least = 1
	}
	i := strings.IndexByte(line[min(least, len(line)):], '=') + least
	switch {
	case escaped && (line == "" || line[0] <= ' '):
		r.bad(at.bad("", `nothing that a \ could be for`))
		return
	case i < least:
		r.bad(at.bad("", "neither [section], #include nor name = value"))
		return
	}
	name, value, adds := line[:i], line[i+1:], i > least && line[i-1] == '+'
	if adds {
		name = line[:i-1]
	} else {
		value, _ = strings.CutPrefix(value, ">")
	}
	if name = strings.TrimSpace(name); name == "" {
		r.bad(at.bad("", "a value without a name"))
		return
	}
	o := setting{name: name, value: strings.TrimSpace(value), at: at}
	if adds && r.current.addTo(o, value) {
		return
	}
	r.current.settings = append(r.current.settings, o)
}

// addTo is "+=": it appends to the last value of that name, inherited ones included, just as it is written. The name is compared with case.
func (s *stanza) addTo(o setting, more string) bool {
	for i := len(s.settings) - 1; i >= 0; i-- {
		if old := &s.settings[i]; old.name == o.name {
			old.value, old.at = strings.TrimSpace(old.value+more), o.at
			return true
		}
	}
	return false
}

// head reads "[name]" or "[name](!,base,+)".
func (r *stanzaReader) head(line string, at place) (*stanza, bool) {
	name, tail, ok := strings.Cut(line[1:], "]")
	if !ok {
		r.bad(at.bad("", "the section's name has no closing ]"))
		return nil, false
	}
	s := &stanza{name: name, at: at}
	old := r.find(name)
	tail = strings.TrimSpace(tail)
	if tail == "" {
		return r.add(s, old)
	}
	options, isList := strings.CutPrefix(tail, "(")
	options, closed := strings.CutSuffix(options, ")")
	if !isList || !closed {
		r.bad(at.bad("", "[%s] is followed by something that is not a (list)", name))
		return nil, false
	}
	for option := range strings.SplitSeq(options, ",") {
		if s, ok = r.option(strings.TrimSpace(option), s, old); !ok {
			return nil, false
		}
	}
	if s == old {
		return s, true
	}
	return r.add(s, old)
}

// option is one word of "(list)": it returns the section that the rest of the list and the lines are for. old is the section of that
// name, if there is one.
func (r *stanzaReader) option(option string, s, old *stanza) (*stanza, bool) {
	filter, adds := strings.CutPrefix(option, "+")
	switch base := r.find(option); {
	case option == "!":
		s.template = true
	case adds && old == nil:
		r.bad(s.at.bad("", "[%s](+) adds to a section that is not there yet", s.name))
		return nil, false
	case adds && filter != "" && filter != "TEMPLATES=include" && filter != "TEMPLATES=restrict":
		r.bad(s.at.bad("", "[%s](+…): a condition is not supported, only TEMPLATES=include or =restrict", s.name))
		return nil, false
	case adds:
		if s != old {
			old.template = old.template || s.template
			old.settings = append(old.settings, s.settings...)
		}
		return old, true
	case base == nil:
		r.bad(s.at.bad("", "[%s] inherits from [%s], which is not defined above it", s.name, option))
		return nil, false
	case len(s.settings)+len(base.settings) > maxSettings:
		r.bad(s.at.bad("", "[%s] inherits more than %d lines", s.name, maxSettings))
		return nil, false
	default:
		s.settings = append(s.settings, base.settings...)
	}
	return s, true
}

// add refuses a second section of one name: Asterisk takes parts of both, which nobody can want for a user's rights.
func (r *stanzaReader) add(s, old *stanza) (*stanza, bool) {
	if old != nil {
		r.bad(s.at.bad("", "[%s] is there already, at %v: rename it, or write [%s](+) to add to it", s.name, old.at, s.name))
		return nil, false
	}
	r.all = append(r.all, s)
	return s, true
}

func (r *stanzaReader) find(name string) *stanza {
	for _, s := range r.all {
		if strings.EqualFold(s.name, name) {
			return s
		}
	}
	return nil
}
