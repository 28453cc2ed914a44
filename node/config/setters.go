package config

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// number is a whole number.
type number[T int | uint64] struct{ to *T }

func (t number[T]) set(d *decoder, key string, n *yaml.Node) {
	s, ok := d.scalar(key, n)
	if !ok {
		return
	}
	var err error
	switch to := any(t.to).(type) {
	case *int:
		*to, err = strconv.Atoi(s)
	case *uint64:
		*to, err = strconv.ParseUint(s, 10, 64)
	}
	if err != nil {
		d.bad(n.Line, key, "is %q, must be a whole number", s)
	}
}

// fraction is a number that need not be whole.
type fraction struct{ to *float64 }

func (t fraction) set(d *decoder, key string, n *yaml.Node) {
	s, ok := d.scalar(key, n)
	if !ok {
		return
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		d.bad(n.Line, key, "is %q, must be a number", s)
		return
	}
	*t.to = f
}

// truth is true or false.
type truth struct{ to *bool }

func (t truth) set(d *decoder, key string, n *yaml.Node) {
	s, ok := d.scalar(key, n)
	if !ok {
		return
	}
	if s != "true" && s != "false" {
		d.bad(n.Line, key, "is %q, must be true or false", s)
		return
	}
	*t.to = s == "true"
}

// named is a mapping of names that the user chooses, each a section.
type named[T any] struct {
	to   *map[string]T
	keys func(*T) section
}

func (t named[T]) set(d *decoder, key string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		d.bad(n.Line, key, "is a %s, must be a section of names", kindName(n))
		return
	}
	all := map[string]T{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], resolve(n.Content[i+1])
		full := key + "." + name.Value
		switch {
		case name.Kind != yaml.ScalarNode:
			d.bad(name.Line, key, "has a %s for a name", kindName(name))
			continue
		case d.origin.given(full):
			d.bad(name.Line, full, "is given twice, first in line %d; remove one", d.origin.lines[full])
			continue
		}
		d.origin.lines[full] = name.Line
		var v T
		if value.Tag != "!!null" {
			t.keys(&v).set(d, full, value)
		}
		all[name.Value] = v
	}
	*t.to = all
}

// several is a list of sections; each entry's line is known as key[index].
type several[T any] struct {
	to   *[]T
	keys func(*T) section
}

func (t several[T]) set(d *decoder, key string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		d.bad(n.Line, key, "is a %s, must be a list: [{…}, {…}]", kindName(n))
		return
	}
	all := make([]T, len(n.Content))
	for i, item := range n.Content {
		entry := fmt.Sprintf("%s[%d]", key, i)
		d.origin.lines[entry] = item.Line
		t.keys(&all[i]).set(d, entry, resolve(item))
	}
	*t.to = all
}
