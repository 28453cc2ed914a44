package conffile

import (
	"fmt"
	"slices"
	"strings"
)

// Add puts a section at the end, or before the first one of a name. ok is false if there is none of that name.
func (f *File) Add(name string, template bool, bases []*Section, before string) (ok bool) {
	at := len(f.Sections)
	if before != "" {
		at = slices.IndexFunc(f.Sections, func(s *Section) bool { return strings.EqualFold(s.Name, before) })
		if at < 0 {
			return false
		}
	}
	s := &Section{Name: cut(name), Template: template, line: -1}
	for _, base := range bases {
		if !f.inherit(s, base) {
			return false
		}
	}
	f.Sections = slices.Insert(f.Sections, at, s)
	return f.grow(name)
}

// Delete takes sections out. Who inherits from one keeps its values.
func (f *File) Delete(gone []*Section) {
	isGone := map[*Section]bool{}
	for _, s := range gone {
		isGone[s] = true
	}
	f.Sections = slices.DeleteFunc(f.Sections, func(s *Section) bool { return isGone[s] })
	for _, s := range f.Sections {
		s.bases = slices.DeleteFunc(s.bases, func(b *Section) bool { return isGone[b] })
	}
}

// Rename gives a section another name.
func (s *Section) Rename(name string) { s.Name = cut(name) }

// Append puts a line at the end of a section.
func (f *File) Append(s *Section, name, value string, object bool) (ok bool) {
	s.Lines = append(s.Lines, &Line{Name: name, Value: value, Object: object, file: s.file})
	return f.grow(name, value)
}

// Insert puts a line behind the first n of a section, or at its end if there are fewer; what is no number changes nothing.
func (f *File) Insert(s *Section, name, value, n string) (ok bool) {
	at, isNumber := number(n)
	if !isNumber {
		return true
	}
	if at < 0 {
		at = 1
	}
	s.Lines = slices.Insert(s.Lines, min(at, len(s.Lines)), &Line{Name: name, Value: value, file: s.file})
	return f.grow(name, value)
}

// Update sets the first line of a name, and of a value if match is one. found is false if there is none.
func (f *File) Update(s *Section, name, value, match string, object bool) (found bool) {
	for _, l := range s.Lines {
		if strings.EqualFold(l.Name, name) && (match == "" || strings.EqualFold(l.Value, match)) {
			l.Name, l.Value, l.Object = name, value, l.Object || object
			return f.grow(name, value)
		}
	}
	return false
}

// Remove takes out the line of a number, or the lines of a name, and of a value if match is one. found is false if there is none.
func (s *Section) Remove(name, match, n string) (found bool) {
	before := len(s.Lines)
	if n == "" {
		s.Lines = slices.DeleteFunc(s.Lines, func(l *Line) bool {
			return strings.EqualFold(l.Name, name) && (match == "" || strings.EqualFold(l.Value, match))
		})
	} else if at, ok := number(n); ok && at >= 0 && at < len(s.Lines) {
		s.Lines = slices.Delete(s.Lines, at, at+1)
	}
	return len(s.Lines) < before
}

// number reads the digits that a text begins with.
func number(s string) (n int, ok bool) {
	_, err := fmt.Sscanf(s, "%d", &n)
	return n, err == nil
}
