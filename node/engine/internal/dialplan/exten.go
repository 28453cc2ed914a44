package dialplan

import (
	"slices"
	"strings"
)

// noPriority stands before the first priority of a context.
const noPriority = -2

// extenReader reads the exten and same lines of one section.
type extenReader struct {
	*loader
	context *Context
	name    string // of the extension, with its caller id
	last    int    // priority
}

func (r *extenReader) exten(s Setting) {
	name, rest := cutExten(s.Value)
	r.name = r.substitute(s.At, name)
	r.step(s, rest)
}

func (r *extenReader) same(s Setting) {
	if r.name == "" {
		r.warn(s.At, "No previous pattern in the first entry of context '%s' to match '%s'", r.context.Name, s.Name)
		return
	}
	r.step(s, s.Value)
}

// cutExten cuts the extension off a line, at the first comma that is not in a set.
func cutExten(line string) (name, rest string) {
	square := 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '[':
			square++
		case c == ']':
			square = max(square-1, 0)
		case c == '\\':
			i++
		case c == ',' && square == 0:
			return line[:i], line[i+1:]
		}
	}
	return line, ""
}

// step reads "priority[(label)],application(arguments)".
func (r *extenReader) step(s Setting, rest string) {
	name, caller, matchCaller := strings.Cut(r.name, "/")
	e := &Extension{Name: unblank(name), MatchCaller: matchCaller, CallerID: unblank(shrinkNumber(caller))}
	priority, call, hasCall := strings.Cut(rest, ",")
	n, label, ok := r.priority(s, e, strings.TrimSpace(priority))
	if !ok {
		return
	}
	if e.Name == "" {
		r.warn(s.At, "an extension without a name is left out")
		return
	}
	if e.Name == "_." || e.Name == "_!" {
		r.warn(s.At, "The use of '%s' for an extension is strongly discouraged and can have unexpected behavior.  Please use '_X%c' instead",
			e.Name, e.Name[1])
	}
	if strings.HasPrefix(e.Name, "_") {
		r.checkPattern(s.At, e.Name)
	}
	r.last = n
	step := &Step{Context: r.context.Name, Exten: e.Name, Priority: n, Label: label, At: s.At}
	if !hasCall || strings.TrimSpace(call) == "" {
		r.warn(s.At, "extension %s, priority %s names no application", e.Name, priority)
	}
	step.App, step.Args = r.call(s, call)
	r.check(step)
	if n == Hint && !strings.HasPrefix(e.Name, "_") {
		step.App = r.hint(s.At, e.Name, step.App)
	}
	r.add(e, step)
}

// priority reads a number, n, s, hint or a label, each with "+number" maybe, and a label of its own in parentheses.
func (r *extenReader) priority(s Setting, e *Extension, text string) (n int, label string, ok bool) {
	text, label, hasLabel := strings.Cut(text, "(")
	if hasLabel {
		var closed bool
		if label, _, closed = strings.Cut(label, ")"); !closed {
			r.warn(s.At, "Label missing trailing ')'")
			return 0, "", false
		}
	}
	text, plus, _ := strings.Cut(text, "+")
	switch {
	case text == "hint":
		n = Hint
	case text == "n", text == "next", text == "s", text == "same":
		if r.last == noPriority {
			r.warn(s.At, "Can't use '%s' priority on the first entry", text)
			return 0, "", false
		}
		n = r.last
		if text[0] == 'n' {
			n++
		}
	default:
		var isNumber bool
		if n, _, isNumber = leadingInt(text); !isNumber {
			n = r.labelled(e, text)
		}
		if n < 1 {
			r.warn(s.At, "Invalid priority/label '%s'", text)
			return 0, "", false
		}
	}
	more, _, _ := leadingInt(plus)
	if n += more; n == 0 || n < Hint {
		r.warn(s.At, "Invalid priority '%s'", strings.TrimSpace(text+"+"+plus))
		return 0, "", false
	}
	return n, label, true
}

