package dialplan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Hint is the priority of a hint.
const Hint = -1

// maxContexts is how many contexts one search looks into, as in Asterisk.
const maxContexts = 128

// Place is where something was said.
type Place struct {
	File string
	Line int
}

func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Dialplan is all contexts. It never changes: a reload makes a new one. What it points to is for reading only.
type Dialplan struct {
	Contexts        []*Context // in the order of Asterisk's lists: the last one read first
	Globals         []Global   // what [globals] sets, in order
	AutoFallThrough bool       // a call at the end of an extension is hung up (the default), else it waits for digits
	ClearGlobals    bool       // a reload forgets the globals that are not set again

	byName map[string]*Context
}

// Global is a global variable that the file sets.
type Global struct {
	Name, Value string
	At          Place
}

// Context is a named set of extensions.
type Context struct {
	Name       string
	Extensions []*Extension // in the order in which they are tried
	Includes   []Include
	IgnorePats []string

	literals map[string][]*Extension // by number, without dashes
	patterns []*Extension
}

// Extension is all priorities of one number or pattern, for one caller id pattern.
type Extension struct {
	Name        string // as written, without blanks
	CallerID    string // the caller id it is for, if MatchCaller; "" is a call without one
	MatchCaller bool
	Steps       []*Step // by priority, a hint first
}

// Step is one priority: an application to run, or a hint.
type Step struct {
	Context  string
	Exten    string // the name of the extension, maybe a pattern
	Priority int    // Hint for a hint
	Label    string
	App      string // of a hint: the devices
	Args     string // not substituted yet; of a hint: the name
	At       Place
}

// Include takes the extensions of another context in, behind the own ones.
type Include struct {
	Name   string // as written: the context, and the timing if there is one
	Target string
	Timing *Timing // nil: always
	At     Place
}

// Query says what is looked for: a priority, or the label if there is one.
type Query struct {
	Context, Exten string
	Priority       int
	Label          string
	CallerID       string
	Time           time.Time // for includes with a timing; zero takes them all
	// Location finds the time zone that an include names; nil, or what it does not know, is that of Time.
	Location func(name string) *time.Location
}

// Miss says why there is nothing; what was nearest counts.
type Miss int

const (
	Found Miss = iota
	NoContext
	NoExtension
	NoPriority
	NoLabel
)

// Context returns the context of that name, or nil.
func (d *Dialplan) Context(name string) *Context { return d.byName[name] }

// Find looks up the step to run: in the context, then in its includes.
func (d *Dialplan) Find(q Query) (*Step, Miss) {
	s := search{plan: d, q: &q, miss: NoContext}
	if step := s.context(q.Context, modeMatch); step != nil {
		return step, Found
	}
	return nil, s.miss
}

// Exists reports whether there is something to run at priority 1, or at the one that is asked for.
func (d *Dialplan) Exists(q Query) bool {
	step, _ := d.Find(q)
	return step != nil
}

// CanMatch reports whether there is an extension that fits what was dialled, or would with more digits.
func (d *Dialplan) CanMatch(q Query) bool {
	s := search{plan: d, q: &q}
	return s.context(q.Context, modeCan) != nil
}

// MatchMore reports whether more digits could make another extension fit.
func (d *Dialplan) MatchMore(q Query) bool {
	s := search{plan: d, q: &q}
	return s.context(q.Context, modeMore) != nil
}

// Hint returns the hint of an extension, or nil. HintText says what it stands for.
func (d *Dialplan) Hint(context, exten string) *Step {
	step, _ := d.Find(Query{Context: context, Exten: exten, Priority: Hint})
	return step
}

// IgnorePattern reports whether the dial tone goes on after these digits.
func (d *Dialplan) IgnorePattern(context, dialled string) bool {
	c := d.byName[context]
	return c != nil && slices.ContainsFunc(c.IgnorePats, func(p string) bool { return MatchPattern(p, dialled) })
}

// search is one way through a context and its includes; no context is looked into twice.
type search struct {
	plan    *Dialplan
	q       *Query
	miss    Miss
	seen    int
	visited [maxContexts]*Context
}

func (s *search) context(name string, m mode) *Step {
	c := s.plan.byName[name]
	if c == nil || s.seen == maxContexts || slices.Contains(s.visited[:s.seen], c) {
		return nil
	}
	s.visited[s.seen] = c
	s.seen++
	s.nearer(NoExtension)
	step, final := s.own(c, m)
	if step != nil || final {
		return step
	}
	for i := range c.Includes {
		if in := &c.Includes[i]; s.open(in) {
			if step := s.context(in.Target, m); step != nil {
				return step
			}
		}
	}
	return nil
}

func (s *search) open(in *Include) bool {
	if in.Timing == nil || s.q.Time.IsZero() {
		return true
	}
	at := s.q.Time
	if in.Timing.Zone != "" && s.q.Location != nil {
		if zone := s.q.Location(in.Timing.Zone); zone != nil {
			at = at.In(zone)
		}
	}
	return in.Timing.Match(at)
}

// own searches a context without its includes. final: a "!" has decided that there is nothing more to wait for.
func (s *search) own(c *Context, m mode) (step *Step, final bool) {
	if m == modeMatch {
		return s.complete(c), false
	}
	for _, e := range c.Extensions {
		switch got := fit(e.Name, s.q.Exten, m); {
		case got == no || !e.fitsCaller(s.q.CallerID):
		case got == early && m == modeMore:
			return nil, true
		default:
			if step := s.step(e); step != nil {
				return step, false
			}
		}
	}
	return nil, false
}

// complete finds a literal by its number, then tries the patterns.
func (s *search) complete(c *Context) *Step {
	var literals []*Extension
	if number := s.q.Exten; strings.IndexByte(number, '-') < 0 {
		literals = c.literals[number]
	} else {
		var buf [64]byte
		literals = c.literals[string(appendUndashed(buf[:0], number))]
	}
	for _, e := range literals {
		if e.fitsCaller(s.q.CallerID) {
			if step := s.step(e); step != nil {
				return step
			}
		}
	}
	for _, e := range c.patterns {
		if fit(e.Name, s.q.Exten, modeMatch) != no && e.fitsCaller(s.q.CallerID) {
			if step := s.step(e); step != nil {
				return step
			}
		}
	}
	return nil
}

// step looks for the priority or label in an extension that fits. Without it the search goes on: that is Asterisk's way.
func (s *search) step(e *Extension) *Step {
	s.nearer(NoPriority)
	if s.q.Label != "" {
		s.nearer(NoLabel)
		return e.label(s.q.Label)
	}
	return e.priority(s.q.Priority)
}

func (s *search) nearer(m Miss) { s.miss = max(s.miss, m) }

func (e *Extension) fitsCaller(id string) bool {
	switch {
	case !e.MatchCaller:
		return true
	case id == "":
		return e.CallerID == ""
	}
	return MatchPattern(e.CallerID, id)
}

func (e *Extension) label(label string) *Step {
	for _, step := range e.Steps {
		if step.Label == label {
			return step
		}
	}
	return nil
}

func (e *Extension) priority(n int) *Step {
	if n >= 1 && n <= len(e.Steps) && e.Steps[n-1].Priority == n {
		return e.Steps[n-1]
	}
	i, ok := slices.BinarySearchFunc(e.Steps, n, func(step *Step, n int) int { return step.Priority - n })
	if !ok {
		return nil
	}
	return e.Steps[i]
}

func appendUndashed(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] != '-' {
			dst = append(dst, s[i])
		}
	}
	return dst
}
