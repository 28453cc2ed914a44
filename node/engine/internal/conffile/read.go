package conffile

import (
	"strings"
)

// source is where the text of a file comes from.
type source interface {
	// read returns a text. ok is false if there is no such file.
	read(name string) (text string, ok bool)
	// glob returns the files that a name in an #include stands for.
	glob(name string) []string
}

// loader reads a file and what it includes.
type loader struct {
	f     *File
	from  source
	depth int
	reads int
	seen  map[string]bool
}

// load reads a file. ok is false if there is no such file; err says that it is not one of configuration.
func load(from source, name string) (f *File, ok bool, err error) {
	l := &loader{f: &File{}, from: from, seen: map[string]bool{}}
	found, valid := l.files([]string{name}, true)
	switch {
	case len(found) == 0:
		return nil, false, nil
	case !valid:
		return nil, true, ErrInvalid
	}
	return l.f, true, nil
}

// files reads those that are there, as one text; main: it is the first of all.
func (l *loader) files(names []string, main bool) (found []string, valid bool) {
	t := text{loader: l, section: l.f.current}
	for _, name := range names {
		body, ok := l.from.read(name)
		if !ok {
			continue
		}
		found = append(found, name)
		if l.reads++; l.reads > maxFiles {
			return found, false
		}
		if l.seen[name] {
			l.f.partial = true // it could not be told afterwards what came of which reading
		}
		l.seen[name] = true
		if t.file = name; main {
			t.file = ""
		}
		if !t.read(body) {
			return found, false
		}
	}
	return found, true
}

// text is what a file is while it is read.
type text struct {
	*loader
	file    string
	line    int
	depth   int // of comments
	before  strings.Builder
	beside  string
	section *Section // that lines go to
	// Comments at the end of the file belong to what came last.
	lastSection *Section
	lastLine    *Line
	lastInclude *include
}

func (t *text) read(body string) (valid bool) {
	t.line = 0
	for line := range strings.Lines(strings.TrimPrefix(body, "\ufeff")) {
		t.line++
		if !strings.HasSuffix(line, "\n") {
			line += "\n"
		}
		if len(line) > maxLine+1 {
			t.f.partial = true
			continue
		}
		line, _, _ = strings.Cut(line, "\x00")
		t.before.WriteString(t.beside)
		t.beside = ""
		if strings.Trim(line, " \t\r\n") == "" {
			t.before.WriteByte('\n')
			continue
		}
		if kept := strip(t.uncomment(line)); kept != "" && !t.entry(kept) {
			t.f.partial = true
			return false
		}
	}
	t.end()
	return true
}

// end hangs the comments at the end of a file on what came last.
func (t *text) end() {
	if t.depth > 0 {
		t.f.partial = true
	}
	before, beside := t.comments()
	rest := before + beside
	switch {
	case t.lastSection != nil:
		t.lastSection.after = rest
	case t.lastLine != nil:
		t.lastLine.after = rest
	case t.lastInclude != nil:
		t.lastInclude.after = rest
	}
	t.lastSection, t.lastLine, t.lastInclude = nil, nil, nil
}

// comments takes what was collected: the comments before an entry, and the one beside it.
func (t *text) comments() (before, beside string) {
	before, beside = t.before.String(), t.beside
	t.before.Reset()
	t.beside = ""
	return before, beside
}

// uncomment returns what is left of a line, and keeps its comments. "\;" is a semicolon.
func (t *text) uncomment(line string) string {
	var kept []byte
	from, block := 0, 0 // where the search for a comment begins, and where the one that is open does in this line
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c != ';' {
			if t.depth == 0 {
				kept = append(kept, c)
			}
			continue
		}
		switch rest := line[i:]; {
		case i > from && line[i-1] == '\\':
			if t.depth == 0 {
				kept[len(kept)-1] = ';'
			}
			from = i + 1
		case strings.HasPrefix(rest, ";--") && !strings.HasPrefix(rest, ";---") && t.depth < maxNested:
			if t.depth == 0 {
				block = i
			}
			t.depth++
			i += 2
			from = i + 1
		case t.depth > 0 && i >= from+2 && line[i-1] == '-' && line[i-2] == '-':
			from = i + 1
			if t.depth--; t.depth == 0 {
				t.before.WriteString(line[block:from] + "\n")
			}
		case t.depth == 0:
			return t.lineComment(line, kept, from, i)
		default:
			from = i + 1
		}
	}
	if t.depth > 0 {
		t.before.WriteString(line[block:])
	}
	return string(kept)
}

// lineComment keeps a comment up to the end of the line, with the blanks before it but for the two that are written anyway.
func (t *text) lineComment(line string, kept []byte, from, at int) string {
	start := at
	for start > from && strings.IndexByte(" \t\v\f\r", line[start-1]) >= 0 {
		start--
	}
	kept = kept[:len(kept)-(at-start)]
	if start != from && strings.HasPrefix(line[start:], "  ") {
		start += 2
	}
	t.beside = line[start:]
	return string(kept)
}