// labelled finds the priority of a label that the same extension has already.
func (r *extenReader) labelled(e *Extension, label string) int {
	if old, found := r.find(e); found && label != "" {
		if step := r.context.Extensions[old].label(label); step != nil {
			return step.Priority
		}
	}
	return 0
}

// call splits "App(args)": the arguments go up to the last ")". A hint may have variables with parentheses, and no arguments then.
func (r *extenReader) call(s Setting, text string) (app, args string) {
	app, args, hasArgs := strings.Cut(text, "(")
	switch {
	case !hasArgs || needsWork(app):
		return strings.TrimLeft(text, " \t"), ""
	case strings.LastIndexByte(args, ')') < 0:
		r.warn(s.At, "No closing parenthesis found? '%s(%s'", app, args)
	default:
		args = args[:strings.LastIndexByte(args, ')')]
	}
	return strings.TrimLeft(app, " \t"), args
}

// hint replaces what a hint refers to, once and for all.
func (r *extenReader) hint(at Place, exten, devices string) string {
	r.env.context, r.env.exten = r.context.Name, exten
	defer func() { r.env.context, r.env.exten = "", "" }()
	return r.substitute(at, devices)
}

// find looks an extension up in the order in which they are tried; where it is not, it belongs.
func (r *extenReader) find(e *Extension) (at int, found bool) {
	return slices.BinarySearchFunc(r.context.Extensions, e, compareExtensions)
}

// compareExtensions: of one number, those for a caller id come first.
func compareExtensions(a, b *Extension) int {
	switch c := compareExtens(a.Name, b.Name); {
	case c != 0:
		return c
	case a.MatchCaller && b.MatchCaller:
		return compareExtens(a.CallerID, b.CallerID)
	case a.MatchCaller:
		return -1
	case b.MatchCaller:
		return 1
	}
	return 0
}

func (r *extenReader) add(e *Extension, step *Step) {
	i, found := r.find(e)
	if !found {
		r.context.Extensions = slices.Insert(r.context.Extensions, i, e)
	}
	e = r.context.Extensions[i]
	if step.Label != "" {
		if old := e.label(step.Label); old != nil && old.Priority != step.Priority {
			r.warn(step.At, "Extension '%s' priority %d in '%s', label '%s' already in use at priority %d: the label is left out",
				e.Name, step.Priority, r.context.Name, step.Label, old.Priority)
			step.Label = ""
		}
	}
	at, taken := slices.BinarySearchFunc(e.Steps, step.Priority, func(s *Step, n int) int { return s.Priority - n })
	if taken {
		r.warn(step.At, "Unable to register extension '%s' priority %d in '%s', already in use at %v",
			e.Name, step.Priority, r.context.Name, e.Steps[at].At)
		return
	}
	e.Steps = slices.Insert(e.Steps, at, step)
}

// unblank drops the blanks outside of sets, which Asterisk does not keep.
func unblank(s string) string {
	if strings.IndexByte(s, ' ') < 0 {
		return s
	}
	var kept strings.Builder
	square, pattern := false, s[0] == '_'
	for i := range len(s) {
		switch s[i] {
		case '[':
			square = pattern
		case ']':
			square = false
		case ' ':
			if !square {
				continue
			}
		}
		kept.WriteByte(s[i])
	}
	return kept.String()
}

// shrinkNumber drops what people put into numbers: parentheses, blanks, points, and dashes outside of sets.
func shrinkNumber(s string) string {
	var kept strings.Builder
	square := 0
	for i := range len(s) {
		switch c := s[i]; c {
		case '[':
			square++
		case ']':
			square--
		case '-':
			if square == 0 {
				continue
			}
		case '(', ')', ' ':
			continue
		case '.':
			if i+1 < len(s) {
				continue // only the last one is a wildcard
			}
		}
		kept.WriteByte(s[i])
	}
	return kept.String()
}
