package manager

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
)

// Commands about the dialplan.
func init() {
	addCommands(
		&entry{"dialplan show", "Show dialplan", "Usage: dialplan show [[exten@]context]\n       Show dialplan\n", dialplanShow},
		&entry{"dialplan reload", "Reload extensions and *only* extensions",
			"Usage: dialplan reload\n       Reads extensions.conf again. Global variables stay, unless it says\n       clearglobalvars=yes.\n", dialplanReload},
		&entry{"core show hints", "Show dialplan hints", "Usage: core show hints\n       Lists the extensions that have a hint, with their states.\n", showHints},
		&entry{"core show applications", "Shows registered dialplan applications",
			"Usage: core show applications [{like|describing} <text>]\n       Lists the applications, those with <text> in the name or in the description.\n",
			showApplications},
		&entry{"core show application", "Describe a specific dialplan application",
			"Usage: core show application <application> [<application> [<application> [...]]]\n       Describes applications.\n", showApplication},
		&entry{"core show functions [like]", "Shows registered dialplan functions",
			"Usage: core show functions [like <text>]\n       Lists the functions, those with <text> in the name.\n", showFunctions},
		&entry{"core show function", "Describe a specific dialplan function",
			"Usage: core show function <function>\n       Describes a function.\n", showFunction},
	)
}

// dialplanLister prints contexts as they come.
type dialplanLister struct {
	*cli
	listed
	exten string
	shown []bool // of the contexts that have begun: whether their head is printed
}

func dialplanShow(c *cli) verdict {
	if len(c.words) > 3 {
		return usage
	}
	l := &dialplanLister{cli: c}
	context := ""
	if len(c.words) == 3 {
		if exten, of, ok := strings.Cut(c.words[2], "@"); ok {
			l.exten, context = exten, of
		} else {
			context = c.words[2]
		}
	}
	plan := c.m.cfg.Plan()
	for item := range plan.Walk(context, l.exten) {
		l.item(item)
	}
	switch {
	case context != "" && plan.Context(context) == nil:
		c.print("There is no existence of '%s' context\n", context)
		return failure
	case l.exten != "" && l.extensions == 0 && context != "":
		c.print("There is no existence of %s@%s extension\n", l.exten, context)
		return failure
	case l.exten != "" && l.extensions == 0:
		c.print("There is no existence of '%s' extension in all contexts\n", l.exten)
		return failure
	}
	c.print("-= %d extension%s (%d %s) in %d context%s. =-\n", l.extensions, plural(l.extensions), l.priorities,
		map[bool]string{true: "priority", false: "priorities"}[l.priorities == 1], l.contexts, plural(l.contexts))
	return success
}

func (l *dialplanLister) item(item dialplan.Item) {
	switch {
	case item.Begins:
		l.shown = append(l.shown, false)
		if l.exten == "" {
			l.head(item)
		}
	case item.Ends:
		if l.shown[len(l.shown)-1] {
			l.print("\n")
		}
		l.shown = l.shown[:len(l.shown)-1]
	case item.Extension != nil:
		l.head(item)
		l.extension(item.Extension)
	case item.Include != nil:
		l.print("  Include =>        %-45s [%s]\n", "'"+item.Include.Name+"'", registrar)
	default:
		l.print("  Ignore pattern => %-45s [%s]\n", "'"+item.IgnorePat+"'", registrar)
	}
}

func (l *dialplanLister) head(item dialplan.Item) {
	if last := len(l.shown) - 1; !l.shown[last] {
		l.shown[last] = true
		l.contexts++
		what := "Context"
		if item.Included {
			what = "Included context"
		}
		l.print("[ %s '%s' created by '%s' ]\n", what, item.Context.Name, registrar)
	}
}

