package filter_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/amibus/amibus/proto/ami/filter"
)

// spec is a filter as a user means it.
type spec struct {
	exclude                       bool
	name, header, method, pattern string
}

// naive is the evaluator that the text of ami/behaviour.md 8 describes, one filter after the other, from the strings.
type naive []spec

func (n naive) pass(name, text string) bool {
	includes, included, excluded := 0, false, false
	for _, f := range n {
		m := f.matches(name, text)
		if f.exclude {
			excluded = excluded || m
			continue
		}
		includes++
		included = included || m
	}
	return !excluded && (includes == 0 || included)
}

func (f spec) matches(name, text string) bool {
	if f.name != "" && f.name != name {
		return false
	}
	if f.header == "" {
		return f.compare(text)
	}
	for _, line := range strings.Split(text, "\n") {
		value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\r"), strings.TrimSuffix(f.header, ":")+":")
		value = strings.TrimLeft(value, " \t")
		if ok && value != "" && f.compare(value) {
			return true
		}
	}
	return false
}

func (f spec) compare(s string) bool {
	switch f.method {
	case "regex":
		return compiled(f.pattern).MatchString(s)
	case "exact":
		return s == f.pattern
	case "starts_with":
		return strings.HasPrefix(s, f.pattern)
	case "ends_with":
		return strings.HasSuffix(s, f.pattern)
	case "contains":
		return strings.Contains(s, f.pattern)
	}
	return true
}

var cache sync.Map

func compiled(pattern string) *regexp.Regexp {
	re, ok := cache.Load(pattern)
	if !ok {
		re, _ = cache.LoadOrStore(pattern, regexp.MustCompile("(?s)"+pattern))
	}
	return re.(*regexp.Regexp)
}

// compile spells the filter in one of the ways that mean it.
func (f spec) compile(r *rand.Rand) *filter.Filter {
	if f.name == "" && f.header == "" && f.method == "regex" && r.IntN(4) > 0 {
		if f.exclude {
			return must(filter.Legacy("!" + f.pattern))
		}
		return must(filter.Legacy(f.pattern))
	}
	var options []string
	pattern := f.pattern
	switch {
	case f.exclude && r.IntN(2) == 0:
		pattern = "!" + pattern
	case f.exclude:
		options = append(options, "action(exclude)")
	case r.IntN(3) == 0:
		options = append(options, "action(include)")
	}
	if f.name != "" {
		options = append(options, "name("+f.name+")")
	}
	if f.header != "" {
		options = append(options, "header("+f.header+")")
	}
	if f.method != "none" || r.IntN(2) == 0 {
		options = append(options, "method("+f.method+")")
	}
	r.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	if r.IntN(2) == 0 {
		return must(filter.Advanced(strings.Join(options, ","), pattern))
	}
	return must(filter.Parse("eventfilter("+strings.Join(options, " , ")+")", pattern))
}

// randomSpec makes a filter of what an event has in it, so that it may well match.
func randomSpec(r *rand.Rand, all []event) spec {
	e := all[r.IntN(len(all))]
	lines := strings.Split(strings.TrimSpace(string(e.text)), "\r\n")
	header, value, _ := strings.Cut(lines[r.IntN(len(lines))], ":")
	if strings.ContainsAny(header, " ,()") || header == "" {
		header = "Event"
	}
	f := spec{exclude: r.IntN(2) == 0, method: []string{"none", "regex", "exact", "starts_with", "ends_with", "contains"}[r.IntN(6)]}
	if r.IntN(2) == 0 {
		f.name = string(e.name)
	}
	f.header = []string{"", header, header + ":", header[:r.IntN(len(header)+1)]}[r.IntN(4)]
	if f.name == "" && f.header == "" && f.method == "none" {
		f.name = string(e.name)
	}
	value = strings.TrimSpace(value)
	if f.header == "" {
		value = []string{"Event: " + string(e.name), header + ": " + value, value}[r.IntN(3)]
	}
	if value == "" {
		value = "1"
	}
	from, to := 0, len(value)
	if f.method != "exact" && r.IntN(2) == 0 {
		from, to = r.IntN(len(value)), 1+r.IntN(len(value))
	}
	switch f.pattern = value[min(from, to-1):max(from+1, to)]; f.method {
	case "none":
		f.pattern = ""
	case "regex":
		f.pattern = randomRegex(r, f.pattern)
	}
	if strings.HasPrefix(f.pattern, "!") {
		f.pattern = "a" // the ! would be taken off
	}
	return f
}

