package filter_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/ami/filter"
)

const captures = "../../../testdata/captures"

var seedFlag = flag.Uint64("seed", 0, "the seed of the random tests; 0: a new one")

// random returns a generator whose seed is told if the test fails.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with: -seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

// ids names events: tests may come to the same set, which remembers what it was asked.
var ids atomic.Uint64

type event struct{ name, text []byte }

// recorded are the events of all captures.
var recorded = sync.OnceValue(func() (all []event) {
	events, err := capture.Events(captures)
	if err != nil {
		panic(err)
	}
	for _, m := range events {
		all = append(all, event{m.Get("Event"), m.Bytes()})
	}
	return all
})

// messages reads a recorded stream; a server stream begins with its banner.
func messages(t *testing.T, name string, mode ami.Mode) (all []*ami.Message) {
	t.Helper()
	f, err := os.Open(filepath.Join(captures, name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if mode == ami.Client {
		_, data, _ = bytes.Cut(data, []byte("\r\n"))
	}
	d := ami.NewDecoder(bytes.NewReader(data), mode)
	for {
		m, err := d.Decode()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(name, err)
		}
		all = append(all, m.Clone())
	}
}

func must(f *filter.Filter, err error) *filter.Filter {
	if err != nil {
		panic(err)
	}
	return f
}

func setOf(all ...*filter.Filter) *filter.Set {
	s := filter.None()
	for _, f := range all {
		s = s.With(f)
	}
	return s
}

func isOurs(err error) bool {
	return errors.Is(err, filter.ErrFormat) || errors.Is(err, filter.ErrCompile)
}
