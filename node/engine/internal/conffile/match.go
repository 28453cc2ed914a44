package conffile

import (
	"regexp"
	"strings"
)

// matcher is a filter on sections.
type matcher struct {
	name      string
	all       bool // no filter: everything but templates
	conds     []condition
	templates string // include or restrict
	never     bool   // the filter is none
}

// condition: some line has a name and a value that fit.
type condition struct{ name, value *regexp.Regexp }

func newMatcher(name, filter string, sep byte) matcher {
	m := matcher{name: name, all: filter == ""}
	for _, part := range Split(filter, sep) {
		pair := Split(part, '=')
		if len(pair) < 2 || pair[1] == "" {
			m.never = true
			continue
		}
		if pair[0] == "TEMPLATES" {
			if strings.EqualFold(pair[1], "include") || strings.EqualFold(pair[1], "restrict") {
				m.templates = strings.ToLower(pair[1])
			} else {
				m.never = true
			}
			continue
		}
		c, ok := compile(pair[0], pair[1])
		if !ok {
			m.never = true
			continue
		}
		m.conds = append(m.conds, c)
	}
	return m
}

func compile(name, value string) (c condition, ok bool) {
	n, err := regexp.CompilePOSIX(name)
	v, err2 := regexp.CompilePOSIX(value)
	return condition{n, v}, err == nil && err2 == nil
}

func (m *matcher) fits(s *Section) bool {
	switch {
	case m.name != "" && !strings.EqualFold(m.name, s.Name):
		return false
	case m.all:
		return !s.Template
	case m.never, m.templates == "restrict" && !s.Template, s.Template && m.templates == "":
		return false
	}
	for _, c := range m.conds {
		if !c.fits(s) {
			return false
		}
	}
	return true
}

func (c condition) fits(s *Section) bool {
	for _, l := range s.Lines {
		if c.name.MatchString(l.Name) && c.value.MatchString(l.Value) {
			return true
		}
	}
	return false
}

// Split cuts a list at a separator, but not within quotes, and strips the parts; it ends where nothing is left.
func Split(list string, sep byte) (parts []string) {
	for list != "" {
		end, quote := len(list), byte(0)
		for i := 0; i < len(list); i++ {
			c := list[i]
			if c == '\\' {
				i++
				continue
			}
			if c == '\'' || c == '"' {
				if quote == c {
					quote = 0
				} else if quote == 0 {
					quote = c
				}
			}
			if c == sep && quote == 0 {
				end = i
				break
			}
		}
		parts = append(parts, unquote(strip(list[:end])))
		list = list[min(end+1, len(list)):]
	}
	return parts
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
