package conffile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Dir is a directory of configuration files. It is safe for concurrent use.
type Dir struct {
	path string
	mu   sync.Mutex // held while files change
}

// NewDir returns the Dir of a path; of none, it has no files.
func NewDir(dir string) *Dir { return &Dir{path: dir} }

// Load reads a file and what it includes.
func (d *Dir) Load(name string) (*File, error) {
	root, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return d.load(root, strip(name))
}

func (d *Dir) load(root *os.Root, name string) (*File, error) {
	f, ok, err := load(disk{root, d.path}, name)
	if !ok {
		return nil, ErrMissing
	}
	return f, err
}

// Update reads a file, lets edit change it, and writes it under a name. An error of edit leaves all as it is.
func (d *Dir) Update(from, to, generator string, now time.Time, edit func(*File) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	root, err := d.open(to)
	if err != nil {
		return err
	}
	defer root.Close()
	if !plain(from) {
		return ErrOutside
	}
	from, to = strip(from), strip(to)
	f, err := d.load(root, from)
	if err != nil {
		return err
	}
	if err := edit(f); err != nil {
		return err
	}
	if f.partial || full(root, to) {
		return ErrSave
	}
	w := f.render(d.path, to, generator, now)
	if w.tooMuch() || !w.check(to) {
		return ErrSave
	}
	return w.save(root, to)
}

// Create makes an empty file. The error of the system is a syscall.Errno.
func (d *Dir) Create(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	root, err := d.open(name)
	if err != nil {
		return err
	}
	defer root.Close()
	if full(root, strip(name)) {
		return syscall.ENOSPC
	}
	f, err := root.OpenFile(strip(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// full tells whether there is no room for a file that is not there yet.
func full(root *os.Root, name string) bool {
	if _, err := root.Lstat(name); err == nil {
		return false
	}
	all, err := fs.ReadDir(root.FS(), ".")
	return err == nil && len(all) >= maxInDir
}

const example = `; An example for GetConfig, UpdateConfig and their like: nothing reads it.

[general]
setting = value
setting = value2
path = /some/where

[section-one](!)
key1 = one
key2 = two words here
key3 = three

[derived](section-one)
emp =
`

// Seed makes the example if it is not there.
func (d *Dir) Seed() error {
	if err := d.Create(Example); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.WriteFile(Example, []byte(example), 0o644)
}

// plain tells whether a name is one of a file of the directory itself.
func plain(name string) bool {
	name = strip(name)
	return name != "" && name != ".." && name != "." && !strings.ContainsAny(name, "/\\\x00")
}

func (d *Dir) open(name string) (*os.Root, error) {
	switch {
	case !plain(name):
		return nil, ErrOutside
	case d.path == "":
		return nil, ErrMissing
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return nil, ErrMissing
	}
	return root, nil
}

// disk is the directory as a source.
type disk struct {
	root *os.Root
	dir  string
}

func (d disk) read(name string) (string, bool) {
	info, err := d.root.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return "", false
	}
	f, err := d.root.Open(name)
	if err != nil {
		return "", false
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	return string(body), err == nil && len(body) <= maxFile
}

// glob finds files by a pattern; a whole path is one of the directory.
func (d disk) glob(name string) []string {
	if path.IsAbs(name) {
		rel, err := filepath.Rel(d.dir, name)
		if err != nil {
			return nil
		}
		name = filepath.ToSlash(rel)
	}
	if !fs.ValidPath(name) {
		return nil
	}
	if !strings.ContainsAny(name, "*?[") {
		return []string{name}
	}
	found, err := fs.Glob(d.root.FS(), name)
	if err != nil {
		return nil
	}
	return found[:min(len(found), maxFiles+1)]
}

func (w *writer) tooMuch() bool {
	for _, p := range w.texts {
		if p.Len() > maxFile {
			return true
		}
	}
	return false
}

// save puts the texts in the place of the files: all are written before the first is replaced.
func (w *writer) save(root *os.Root, main string) error {
	temps := map[string]string{}
	defer func() {
		for _, temp := range temps {
			_ = root.Remove(temp)
		}
	}()
	for i, name := range w.names() {
		target := name
		if name == "" {
			target = main
		}
		mode := fs.FileMode(0o644)
		if info, err := root.Lstat(target); err == nil {
			if !info.Mode().IsRegular() { // a link would be replaced, not what it leads to
				return ErrSave
			}
			mode = info.Mode().Perm()
		}
		temp := path.Join(path.Dir(target), fmt.Sprintf(".%s.%d.tmp", path.Base(target), i))
		_ = root.Remove(temp)
		temps[target] = temp
		if err := root.WriteFile(temp, []byte(w.texts[name].String()), mode); err != nil {
			return errors.Join(ErrSave, err)
		}
		if err := root.Chmod(temp, mode); err != nil {
			return errors.Join(ErrSave, err)
		}
	}
	for target, temp := range temps {
		if err := root.Rename(temp, target); err != nil {
			return errors.Join(ErrSave, err)
		}
		delete(temps, target)
	}
	return nil
}

func (w *writer) names() []string {
	var names []string
	for name := range w.texts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
