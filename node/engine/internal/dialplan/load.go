package dialplan

import (
	"fmt"
	"slices"
	"strings"
)

// Options are what a file is checked against.
type Options struct {
	Apps      []string                        // the applications there are, in any case; none: they are not checked
	Functions []string                        // what the engine has besides Functions()
	Check     func(app, args string) []string // what an application says of its arguments before it is run; may be nil
	// Env is asked for globals of an earlier load and for functions, where names, includes and [globals] use them; it is never written
	// to. nil: only what the file itself sets is known.
	Env Env
}

// Load reads extensions.conf. What is wrong is left out and told with its place, as Asterisk does; after a fatal problem there is no
// dialplan.
func Load(path string, o Options) (*Dialplan, []Problem) {
	sections, problems := Read(path)
	return build(sections, problems, o)
}

// Parse reads a dialplan out of a text that has no file, the built-in one for example. It may #include nothing.
func Parse(name, text string, o Options) (*Dialplan, []Problem) {
	sections, problems := ReadText(name, text)
	return build(sections, problems, o)
}

// ReadText cuts a text that has no file into sections, for Build. It may #include nothing.
func ReadText(name, text string) ([]*Section, []Problem) {
	r := &reader{alone: true}
	r.text(name, text)
	return r.all, r.problems
}

// Build makes a dialplan of sections that were read before.
func Build(sections []*Section, o Options) (*Dialplan, []Problem) { return build(sections, nil, o) }

func build(sections []*Section, problems []Problem, o Options) (*Dialplan, []Problem) {
	l := &loader{
		plan: &Dialplan{byName: map[string]*Context{}, AutoFallThrough: true}, problems: problems,
		apps: map[string]bool{}, functions: map[string]bool{}, ask: o.Check,
	}
	for _, name := range o.Apps {
		l.apps[strings.ToLower(name)] = true
	}
	for _, name := range slices.Concat(Functions(), o.Functions) {
		l.functions[name] = true
	}
	l.env = &loadEnv{Env: o.Env, l: l, globals: map[string]string{}}
	l.load(sections)
	for _, p := range l.problems {
		if p.Fatal {
			return nil, l.problems
		}
	}
	return l.plan, l.problems
}

type loader struct {
	plan      *Dialplan
	problems  []Problem
	apps      map[string]bool
	functions map[string]bool
	ask       func(app, args string) []string
	env       *loadEnv
	at        Place // of what is being read
}

func (l *loader) warn(at Place, format string, args ...any) {
	l.problems = append(l.problems, Problem{At: at, Text: fmt.Sprintf(format, args...)})
}

func (l *loader) load(sections []*Section) {
	for _, s := range sections {
		if s.Template {
			continue
		}
		switch {
		case strings.EqualFold(s.Name, "general"):
			for _, line := range s.Settings {
				l.general(line)
			}
		case strings.EqualFold(s.Name, "globals"):
			for _, line := range s.Settings {
				l.global(line)
			}
		}
	}
	for _, s := range sections {
		if !s.Template && !strings.EqualFold(s.Name, "general") && !strings.EqualFold(s.Name, "globals") {
			l.context(s)
		}
	}
	slices.Reverse(l.plan.Contexts)
	for _, c := range l.plan.Contexts {
		l.finish(c)
	}
}

// general takes the settings of [general]. What is not followed is told.
func (l *loader) general(s Setting) {
	switch strings.ToLower(s.Name) {
	case "static", "writeprotect": // about saving the dialplan, which nobody can here
	case "autofallthrough":
		l.plan.AutoFallThrough = isTrue(s.Value)
	case "clearglobalvars":
		l.plan.ClearGlobals = isTrue(s.Value)
	case "extenpatternmatchnew":
		if isTrue(s.Value) {
			l.warn(s.At, "extenpatternmatchnew is not supported: patterns are matched in the usual way, with the same results but for rare ties")
		}
	case "priorityjumping":
		l.warn(s.At, "priorityjumping is no more: applications set variables instead")
	case "overrideswitch":
		l.warn(s.At, "overrideswitch is not supported: extensions are looked for in contexts only")
	case "userscontext":
		l.warn(s.At, "userscontext is not supported: there is no users.conf")
	default:
		l.warn(s.At, "[general] has no setting %s", s.Name)
	}
}

