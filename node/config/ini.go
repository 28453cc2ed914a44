package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxInclude is how deep #include may nest, as in Asterisk.
const maxInclude = 10

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

// stanzas reads a file in Asterisk's dialect: sections, comments (";" and ";-- … --;"), "=" and "=>", templates, "(+)" and #include.
func stanzas(path string) ([]*stanza, Problems) {
	p := &stanzaReader{}
	p.file(filepath.Clean(path), place{})
	return p.all, p.problems
}

type stanzaReader struct {
	all      []*stanza
	current  *stanza
	broken   bool     // the current section's head is wrong: its lines would only repeat that
	comment  int      // depth of ";-- … --;"
	open     []string // the files being read, each included by the one before it
	problems Problems
}

func (r *stanzaReader) bad(p Problem) { r.problems = append(r.problems, p) }

func (r *stanzaReader) file(path string, from place) {
	body, err := os.ReadFile(path)
	if err != nil {
		why := cause(err)
		if errors.Is(err, fs.ErrNotExist) {
			why = errors.New("there is no such file")
		}
		if from.file == "" {
			r.bad(Problem{File: path, Text: why.Error()})
		} else {
			r.bad(from.bad("", "#include %s: %v", path, why))
		}
		return
	}
	outer := r.comment
	r.comment = 0
	r.open = append(r.open, path)
	at := place{file: path}
	for text := range strings.Lines(strings.TrimPrefix(string(body), "\ufeff")) {
		at.line++
		r.line(strings.TrimSpace(r.uncomment(strings.TrimRight(text, "\r\n"))), at)
	}
	r.open = r.open[:len(r.open)-1]
	if r.comment > 0 {
		r.bad(at.bad("", "a comment opened by ;-- is never closed: add --;"))
	}
	r.comment = outer
}

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
			r.current, r.broken = s, false
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

func (r *stanzaReader) setting(line string, at place) {
	name, value, ok := strings.Cut(line, "=")
	value, _ = strings.CutPrefix(value, ">")
	name = strings.TrimSpace(name)
	switch {
	case !ok:
		r.bad(at.bad("", "neither [section], #include nor name = value"))
	case name == "":
		r.bad(at.bad("", "a value without a name"))
	case strings.HasSuffix(name, "+"):
		r.bad(at.bad(strings.TrimRight(name, "+ "), "+= is not supported: write the whole value"))
	default:
		r.current.settings = append(r.current.settings, setting{name: name, value: strings.TrimSpace(value), at: at})
	}
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
		switch option = strings.TrimSpace(option); {
		case option == "!":
			s.template = true
		case option == "+" && old == nil:
			r.bad(at.bad("", "[%s](+) adds to a section that is not there yet", name))
			return nil, false
		case option == "+":
			s = old
		default:
			base := r.find(option)
			if base == nil {
				r.bad(at.bad("", "[%s] inherits from [%s], which is not defined above it", name, option))
				return nil, false
			}
			s.settings = append(s.settings, base.settings...)
		}
	}
	if s == old {
		return s, true
	}
	return r.add(s, old)
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

// directive reads #include and #tryinclude, relative to the directory of the including file; patterns are allowed.
func (r *stanzaReader) directive(line string, at place) {
	word, arg, _ := strings.Cut(line[1:], " ")
	arg = strings.Trim(strings.TrimSpace(arg), `"<>`)
	try := strings.EqualFold(word, "tryinclude")
	switch {
	case !try && !strings.EqualFold(word, "include"):
		r.bad(at.bad("", "#%s is not supported, only #include and #tryinclude", word))
		return
	case arg == "":
		r.bad(at.bad("", "#%s names no file", word))
		return
	case len(r.open) > maxInclude:
		r.bad(at.bad("", "#include nests deeper than %d files", maxInclude))
		return
	}
	if !filepath.IsAbs(arg) {
		arg = filepath.Join(filepath.Dir(at.file), arg)
	}
	files, err := filepath.Glob(arg)
	if err != nil {
		r.bad(at.bad("", "#include %s: %v", arg, err))
		return
	}
	if len(files) == 0 {
		if try {
			return
		}
		files = []string{arg}
	}
	for _, file := range files {
		if slices.Contains(r.open, file) {
			r.bad(at.bad("", "#include %s: the file would include itself", file))
			continue
		}
		r.file(file, at)
	}
}
