package capture

import (
	"fmt"
	"io/fs"
	"iter"
	"os"

	"github.com/amibus/amibus/proto/ami"
)

// Ref says where an event was recorded.
type Ref struct {
	Scenario, Instance string
	Index              int // in Capture.Messages
}

// String returns a name for messages of tests.
func (r Ref) String() string { return fmt.Sprintf("%s/%s#%d", r.Scenario, r.Instance, r.Index) }

// OpenAll reads every recording of every folder in dir, in the order of their names.
func OpenAll(dir string) ([]*Capture, error) {
	root := os.DirFS(dir)
	folders, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, err
	}
	var all []*Capture
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		sub, err := fs.Sub(root, f.Name())
		if err != nil {
			return nil, err
		}
		names, err := Instances(sub)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		for _, name := range names {
			c, err := Open(sub, name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name(), err)
			}
			c.Scenario = f.Name()
			all = append(all, c)
		}
	}
	return all, nil
}

// Events yields the events of all recordings below dir, see OpenAll. The messages must not be changed.
func Events(dir string) (iter.Seq2[Ref, *ami.Message], error) {
	all, err := OpenAll(dir)
	if err != nil {
		return nil, err
	}
	return func(yield func(Ref, *ami.Message) bool) {
		for _, c := range all {
			for i := range c.Messages {
				if c.Messages[i].Kind == Event && !yield(Ref{c.Scenario, c.Instance, i}, c.Messages[i].Text) {
					return
				}
			}
		}
	}, nil
}