// isTrue is Asterisk's ast_true.
func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "true", "y", "t", "1", "on":
		return true
	}
	return false
}

func (l *loader) global(s Setting) {
	if strings.HasSuffix(s.Name, ")") {
		l.warn(s.At, "%s: [globals] sets variables, not functions", s.Name)
		return
	}
	value := l.substitute(s.At, s.Value)
	l.env.globals[s.Name] = value
	l.plan.Globals = append(l.plan.Globals, Global{Name: s.Name, Value: value, At: s.At})
}

// substitute replaces globals and functions while the file is read.
func (l *loader) substitute(at Place, text string) string {
	l.at = at
	if needsWork(text) {
		l.checkFunctions(at, text)
	}
	return Substitute(l.env, text)
}

func (l *loader) context(s *Section) {
	if s.Name == "" {
		l.warn(s.At, "a context without a name is left out")
		return
	}
	c := l.plan.byName[s.Name]
	if c == nil {
		c = &Context{Name: s.Name, literals: map[string][]*Extension{}}
		l.plan.byName[s.Name] = c
		l.plan.Contexts = append(l.plan.Contexts, c)
	}
	lines := extenReader{loader: l, context: c, last: noPriority}
	for _, line := range s.Settings {
		switch name := strings.ToLower(line.Name); {
		case strings.HasPrefix(name, "same"):
			lines.same(line)
		case name == "exten":
			lines.exten(line)
		case name == "include":
			l.include(c, line)
		case name == "ignorepat":
			l.ignorePat(c, line)
		case name == "switch", name == "lswitch", name == "eswitch":
			l.warn(line.At, "%s is not supported: extensions are looked for in contexts only", line.Name)
		case name == "autohints":
			if isTrue(line.Value) {
				l.warn(line.At, "autohints is not supported: write the hints")
			}
		default:
			l.warn(line.At, "Unknown directive: %s: left out", line.Name)
		}
	}
}

func (l *loader) include(c *Context, s Setting) {
	name := l.substitute(s.At, s.Value)
	in := Include{Name: name, Target: name, At: s.At}
	if i := strings.IndexAny(name, "|,"); i >= 0 {
		in.Target = name[:i]
		var warnings []string
		in.Timing, warnings = ParseTiming(name[i+1:])
		for _, w := range warnings {
			l.warn(s.At, "include %s: %s", in.Target, w)
		}
		if name[i+1:] == "" {
			in.Timing = nil
		}
	}
	if slices.ContainsFunc(c.Includes, func(old Include) bool { return strings.EqualFold(old.Name, name) }) {
		l.warn(s.At, "Context '%s' already included in '%s' context", name, c.Name)
		return
	}
	c.Includes = append(c.Includes, in)
}

func (l *loader) ignorePat(c *Context, s Setting) {
	pattern := l.substitute(s.At, s.Value)
	if slices.Contains(c.IgnorePats, pattern) {
		l.warn(s.At, "ignorepat '%s' is there already", pattern)
		return
	}
	c.IgnorePats = append(c.IgnorePats, pattern)
}

// finish indexes a context, and checks what can be checked only when all is read.
func (l *loader) finish(c *Context) {
	for _, e := range c.Extensions {
		if strings.HasPrefix(e.Name, "_") {
			c.patterns = append(c.patterns, e)
		} else {
			number := string(appendUndashed(nil, e.Name))
			c.literals[number] = append(c.literals[number], e)
		}
	}
	if len(c.Includes) >= maxContexts {
		l.warn(c.Includes[0].At, "Context %s contains too many includes (%d). Maximum is %d.", c.Name, len(c.Includes), maxContexts)
	}
	for _, in := range c.Includes {
		if l.plan.byName[in.Target] == nil {
			l.warn(in.At, "Context '%s' tries to include nonexistent context '%s'", c.Name, in.Target)
		}
	}
}
