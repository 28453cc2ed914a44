// Package plan makes a loaded dialplan what the PBX runs: it stands between the language of extensions.conf (package dialplan), which
// runs nothing, and the machine that runs it (package pbx), which reads no files.
package plan

import (
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

func (p plan) More(q pbx.Query) bool { return p.Dialplan.MatchMore(query(q)) }

func (p plan) Expand(text string, vars pbx.Vars) string { return dialplan.Substitute(env{vars}, text) }

func (p plan) Get(name string, vars pbx.Vars) (string, bool) { return dialplan.Get(env{vars}, name) }

func (p plan) Set(name, value string, vars pbx.Vars) bool {
	return dialplan.Set(env{vars}, name, value)
}

// env is what a line may ask, with the errors that the dialplan knows.
type env struct{ pbx.Vars }

func (e env) Function(name, args string) (string, error) {
	value, err := e.Vars.Function(name, args)
	return value, same(err)
}

func (e env) SetFunction(name, args, value string) error {
	return same(e.Vars.SetFunction(name, args, value))
}

func same(err error) error {
	switch err {
	case pbx.ErrNoFunction:
		return dialplan.ErrNoFunction
	case pbx.ErrNoWrite:
		return dialplan.ErrNoWrite
	}
	return err
}

func query(q pbx.Query) dialplan.Query {
	return dialplan.Query{Context: q.Context, Exten: q.Exten, Priority: q.Priority, Label: q.Label, CallerID: q.CallerID, Time: q.Time}
}