func (l *dialplanLister) extension(e *dialplan.Extension) {
	l.extensions++
	l.priorities += len(e.Steps)
	for i, s := range e.Steps {
		name, what := "", fmt.Sprintf("%d. %s(%s)", s.Priority, s.App, s.Args)
		switch {
		case i == 0 && e.MatchCaller:
			name = fmt.Sprintf("'%s' (CID match '%s') => ", e.Name, e.CallerID)
		case i == 0:
			name = "'" + e.Name + "' =>"
		case s.Label != "":
			name = "   [" + s.Label + "]"
		}
		if s.Priority == dialplan.Hint {
			what = "hint: " + s.App
		}
		l.print("  %-17s %-45s [%s:%d]\n", name, what, path.Base(s.At.File), s.At.Line)
	}
}

func dialplanReload(c *cli) verdict {
	if len(c.words) != 2 {
		return usage
	}
	if c.m.cfg.Reload != nil {
		if err := c.m.cfg.Reload(); err != nil {
			return c.wrong(err)
		}
	}
	c.print("Dialplan reloaded.\n")
	return success
}

func showHints(c *cli) verdict {
	if len(c.words) != 3 {
		return usage
	}
	var hints []pbx.ShownHint
	if err := c.look(func(p *pbx.PBX) { hints = p.ShownHints() }); err != nil {
		return c.wrong(err)
	}
	if len(hints) == 0 {
		c.print("There are no registered dialplan hints\n")
		return success
	}
	c.print("\n    -= Registered Asterisk Dial Plan Hints =-\n")
	for _, h := range hints {
		c.print("%-30.30s: %-60.60s  State:%-15.15s Presence:%-15.15s Watchers %2d\n", h.Exten+"@"+h.Context, h.Devices, h.State, "not_set", 0)
	}
	c.print("----------------\n- %d hints registered\n", len(hints))
	return success
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func showApplications(c *cli) verdict {
	like := len(c.words) == 5 && c.words[3] == "like"
	describing := len(c.words) > 4 && c.words[3] == "describing"
	kind := "Registered"
	if like || describing {
		kind = "Matching"
	}
	c.print("    -= %s Asterisk Applications =-\n", kind)
	n := 0
	for _, a := range applications() {
		switch {
		case like && !contains(a.name, c.words[4]),
			describing && slices.ContainsFunc(c.words[4:], func(word string) bool { return !contains(a.synopsis, word) }):
			continue
		}
		n++
		c.print("  %20s: %s\n", a.name, or(a.synopsis, "<Synopsis not available>"))
	}
	c.print("    -= %d Applications %s =-\n", n, kind)
	return success
}

func showApplication(c *cli) verdict {
	if len(c.words) < 4 {
		return usage
	}
	found := false
	for _, a := range applications() {
		if slices.ContainsFunc(c.words[3:], func(word string) bool { return strings.EqualFold(word, a.name) }) {
			found = true
			c.describe("Application", a)
		}
	}
	if !found {
		c.print("Your application(s) is (are) not registered\n")
		return failure
	}
	return success
}

// describe prints the short form of what Asterisk has pages about.
func (c *cli) describe(kind string, d doc) {
	c.print("\n  -= Info about %s '%s' =- \n\n[Synopsis]\n%s\n\n[Syntax]\n%s\n\n", kind, d.name, or(d.synopsis, "Not available"), or(d.syntax, "Not available"))
}

func showFunctions(c *cli) verdict {
	like := len(c.words) == 5 && c.words[3] == "like"
	if !like && len(c.words) != 3 {
		return usage
	}
	kind, matching := "Installed", ""
	if like {
		kind, matching = "Matching", "matching "
	}
	c.print("%s Custom Functions:\n%s\n", kind, strings.Repeat("-", 80))
	n := 0
	for _, f := range functions() {
		if !like || strings.Contains(f.name, c.words[4]) {
			n++
			c.print("%-20.20s  %-35.35s  %s\n", f.name, f.syntax, f.synopsis)
		}
	}
	c.print("%d %scustom functions installed.\n", n, matching)
	return success
}

func showFunction(c *cli) verdict {
	if len(c.words) != 4 {
		return usage
	}
	for _, f := range functions() {
		if f.name == c.words[3] {
			c.describe("Function", f)
			return success
		}
	}
	c.print("No function by that name registered.\n")
	return failure
}
