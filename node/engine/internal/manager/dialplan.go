package manager

import (
	"strconv"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/translator"
)

func init() { add(map[string]handler{"ShowDialPlan": showDialPlan}) }

// registrar is who made a context, an extension or an include.
const registrar = "pbx_config"

// listed is what a listing of the dialplan counts.
type listed struct{ contexts, extensions, priorities int }

func showDialPlan(r *request) error {
	context, exten := r.get("Context"), r.get("Extension")
	plan := r.m.cfg.Plan()
	var items []translator.Raised
	var n listed
	for item := range plan.Walk(context, exten) {
		of := translator.Header("Context", item.Context.Name)
		by := translator.Header("Registrar", registrar)
		switch {
		case item.Begins:
			n.contexts++
		case item.Extension != nil:
			n.extensions++
			n.priorities += len(item.Extension.Steps)
			for _, s := range item.Extension.Steps {
				items = append(items, listDialplan(of, stepParts(item.Extension, s), by))
			}
		case item.Include != nil:
			items = append(items, listDialplan(of, []translator.Part{translator.Header("IncludeContext", item.Include.Name)}, by))
		case item.IgnorePat != "":
			items = append(items, listDialplan(of, []translator.Part{translator.Header("IgnorePattern", item.IgnorePat)}, by))
		}
	}
	switch {
	case context != "" && plan.Context(context) == nil:
		return r.fail("Did not find context " + context)
	case exten != "" && n.extensions == 0 && context != "":
		return r.fail("Did not find extension " + exten + "@" + context)
	case exten != "" && n.extensions == 0:
		return r.fail("Did not find extension " + exten + " in any context")
	}
	return r.list("DialPlan list will follow", items, "ShowDialPlanComplete", translator.Header("ListExtensions", strconv.Itoa(n.extensions)),
		translator.Header("ListPriorities", strconv.Itoa(n.priorities)), translator.Header("ListContexts", strconv.Itoa(n.contexts)))
}

func listDialplan(context translator.Part, parts []translator.Part, by translator.Part) translator.Raised {
	return translator.Raised{Name: "ListDialplan", Parts: append(append([]translator.Part{context}, parts...), by)}
}

func stepParts(e *dialplan.Extension, s *dialplan.Step) []translator.Part {
	parts := []translator.Part{translator.Header("Extension", e.Name)}
	if s.Label != "" {
		parts = append(parts, translator.Header("ExtensionLabel", s.Label))
	}
	if s.Priority == dialplan.Hint {
		return append(parts, translator.Header("Priority", "hint"), translator.Header("Application", s.App))
	}
	return append(parts, translator.Header("Priority", strconv.Itoa(s.Priority)), translator.Header("Application", s.App),
		translator.Header("AppData", s.Args))
}
