package pbx

import (
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
)

// Dialplan is what the threads of a PBX run. It does not change; a reload makes another one.
type Dialplan interface {
	// Find returns the step at a place, or at a label.
	Find(q Query) (Step, bool)
	// More says whether more digits could make another extension of this one.
	More(q Query) bool
	// Expand substitutes variables, functions and expressions.
	Expand(text string, vars Vars) string
	// Get and Set are what NAME or FUNCTION(args) stands for, for Getvar and Set. ok is false if a function failed.
	Get(name string, vars Vars) (value string, ok bool)
	Set(name, value string, vars Vars) (ok bool)
}

// Query says what is looked for: a priority, or the label if there is one.
type Query struct {
	Context, Exten  string
	Priority        int
	Label, CallerID string
	Time            time.Time // for what holds at some hours only
}

// Step is one priority: an application and its arguments, not yet expanded.
type Step struct {
	Priority  int
	App, Args string
}

// Vars is what a line of the dialplan may ask of the channel it runs on, and of the node.
type Vars interface {
	Variable(name string) (string, bool)
	SetVariable(name, value string)
	Global(name string) (string, bool)
	SetGlobal(name, value string)
	Function(name, args string) (string, error)
	SetFunction(name, args, value string) error
	DBGet(family, key string) (string, bool)
	DBPut(family, key, value string)
	DeviceState(device string) string
	SetDeviceState(custom, state string) bool
	Now() time.Time
	Location(name string) *time.Location
	Rand(n int64) int64
	Warn(text string)
}

// Errors of functions.
var (
	ErrNoFunction = dialplan.ErrNoFunction
	ErrNoWrite    = dialplan.ErrNoWrite
)

// query asks for a place on behalf of the channel.
func (c *channel) query(at place) Query {
	return Query{Context: at.context, Exten: at.exten, Priority: at.priority, CallerID: c.caller.num, Time: c.p.now}
}

// exists says whether the channel could go to an extension of its context, more whether it could with more digits.
func (c *channel) exists(exten string) bool { return c.existsIn(c.place.context, exten) }

func (c *channel) existsIn(context, exten string) bool {
	_, ok := c.step(place{context, exten, 1})
	return ok
}

// step returns what is to be run at a place: of the dialplan, else of the contexts that the parking lots make.
func (c *channel) step(at place) (Step, bool) {
	if s, ok := c.p.step(c.query(at)); ok {
		return s, true
	}
	if at.priority == 1 && at.context == parkDial && c.rings(at.exten) {
		return Step{1, "Dial", c.comeback}, true
	}
	return Step{}, false
}

func (c *channel) more(exten string) bool { return c.moreIn(c.place.context, exten) }

func (c *channel) moreIn(context, exten string) bool {
	return c.p.cfg.Dialplan.More(c.query(place{context, exten, 1}))
}

// parse reads [[context,]exten,]priority as Goto and Gosub do: what is not given stays as it is.
func (c *channel) parse(text string) (to place, ok bool) {
	from := c.place
	parts := strings.Split(text, ",")
	if len(parts) > 3 {
		return from, false
	}
	to = from
	priority := strings.TrimSpace(parts[len(parts)-1])
	if len(parts) > 1 {
		to.exten = strings.TrimSpace(parts[len(parts)-2])
	}
	if len(parts) > 2 {
		to.context = strings.TrimSpace(parts[0])
	}
	if n, err := strconv.Atoi(priority); err == nil {
		to.priority = n
		if priority[0] == '+' || priority[0] == '-' {
			to.priority = from.priority + n
		}
		return to, to.priority > 0
	}
	q := c.query(to)
	q.Label = priority
	step, ok := c.p.cfg.Dialplan.Find(q)
	to.priority = step.Priority
	return to, ok
}
