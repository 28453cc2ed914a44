package conffile

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// writer makes the texts of a file and those it includes.
type writer struct {
	f     *File
	texts map[string]*page
	own   map[*Section][]*Line // that are written
}

// page is one file while it is written, and the line it is at by the numbers of what was read.
type page struct {
	strings.Builder
	line int
}

// render returns the texts by name; the main file has none.
func (f *File) render(dir, name, generator string, now time.Time) *writer {
	w := &writer{f: f, texts: map[string]*page{}, own: map[*Section][]*Line{}}
	head := func(file, at string) {
		if w.texts[file] == nil {
			w.texts[file] = &page{line: 1}
			fmt.Fprintf(w.texts[file], ";!\n;! Automatically generated configuration file\n;! Filename: %s (%s)\n;! Generator: %s\n;! Creation Date: %s\n;!\n",
				name, path.Join(dir, at), generator, now.Format(time.ANSIC))
		}
	}
	for _, in := range f.includes {
		in.written = false
		for _, file := range in.files {
			head(file, file)
		}
	}
	head("", name)
	for _, s := range f.Sections {
		w.section(s)
	}
	for _, in := range f.includes {
		if !in.written {
			w.include(in)
			w.texts[in.in].comment(in.after)
		}
	}
	return w
}

func (w *writer) section(s *Section) {
	p := w.page(s.file, s.line)
	p.gap(s.before, s.line)
	p.comment(s.before)
	list := s.Bases()
	if s.Template {
		list = slices.Insert(list, 0, "!")
	}
	p.WriteString("[" + s.Name + "]")
	if len(list) > 0 {
		p.WriteString("(" + strings.Join(list, ",") + ")")
	}
	if s.beside == "" {
		p.WriteByte('\n')
	}
	p.WriteString(s.beside)
	p.comment(s.after)
	inherited := map[[2]string]bool{}
	for _, b := range s.bases {
		for _, l := range b.Lines {
			inherited[[2]string{strings.ToLower(l.Name), l.Value}] = true
		}
	}
	for _, l := range s.Lines {
		if !inherited[[2]string{strings.ToLower(l.Name), l.Value}] {
			w.own[s] = append(w.own[s], l)
			w.line(l)
		}
	}
}

func (w *writer) line(l *Line) {
	p := w.page(l.file, l.line)
	p.gap(l.before, l.line)
	p.comment(l.before)
	sign := "="
	if l.Object {
		sign = "=>"
	}
	name := escape(l.Name)
	if name[0] == '[' || name[0] == '#' || name[0] == '\\' {
		name = `\` + name
	}
	fmt.Fprintf(p, "%s %s %s", name, sign, escape(l.Value))
	if l.beside == "" {
		p.WriteByte('\n')
	} else {
		p.WriteString("  " + l.beside)
	}
	p.comment(l.after)
}

func escape(s string) string { return strings.ReplaceAll(s, ";", `\;`) }

// page returns where something of a file goes, behind the #include lines that stand before it.
func (w *writer) page(file string, line int) *page {
	for _, in := range w.f.includes {
		if in.in == file && line > in.line && !in.written {
			w.include(in)
		}
	}
	return w.texts[file]
}

func (w *writer) include(in *include) {
	p := w.texts[in.in]
	p.gap(in.before, in.line)
	p.comment(in.before)
	fmt.Fprintf(p, "#%s \"%s\"\n", in.directive, in.name)
	in.written = true
}

// gap makes the empty lines that were before a line. More than four are one: something was deleted there.
func (p *page) gap(before string, line int) {
	first := line - strings.Count(before, "\n")
	switch missing := first - p.line; {
	case missing < 0 || line == 0:
		return
	case missing < 5:
		p.WriteString(strings.Repeat("\n", missing))
	default:
		p.WriteByte('\n')
	}
	p.line = line + 1
}

// comment writes comments but for the head that every written file gets anew.
func (p *page) comment(text string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, ";!") {
			p.WriteString(line)
		}
	}
}

// check reads what would be written, and tells whether that is what is meant.
func (w *writer) check(name string) bool {
	again, ok, err := load(pages{w, name}, name)
	if !ok || err != nil || again.partial {
		return false
	}
	have := map[string][]string{}
	for _, s := range again.Sections {
		var own []*Line
		for _, l := range s.Lines {
			if !l.Inherited {
				own = append(own, l)
			}
		}
		have[s.Name] = append(have[s.Name], s.summary(own))
	}
	want := map[string][]string{}
	for _, s := range w.f.Sections {
		want[s.Name] = append(want[s.Name], s.summary(w.own[s]))
	}
	return maps.EqualFunc(have, want, slices.Equal)
}

func (s *Section) summary(own []*Line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %q\n", s.Template, s.Bases())
	for _, l := range own {
		fmt.Fprintf(&b, "%q=%q\n", strip(l.Name), strip(l.Value))
	}
	return b.String()
}

// pages is what would be written, as a source.
type pages struct {
	w    *writer
	main string
}

func (p pages) read(name string) (string, bool) {
	if t := p.w.texts[name]; t != nil && name != "" {
		return t.String(), true
	}
	if name == p.main {
		return p.w.texts[""].String(), true
	}
	return "", false
}

// glob gives an #include the files it was read from.
func (p pages) glob(name string) []string {
	for _, in := range p.w.f.includes {
		if path.Clean(in.name) == name {
			return in.files
		}
	}
	return nil
}