// randomRegex is one of ERE that says the same in Go.
func randomRegex(r *rand.Rand, s string) string {
	q := regexp.QuoteMeta(s)
	switch r.IntN(9) {
	case 0:
		return "^" + q
	case 1:
		return q + "$"
	case 2:
		return ".*" + q + ".*"
	case 3:
		return "(" + q + "|Channel: SIP|Cause: (1|17))"
	case 4:
		return "[xy]?" + q + "[0-9]*"
	case 5:
		return "^Event: (Newchannel|Var|[A-D]).*" + q
	case 6:
		return "(^|: )[A-Z]+[^a-z]{2,3}"
	case 7:
		return "^" + q + "$"
	}
	return q
}

// TestSetIsNaive: what a set compiles to lets the same events through as its filters one after the other, on every recorded event.
//
//ami:same 8.2 8.4 8.6 8.7 8.9 8.10 8.11
//ami:differs 8.8 the name is compared, not a hash of it: another name with the same hash does not match
func TestSetIsNaive(t *testing.T) {
	t.Parallel()
	r, all := random(t), recorded()
	passed, dropped := 0, 0
	for round := range 100 {
		var specs naive
		set := filter.None()
		for range 1 + r.IntN(12) {
			f := randomSpec(r, all)
			specs = append(specs, f)
			set = set.With(f.compile(r))
		}
		for range 200 {
			e := all[r.IntN(len(all))]
			want := specs.pass(string(e.name), string(e.text))
			id := uint64(0)
			if round%2 == 0 {
				id = ids.Add(1)
			}
			if got := set.Pass(id, e.name, e.text); got != want || set.Pass(id, e.name, e.text) != want {
				t.Fatalf("%+v: %v, want %v, for\n%q", specs, got, want, e.text)
			}
			if want {
				passed++
			} else {
				dropped++
			}
		}
	}
	if passed < 2000 || dropped < 2000 {
		t.Errorf("%d events passed, %d did not: the filters are one-sided", passed, dropped)
	}
}

// TestEveryEvent: a few sets that are in use, over all recorded events.
func TestEveryEvent(t *testing.T) {
	t.Parallel()
	for _, specs := range []naive{
		{{method: "regex", pattern: "Event: Newchannel"}, {method: "regex", pattern: "Event: Hangup"}},
		{{exclude: true, method: "regex", pattern: "Event: VarSet"}, {exclude: true, method: "regex", pattern: "Event: (RTCP|Newexten|Cel)"}},
		{{name: "Newexten", header: "Application", method: "exact", pattern: "Dial"}, {header: "Cause", method: "none"},
			{exclude: true, header: "Channel", method: "starts_with", pattern: "Local/"}},
	} {
		set, r := filter.None(), random(t)
		for _, f := range specs {
			set = set.With(f.compile(r))
		}
		n := 0
		for _, e := range recorded() {
			want := specs.pass(string(e.name), string(e.text))
			if set.Pass(ids.Add(1), e.name, e.text) != want {
				t.Fatalf("%+v: want %v for\n%q", specs, want, e.text)
			}
			if want {
				n++
			}
		}
		if n == 0 || n == len(recorded()) {
			t.Error(fmt.Sprint(specs), "lets through", n)
		}
	}
}
