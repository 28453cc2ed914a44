package ami_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// recording returns the bytes of one file of the captures, such as "command-action/alpha.ami".
func recording(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("../../testdata/captures", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(name, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(name, err)
	}
	return data
}

// recordings returns the names of all files of the captures with this ending.
func recordings(t testing.TB, ending string) []string {
	t.Helper()
	const root = "../../testdata/captures/"
	paths, err := filepath.Glob(root + "*/*" + ending + ".gz")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no captures %s: %v", ending, err)
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(p), root), ".gz")
	}
	return paths
}

// decoded is a message with the error that came with it.
type decoded struct {
	*ami.Message
	err error
}

// String shows a message as a test writes it: its lines, quoted where needed, and the error.
func (d decoded) String() string {
	var lines []string
	for i := range d.Len() {
		lines = append(lines, string(d.Line(i)))
	}
	s := strings.Join(lines, "|")
	if d.err != nil {
		s += "!" + d.err.Error()
	}
	return s
}

// decodeAll reads to the final error.
func decodeAll(d *ami.Decoder) (all []decoded, final error) {
	for {
		m, err := d.Decode()
		if m == nil {
			return all, err
		}
		if err != nil && !errors.Is(err, ami.ErrLineTooLong) && !errors.Is(err, ami.ErrTooManyLines) {
			return all, fmt.Errorf("a message came with %w", err)
		}
		all = append(all, decoded{m.Clone(), err})
	}
}

func texts(all []decoded) []string {
	s := []string{}
	for _, d := range all {
		s = append(s, d.String())
	}
	return s
}

// pieces is a reader that returns at most n bytes at a time.
type pieces struct {
	r io.Reader
	n int
}

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

// sameInPieces fails unless the input gives the same whatever the size of the reads, and returns it.
func sameInPieces(t *testing.T, in []byte, mode ami.Mode, sizes ...int) []decoded {
	t.Helper()
	want, wantErr := decodeAll(ami.NewDecoder(bytes.NewReader(in), mode))
	for _, n := range sizes {
		got, err := decodeAll(ami.NewDecoder(pieces{bytes.NewReader(in), n}, mode))
		if !errors.Is(err, wantErr) || !slices.Equal(texts(got), texts(want)) {
			t.Fatalf("by %d bytes: %q, %v; at once: %q, %v", n, texts(got), err, texts(want), wantErr)
		}
	}
	return want
}
