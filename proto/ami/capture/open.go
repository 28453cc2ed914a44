package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// OpenDir reads the recording of instance from a folder.
func OpenDir(dir, instance string) (*Capture, error) {
	c, err := Open(os.DirFS(dir), instance)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if abs, err := filepath.Abs(dir); err == nil {
		c.Scenario = filepath.Base(abs)
	}
	return c, nil
}

// Open reads the recording of instance. Its stream and times must be there; without the sent bytes no answer is linked to an
// action.
func Open(fsys fs.FS, instance string) (*Capture, error) {
	stream, err := readFile(fsys, instance+".ami")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noSuchInstance(fsys, instance)
	}
	if err != nil {
		return nil, err
	}
	times, err := readFile(fsys, instance+".reads.jsonl")
	if err != nil {
		return nil, err
	}
	reads, err := parseReads(times, len(stream))
	if err != nil {
		return nil, fmt.Errorf("%s.reads.jsonl: %w", instance, err)
	}
	sent, err := readFile(fsys, instance+".sent")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	actions, err := parseActions(sent)
	if err != nil {
		return nil, fmt.Errorf("%s.sent: %w", instance, err)
	}
	c := &Capture{Instance: instance, Login: -1}
	if len(reads) > 0 {
		c.Start = reads[0].at
		c.Length = reads[len(reads)-1].at - c.Start
	}
	if err := c.parse(stream, reads, actions); err != nil {
		return nil, fmt.Errorf("%s.ami: %w", instance, err)
	}
	return c, nil
}

// Instances returns the names of the recordings in a folder, sorted.
func Instances(fsys fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(strings.TrimSuffix(e.Name(), ".gz"), ".ami"); ok && !e.IsDir() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func noSuchInstance(fsys fs.FS, instance string) error {
	names, err := Instances(fsys)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%s.ami: no such capture, and no other here either", instance)
	}
	return fmt.Errorf("%s.ami: no such capture; there are: %s", instance, strings.Join(names, ", "))
}

// readFile reads name, or else name.gz.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	plain, err := fs.ReadFile(fsys, name)
	if !errors.Is(err, fs.ErrNotExist) {
		return plain, err
	}
	f, err := fsys.Open(name + ".gz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: not here, nor as .gz: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s.gz: %w", name, err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%s.gz: %w", name, err)
	}
	return b, nil
}

// read says that all bytes before end had arrived at at.
type read struct {
	end int
	at  time.Duration
}

// parseReads checks that the reads cover the stream: without that every time in it would be wrong.
func parseReads(b []byte, size int) ([]read, error) {
	var reads []read
	end := 0
	for dec := json.NewDecoder(bytes.NewReader(b)); ; {
		var line struct {
			Off, Len int
			T        float64
		}
		if err := dec.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(reads)+1, err)
		}
		at := time.Duration(line.T * float64(time.Second))
		if n := len(reads); line.Off != end || line.Len < 0 || n > 0 && at < reads[n-1].at {
			return nil, fmt.Errorf("line %d: offset or time does not follow the line before", n+1)
		}
		end += line.Len
		reads = append(reads, read{end, at})
	}
	if end != size {
		return nil, fmt.Errorf("covers %d bytes, the stream has %d", end, size)
	}
	return reads, nil
}
