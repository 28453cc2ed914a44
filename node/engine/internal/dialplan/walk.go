package dialplan

import "iter"

// Item is one line of a listing: an extension, an include or an ignore pattern of a context, or where a context begins or ends; only one of
// them is set.
type Item struct {
	Context   *Context
	Included  bool // the context is listed because another one includes it
	Begins    bool
	Ends      bool
	Extension *Extension
	Include   *Include
	IgnorePat string
}

// Walk lists the dialplan as `dialplan show` and ShowDialPlan do, in their order: all contexts, or the one that is named. With an exten,
// only what fits it, also in the contexts included (each once), which are not listed by name then.
func (d *Dialplan) Walk(context, exten string) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, c := range d.Contexts {
			if context != "" && c.Name != context {
				continue
			}
			w := walker{plan: d, exten: exten, yield: yield, seen: map[*Context]bool{c: true}}
			if !w.context(c, false) {
				return
			}
		}
	}
}

type walker struct {
	plan  *Dialplan
	exten string
	yield func(Item) bool
	seen  map[*Context]bool
}

func (w *walker) context(c *Context, included bool) bool {
	return w.yield(Item{Context: c, Included: included, Begins: true}) && w.lines(c, included) &&
		w.yield(Item{Context: c, Included: included, Ends: true})
}

func (w *walker) lines(c *Context, included bool) bool {
	for _, e := range c.Extensions {
		if w.fits(e.Name) && !w.yield(Item{Context: c, Included: included, Extension: e}) {
			return false
		}
	}
	for i := range c.Includes {
		if !w.include(c, included, &c.Includes[i]) {
			return false
		}
	}
	for _, p := range c.IgnorePats {
		if w.fits("_"+p+".") && !w.yield(Item{Context: c, Included: included, IgnorePat: p}) {
			return false
		}
	}
	return true
}

func (w *walker) include(c *Context, included bool, in *Include) bool {
	if w.exten == "" {
		return w.yield(Item{Context: c, Included: included, Include: in})
	}
	target := w.plan.byName[in.Target]
	if target == nil || w.seen[target] || len(w.seen) >= maxContexts {
		return true
	}
	w.seen[target] = true
	return w.context(target, true)
}

func (w *walker) fits(pattern string) bool { return w.exten == "" || MatchPattern(pattern, w.exten) }
