package dialplan

import (
	"errors"
	"strings"
)

var errNoChannel = errors.New("needs a channel")

// check tells what a step names that does not exist. Asterisk finds out when it gets there.
func (r *extenReader) check(step *Step) {
	if step.Priority != Hint && len(r.apps) > 0 && step.App != "" && !r.apps[strings.ToLower(step.App)] {
		r.warn(step.At, "there is no application '%s': a call ends here (extension %s, priority %d)", step.App, step.Exten, step.Priority)
	}
	if r.ask != nil && step.Priority != Hint {
		for _, said := range r.ask(step.App, step.Args) {
			r.warn(step.At, "%s", said)
		}
	}
	r.checkFunctions(step.At, step.App)
	r.checkFunctions(step.At, step.Args)
	switch {
	case strings.EqualFold(step.App, "Set"):
		r.checkAssigned(step.At, step.Args)
	case strings.EqualFold(step.App, "MSet"):
		for _, arg := range SplitArgs(step.Args, 0) {
			r.checkAssigned(step.At, arg)
		}
	}
}

// checkFunctions tells which functions do not exist of those that a text reads.
func (l *loader) checkFunctions(at Place, text string) {
	for {
		_, after, ok := strings.Cut(text, "${")
		if !ok {
			return
		}
		l.checkFunction(at, after)
		text = after
	}
}

func (l *loader) checkAssigned(at Place, assignment string) {
	if name, _, ok := strings.Cut(assignment, "="); ok && strings.HasSuffix(name, ")") {
		l.checkFunction(at, name)
	}
}

// checkFunction looks at a text that begins with a name.
func (l *loader) checkFunction(at Place, text string) {
	end := strings.IndexAny(text, "(){}[]:$ ,")
	if end > 0 && text[end] == '(' && !l.functions[text[:end]] {
		l.warn(at, "there is no function '%s': it is empty", text[:end])
	}
}

// checkPattern tells what no one can have meant.
func (l *loader) checkPattern(at Place, pattern string) {
	for rest := pattern[1:]; rest != ""; {
		c := rest[0]
		rest = rest[1:]
		switch c {
		case '[':
			_, after, ok := strings.Cut(rest, "]")
			if !ok {
				l.warn(at, "pattern %s has a set without its ]: it matches nothing", pattern)
				return
			}
			rest = after
		case '.', '!':
			if rest != "" {
				l.warn(at, "pattern %s: what follows %c does not count", pattern, c)
			}
			return
		}
	}
}

// HintText is what a hint stands for when somebody asks for exten: the devices, joined by "&", and the name. The hint of a pattern may
// use ${EXTEN}.
func HintText(env Env, step *Step, exten string) (devices, name string) {
	at := hintEnv{Env: env, context: step.Context, exten: exten}
	return Substitute(at, step.App), Substitute(at, step.Args)
}

type hintEnv struct {
	Env
	context, exten string
}

func (h hintEnv) Variable(name string) (string, bool) {
	switch name {
	case "CONTEXT":
		return h.context, true
	case "EXTEN":
		return h.exten, true
	}
	return h.Env.Global(name)
}
