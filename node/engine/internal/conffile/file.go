package conffile

import (
	"errors"
	"strings"
)

const (
	maxFile    = 1 << 20 // bytes of a file
	maxFiles   = 100     // read for one
	maxSize    = 4 << 20 // bytes of all names and values, with what is inherited, and overhead a line
	overhead   = 16
	maxLine    = 8190 // bytes: a longer line is left out, as in Asterisk
	maxInclude = 10   // levels, as in Asterisk
	maxName    = 79   // bytes of a section's name, as in Asterisk: the rest is cut
	maxNested  = 128  // comments in comments
	maxInDir   = 1000 // files that Create makes room for
	Example    = "amitest.conf"
)

// Errors of a Dir.
var (
	ErrMissing = errors.New("no such file")
	ErrOutside = errors.New("outside of the directory")
	ErrInvalid = errors.New("not a configuration file")
	ErrSave    = errors.New("cannot be written")
)

// File is a file and those it includes.
type File struct {
	Sections []*Section
	includes []*include
	partial  bool // something was not read: it must not be written
	current  *Section
	size     int
}

// Section is one [section].
type Section struct {
	Name                  string
	Template              bool
	Lines                 []*Line
	bases                 []*Section
	file                  string // empty: the main one
	line                  int
	before, beside, after string // comments
}

// Line is one "name = value".
type Line struct {
	Name, Value           string
	Object                bool // written with "=>"
	Inherited             bool
	file                  string
	line                  int
	before, beside, after string
}

// include is one #include or #tryinclude.
type include struct {
	directive, name string
	in              string // the file it stands in
	line            int
	before, after   string
	files           []string // that were read for it
	written         bool
}

// Bases returns the names of the templates of a section, in order.
func (s *Section) Bases() []string {
	var names []string
	for _, b := range s.bases {
		names = append(names, b.Name)
	}
	return names
}

// inherit takes over what a template has. ok is false if that is too much.
func (f *File) inherit(s, base *Section) (ok bool) {
	s.bases = append(s.bases, base)
	for _, l := range base.Lines {
		if !f.grow(l.Name, l.Value) {
			return false
		}
		s.Lines = append(s.Lines, &Line{Name: l.Name, Value: l.Value, Object: l.Object, Inherited: true, file: s.file, line: l.line})
	}
	return true
}

// grow counts what is held. ok is false if it is too much.
func (f *File) grow(texts ...string) (ok bool) {
	f.size += overhead
	for _, t := range texts {
		f.size += len(t)
	}
	return f.size <= maxSize
}

// Get returns the first section of that name that fits a filter, nil if there is none.
func (f *File) Get(name, filter string) *Section { return f.get(name, filter, ',') }

func (f *File) get(name, filter string, sep byte) *Section {
	m := newMatcher(name, filter, sep)
	for _, s := range f.Sections {
		if m.fits(s) {
			return s
		}
	}
	return nil
}

// Matching returns the sections of that name (empty: of any) that fit a filter: "name=value,…" of regular expressions, and
// TEMPLATES=include or =restrict, without which a template does not fit.
func (f *File) Matching(name, filter string) (found []*Section) {
	m := newMatcher(name, filter, ',')
	for _, s := range f.Sections {
		if m.fits(s) {
			found = append(found, s)
		}
	}
	return found
}

func cut(name string) string { return name[:min(len(name), maxName)] }

func strip(s string) string { return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }) }
