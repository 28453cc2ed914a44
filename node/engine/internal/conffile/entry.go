package conffile

import (
	"path"
	"strings"
)

// entry reads one line that is not only comment: [section], a directive or name = value.
func (t *text) entry(line string) (valid bool) {
	switch line[0] {
	case '[':
		return t.head(line)
	case '#':
		return t.directive(line[1:])
	}
	return t.setting(line)
}

// head reads "[name]" or "[name](!,base,+)".
func (t *text) head(line string) bool {
	name, tail, ok := strings.Cut(line[1:], "]")
	if !ok {
		return false
	}
	s := &Section{Name: cut(name), file: t.file, line: t.line}
	s.before, s.beside = t.comments()
	own := s
	if list, isList := strings.CutPrefix(tail, "("); isList {
		list, _, closed := strings.Cut(list, ")")
		if !closed {
			return false
		}
		for option := range strings.SplitSeq(list, ",") {
			if s, ok = t.option(s, own, option); !ok {
				return false
			}
		}
	}
	t.section, t.f.current = s, s
	t.lastSection, t.lastLine, t.lastInclude = nil, nil, nil
	if s == own {
		t.lastSection = s
		t.f.Sections = append(t.f.Sections, s)
	}
	return t.f.grow(name)
}

// option is one word of "(list)": it returns the section that the rest and the lines are for.
func (t *text) option(s, own *Section, option string) (*Section, bool) {
	filter, adds := strings.CutPrefix(option, "+")
	switch {
	case option == "!":
		s.Template = true
		return s, true
	case !adds:
		base := t.f.get(option, "TEMPLATES=include", ',')
		return s, base != nil && base != s && t.f.inherit(s, base)
	}
	old := t.f.get(own.Name, filter, '&')
	if old == nil {
		return nil, false
	}
	if s == own {
		old.Template = old.Template || s.Template
		old.Lines = append(old.Lines, s.Lines...)
		old.bases = append(old.bases, s.bases...)
	}
	return old, true
}

// setting reads "name = value". A leading \ lets a name begin with "[" or "#".
func (t *text) setting(line string) bool {
	if t.section == nil {
		return false
	}
	least := 0
	if escaped := line[0] == '\\'; escaped {
		if line = line[1:]; line == "" || line[0] <= ' ' {
			return false
		}
		least = 1
	}
	i := strings.IndexByte(line[least:], '=') + least
	if i < least {
		return t.keep(line)
	}
	name, value, object := line[:i], line[i+1:], false
	if i > least && line[i-1] == '+' {
		name = strip(line[:i-1])
		if old := t.section.last(name); old != nil {
			old.Value = strip(old.Value + value)
			return t.f.grow(value)
		}
	} else if strings.HasPrefix(value, ">") {
		value, object = value[1:], true
	}
	if name = strip(name); name == "" {
		return t.keep(line)
	}
	l := &Line{Name: name, Value: strip(value), Object: object, file: t.file, line: t.line}
	l.before, l.beside = t.comments()
	t.section.Lines = append(t.section.Lines, l)
	t.lastSection, t.lastLine, t.lastInclude = nil, l, nil
	return t.f.grow(name, value)
}

// keep reads over a line that says nothing to Asterisk: it stays in the file as a comment does.
func (t *text) keep(line string) bool {
	t.before.WriteString(strings.ReplaceAll(line, ";", `\;`) + "\n")
	return true
}

func (s *Section) last(name string) *Line {
	for i := len(s.Lines) - 1; i >= 0; i-- {
		if s.Lines[i].Name == name {
			return s.Lines[i]
		}
	}
	return nil
}

// directive reads #include and #tryinclude. #exec is not run, as in an Asterisk without execincludes.
func (t *text) directive(line string) bool {
	end := strings.IndexFunc(line, func(r rune) bool { return r <= ' ' })
	if end < 0 {
		return t.keep("#" + line)
	}
	word, name := strings.ToLower(line[:end]), dequote(strip(line[end:]))
	if word != "include" && word != "tryinclude" || name == "" {
		return t.keep("#" + line)
	}
	in := &include{directive: word, name: name, in: t.file, line: t.line}
	in.before, _ = t.comments()
	t.f.includes = append(t.f.includes, in)
	if len(t.f.includes) > maxFiles {
		return false
	}
	if t.loader.depth < maxInclude {
		valid := true
		t.loader.depth++
		in.files, valid = t.files(t.from.glob(path.Clean(name)), false)
		t.loader.depth--
		t.f.partial = t.f.partial || !valid
	}
	t.lastSection, t.lastLine, t.lastInclude = nil, nil, in
	return len(in.files) > 0 || word == "tryinclude"
}

func dequote(s string) string {
	for _, pair := range []string{`""`, "<>"} {
		if len(s) > 1 && s[0] == pair[0] && s[len(s)-1] == pair[1] {
			return s[1 : len(s)-1]
		}
	}
	return s
}
