package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong, or (from Warnings) doubtful, in a configuration.
type Problem struct {
	File string // the file's name as it was given; empty when the Config was made in code
	Line int    // from 1; 0 when unknown
	Key  string // dotted, as bus.nats.urls; empty when it is about the whole file
	Text string // what is wrong and what to do
}

func (p Problem) Error() string {
	var where strings.Builder
	switch {
	case p.File != "" && p.Line > 0:
		fmt.Fprintf(&where, "%s:%d: ", p.File, p.Line)
	case p.File != "":
		where.WriteString(p.File + ": ")
	}
	if p.Key != "" {
		where.WriteString(p.Key + ": ")
	}
	return strings.ReplaceAll(where.String()+p.Text, "\n", " ") // one line each, whatever a key is called
}

// Problems is the error of Load, Validate and LoadManager: one line each, in the order of the file.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// err is nil when there is no problem.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps.sorted()
}

// sorted puts them in the order of each file; those about one line stay in the order they were found.
func (ps Problems) sorted() Problems {
	files := map[string]int{}
	for _, p := range ps {
		if _, ok := files[p.File]; !ok {
			files[p.File] = len(files)
		}
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Line, b.Line))
	})
	return ps
}

// origin says where in a file the keys of a Config stand.
type origin struct {
	file  string
	lines map[string]int // dotted key → line; only keys that were given
}

// given tells whether the file sets the key.
func (o origin) given(key string) bool { return o.lines[key] > 0 }

// problem is about the key, at its line or, when it is missing, at the line of the section where it belongs.
func (o origin) problem(key, format string, args ...any) Problem {
	p := Problem{File: o.file, Key: key, Text: fmt.Sprintf(format, args...)}
	for part := key; p.Line == 0 && part != ""; {
		p.Line = o.lines[part]
		part = part[:max(0, strings.LastIndexByte(part, '.'))]
	}
	if p.Line == 0 && o.file != "" {
		p.Line = 1
	}
	return p
}
