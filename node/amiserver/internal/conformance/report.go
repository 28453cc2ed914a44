package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Path is where the document is, below the root of the module.
const Path = "docs/ami-conformance.md"

// Report is all that the document says.
type Report struct {
	Sections []Section
	Points   []Item
	Captures []CaptureDifference
	found    []directive
	wrong    []string // what could not be read
	pending  []string // items that nobody shows yet
}

// Section is a part of behaviour.md.
type Section struct {
	Title string
	Items []Item
}

// Item is a numbered fact, or a point of clients.md.
type Item struct {
	Number, Text string
	Shown        []directive
}

// verdict of an item: the strongest of what its tests say. Who differs in one thing and is the same in others differs.
func (i *Item) verdict() string {
	for _, kind := range []string{differs, same, client, na} {
		if slices.ContainsFunc(i.Shown, func(d directive) bool { return d.kind == kind }) {
			return kind
		}
	}
	return ""
}

// reasons of its tests, each once.
func (i *Item) reasons() (all []string) {
	for _, d := range i.Shown {
		if d.reason != "" && !slices.Contains(all, d.reason) {
			all = append(all, d.reason)
		}
	}
	return all
}

// Read reads the tests and the lists of items of a module.
func Read(root string) (*Report, error) {
	r := &Report{}
	behaviour, err := os.ReadFile(filepath.Join(root, "testdata/ami/behaviour.md"))
	if err != nil {
		return nil, err
	}
	clients, err := os.ReadFile(filepath.Join(root, "testdata/ami/clients.md"))
	if err != nil {
		return nil, err
	}
	pending, err := os.ReadFile(filepath.Join(root, "node/amiserver/internal/conformance/pending.txt"))
	if err != nil {
		return nil, err
	}
	r.pending = strings.Fields(string(pending))
	r.Sections, r.Points = parseBehaviour(string(behaviour)), parsePoints(string(clients))
	if err := r.scan(root); err != nil {
		return nil, err
	}
	r.assign()
	return r, nil
}

// assign gives each item the directives about it.
func (r *Report) assign() {
	for _, d := range r.found {
		list := r.items()
		if d.kind == client {
			list = r.points()
		}
		item := list[d.number]
		if item == nil {
			r.wrong = append(r.wrong, fmt.Sprintf("%s: //ami:%s %s: there is no such item", d.where(), d.kind, d.number))
			continue
		}
		item.Shown = append(item.Shown, d)
	}
}

func (r *Report) items() map[string]*Item {
	all := map[string]*Item{}
	for s := range r.Sections {
		for i := range r.Sections[s].Items {
			item := &r.Sections[s].Items[i]
			all[item.Number] = item
		}
	}
	return all
}

func (r *Report) points() map[string]*Item {
	all := map[string]*Item{}
	for i := range r.Points {
		all[r.Points[i].Number] = &r.Points[i]
	}
	return all
}

// Problems are what keeps the document from being complete and true.
func (r *Report) Problems() []string {
	all := slices.Clone(r.wrong)
	items := r.items()
	for _, number := range r.pending {
		if items[number] == nil {
			all = append(all, "pending.txt: there is no item "+number)
		}
	}
	check := func(i *Item) {
		pending := slices.Contains(r.pending, i.Number)
		switch v := i.verdict(); {
		case v == "" && !pending:
			all = append(all, fmt.Sprintf("item %s is shown by no test: %s", i.Number, i.Text))
		case v != "" && pending:
			all = append(all, fmt.Sprintf("item %s is shown: strike it off pending.txt", i.Number))
		case v != na && slices.ContainsFunc(i.Shown, func(d directive) bool { return d.kind == na }):
			all = append(all, fmt.Sprintf("item %s does not apply by one test, and does by another", i.Number))
		}
	}
	for s := range r.Sections {
		for i := range r.Sections[s].Items {
			check(&r.Sections[s].Items[i])
		}
	}
	for i := range r.Points {
		if point := &r.Points[i]; point.verdict() == "" {
			all = append(all, fmt.Sprintf("point %s of clients.md is shown by no test: %s", point.Number, point.Text))
		}
	}
	if n := len(r.Captures); n > maxCaptureDifferences {
		all = append(all, fmt.Sprintf("%d differences from the captures are listed, want at most %d", n, maxCaptureDifferences))
	}
	return all
}

// maxCaptureDifferences is how many differences from what a real Asterisk answered may be listed over all captures.
const maxCaptureDifferences = 10
