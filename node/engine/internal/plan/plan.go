// Package plan makes a loaded dialplan what the PBX runs: it stands between the language of extensions.conf (package dialplan), which
// runs nothing, and the machine that runs it (package pbx), which reads no files.
package plan

import (
	"slices"
	"strings"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
)

// Of returns a loaded dialplan as the PBX sees it.
func Of(d *dialplan.Dialplan) pbx.Dialplan { return plan{d} }

type plan struct{ *dialplan.Dialplan }

func (p plan) Find(q pbx.Query) (pbx.Step, bool) {
	step, _ := p.Dialplan.Find(query(q))
	if step == nil || step.Priority == dialplan.Hint {
		return pbx.Step{}, false
	}
	return pbx.Step{Priority: step.Priority, App: step.App, Args: step.Args}, true
}

// Hints are in the order of the file: a context's are sorted, the contexts are kept the last one first.
func (p plan) Hints() (out []pbx.Hint) {
	for _, c := range slices.Backward(p.Contexts) {
		for _, e := range c.Extensions {
			if step := e.Steps[0]; step.Priority == dialplan.Hint && !strings.HasPrefix(e.Name, "_") {
				out = append(out, pbx.Hint{Context: c.Name, Exten: e.Name, Devices: step.App})
			}
		}
	}
	return out
}

func (p plan) Hint(context, exten string, vars pbx.Vars) (pbx.Hint, bool) {
	step := p.Dialplan.Hint(context, exten)
	if step == nil {
		return pbx.Hint{}, false
	}
	h := pbx.Hint{Context: step.Context, Exten: step.Exten, Devices: step.App}
	if strings.HasPrefix(step.Exten, "_") {
		h.Exten = exten
		h.Devices, _ = dialplan.HintText(vars, step, exten)
	}
	return h, true
}

func (p plan) More(q pbx.Query) bool { return p.Dialplan.MatchMore(query(q)) }

func (p plan) Expand(text string, vars pbx.Vars) string { return dialplan.Substitute(vars, text) }

func (p plan) Get(name string, vars pbx.Vars) (string, bool) { return dialplan.Get(vars, name) }

func (p plan) Set(name, value string, vars pbx.Vars) bool { return dialplan.Set(vars, name, value) }

// Waits: autofallthrough=no.
func (p plan) Waits() bool { return !p.AutoFallThrough }

func query(q pbx.Query) dialplan.Query {
	return dialplan.Query{Context: q.Context, Exten: q.Exten, Priority: q.Priority, Label: q.Label, CallerID: q.CallerID, Time: q.Time}
}
