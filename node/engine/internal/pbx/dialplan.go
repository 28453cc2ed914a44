package pbx

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Dialplan is what the threads of a PBX run. It does not change; a reload makes another one.
type Dialplan interface {
	// Find returns the step at a place.
	Find(context, exten string, priority int, callerID string) (Step, bool)
	// Label returns the priority of a label.
	Label(context, exten, label, callerID string) (priority int, ok bool)
	// More says whether more digits could make another extension of this one.
	More(context, exten, callerID string) bool
	// Expand substitutes variables, functions and expressions.
	Expand(text string, vars Vars) string
}

// Step is one priority: an application and its arguments, not yet expanded.
type Step struct{ App, Args string }

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
	ErrNoFunction = errors.New("function not registered")
	ErrNoWrite    = errors.New("function cannot be written to")
)

// exists says whether the dialplan has an extension.
func (p *PBX) exists(context, exten string, callerID string) bool {
	_, ok := p.cfg.Dialplan.Find(context, exten, 1, callerID)
	return ok
}

// parse reads [[context,]exten,]priority as Goto and Gosub do: what is not given stays as it is.
func (p *PBX) parse(text string, from place, callerID string) (to place, ok bool) {
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
	to.priority, ok = p.cfg.Dialplan.Label(to.context, to.exten, priority, callerID)
	return to, ok
}
