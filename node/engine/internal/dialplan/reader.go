package dialplan

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

// Section is one [section] of a file in Asterisk's dialect, with what it inherits from templates first.
type Section struct {
	Name     string
	Template bool
	Settings []Setting
	At       Place
}

// Setting is one "name = value" or "name => value" line.
type Setting struct {
	Name, Value string
	At          Place
}

// Problem is something wrong with a file. Fatal: the file cannot be used; else the line is left out, or means less than was written.
type Problem struct {
	At    Place
	Fatal bool
	Text  string
}

func (p Problem) String() string {
	kind := "warning"
	if p.Fatal {
		kind = "error"
	}
	if p.At.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", p.At.File, kind, p.Text)
	}
	return fmt.Sprintf("%v: %s: %s", p.At, kind, p.Text)
}

// Read reads a file in Asterisk's dialect and the files it includes.
func Read(path string) ([]*Section, []Problem) {
	r := &reader{}
	r.file(filepath.Clean(path), Place{})
	return r.all, r.problems
}

type reader struct {
	all      []*Section
	current  *Section
	broken   bool     // the current section's head is wrong: its lines would only repeat that
	comment  int      // depth of ";-- … --;"
	alone    bool     // there are no files
	open     []string // the files being read, each included by the one before it
	problems []Problem
}

func (r *reader) bad(at Place, format string, args ...any) {
	r.problems = append(r.problems, Problem{At: at, Fatal: true, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) file(path string, from Place) {
	body, err := os.ReadFile(path)
	if err != nil {
		var why error = err
		if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
			why = pathError.Err
		}
		if from.File == "" {
			r.bad(Place{File: path}, "cannot be read: %v", why)
		} else {
			r.bad(from, "#include %s: %v", path, why)
		}
		return
	}
	r.text(path, string(body))
}

func (r *reader) text(path, body string) {
	outer := r.comment
	r.comment = 0
	r.open = append(r.open, path)
	at := Place{File: path}
	for line := range strings.Lines(strings.TrimPrefix(body, "\ufeff")) {
		at.Line++
		r.line(strings.TrimSpace(r.uncomment(strings.TrimRight(line, "\r\n"))), at)
	}
	r.open = r.open[:len(r.open)-1]
	if r.comment > 0 {
		r.bad(at, "a comment opened by ;-- is never closed: add --;")
	}
	r.comment = outer
}

// uncomment returns what is left of a line without comments. "\;" is a semicolon.
func (r *reader) uncomment(line string) string {
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

func (r *reader) line(line string, at Place) {
	switch {
	case line == "":
	case line[0] == '[':
		r.current, r.broken = nil, true
		if s := r.head(line, at); s != nil {
			r.current, r.broken = s, false
		}
	case line[0] == '#':
		r.directive(line, at)
	case r.broken:
	case r.current == nil:
		r.bad(at, "a setting before the first [section]")
	default:
		r.setting(line, at)
	}
}

func (r *reader) setting(line string, at Place) {
	name, value, ok := strings.Cut(line, "=")
	value, _ = strings.CutPrefix(value, ">")
	name = strings.TrimSpace(name)
	switch {
	case !ok:
		r.bad(at, "neither [section], #include nor name = value")
	case name == "":
		r.bad(at, "a value without a name")
	case strings.HasSuffix(name, "+"):
		r.bad(at, "+= is not supported: write the whole value")
	default:
		r.current.Settings = append(r.current.Settings, Setting{Name: name, Value: strings.TrimSpace(value), At: at})
	}
}

// head reads "[name]" or "[name](!,base,+)". A name may come again: a context is the sum of its sections.
func (r *reader) head(line string, at Place) *Section {
	name, tail, ok := strings.Cut(line[1:], "]")
	if !ok {
		r.bad(at, "the section's name has no closing ]")
		return nil
	}
	s := &Section{Name: name, At: at}
	if tail = strings.TrimSpace(tail); tail != "" {
		list, isList := strings.CutPrefix(tail, "(")
		list, closed := strings.CutSuffix(list, ")")
		if !isList || !closed {
			r.bad(at, "[%s] is followed by something that is not a (list)", name)
			return nil
		}
		if s = r.options(s, list); s == nil {
			return nil
		}
	}
	if !slices.Contains(r.all, s) {
		r.all = append(r.all, s)
	}
	return s
}

// options applies "!", "+" and the names of templates.
func (r *reader) options(s *Section, list string) *Section {
	for option := range strings.SplitSeq(list, ",") {
		switch option = strings.TrimSpace(option); option {
		case "!":
			s.Template = true
		case "+":
			old := r.find(s.Name)
			if old == nil {
				r.bad(s.At, "[%s](+) adds to a section that is not there yet", s.Name)
				return nil
			}
			s = old
		default:
			base := r.find(option)
			if base == nil {
				r.bad(s.At, "[%s] inherits from [%s], which is not defined above it", s.Name, option)
				return nil
			}
			s.Settings = append(s.Settings, base.Settings...)
		}
	}
	return s
}

func (r *reader) find(name string) *Section {
	for _, s := range r.all {
		if strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// directive reads #include and #tryinclude, relative to the directory of the including file; patterns are allowed.
func (r *reader) directive(line string, at Place) {
	word, arg, _ := strings.Cut(line[1:], " ")
	arg = strings.Trim(strings.TrimSpace(arg), `"<>`)
	try := strings.EqualFold(word, "tryinclude")
	switch {
	case !try && !strings.EqualFold(word, "include"):
		r.bad(at, "#%s is not supported, only #include and #tryinclude", word)
		return
	case arg == "":
		r.bad(at, "#%s names no file", word)
		return
	case r.alone:
		r.bad(at, "#%s cannot be used here", word)
		return
	case len(r.open) > maxInclude:
		r.bad(at, "#include nests deeper than %d files", maxInclude)
		return
	}
	if !filepath.IsAbs(arg) {
		arg = filepath.Join(filepath.Dir(at.File), arg)
	}
	files, err := filepath.Glob(arg)
	if err != nil {
		r.bad(at, "#include %s: %v", arg, err)
		return
	}
	if len(files) == 0 && !try {
		files = []string{arg}
	}
	for _, file := range files {
		if slices.Contains(r.open, file) {
			r.bad(at, "#include %s: the file would include itself", file)
			continue
		}
		r.file(file, at)
	}
}
