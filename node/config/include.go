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

const (
	maxInclude = 10   // how deep #include may nest, as in Asterisk
	maxFiles   = 1000 // in all: files that include each other by patterns would be read for ever
	maxSize    = 16 << 20
)

// file reads one file; from is where it is included.
func (r *stanzaReader) file(path string, from place) {
	if r.files++; r.files > maxFiles {
		if r.files == maxFiles+1 {
			r.bad(from.bad("", "more than %d files are included", maxFiles))
		}
		return
	}
	body, err := readRegular(path)
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
	comment, current, broken := r.comment, r.current, r.broken
	r.comment, r.current = 0, r.latest // what stands before the file's first section belongs to the section before it
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
	r.comment, r.current, r.broken = comment, current, broken
}

// readRegular does not wait for a pipe, nor read a device for ever.
func readRegular(path string) ([]byte, error) {
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, err
	case info.Mode().IsDir(): // as reading it would say
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	case info.Size() > maxSize:
		return nil, fmt.Errorf("is larger than %d MiB", maxSize>>20)
	}
	return os.ReadFile(path)
}

// directive reads #include and #tryinclude, relative to the directory of the including file; patterns are allowed.
func (r *stanzaReader) directive(line string, at place) {
	word, arg := line[1:], ""
	if i := strings.IndexFunc(word, func(r rune) bool { return r <= ' ' }); i >= 0 {
		word, arg = word[:i], strings.Trim(strings.TrimSpace(word[i:]), `"<>`)
	}
	try := strings.EqualFold(word, "tryinclude")
	switch {
	case strings.EqualFold(word, "exec"):
		r.bad(at.bad("", "#exec is not supported: no program is run to read a file; write its output to a file and #include that"))
		return
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
		if r.files > maxFiles {
			return
		}
		if slices.Contains(r.open, file) {
			r.bad(at.bad("", "#include %s: the file would include itself", file))
			continue
		}
		r.file(file, at)
	}
}
