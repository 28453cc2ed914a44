package dialplan

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// function is one that this package knows by itself. read and write are false where Asterisk's fail: the result is empty then.
type function struct {
	read  func(e *evaluator, dst []byte, args string) ([]byte, bool)
	write func(e *evaluator, args, value string) bool
}

var functions map[string]function

func init() { // not a literal: CUT evaluates, and evaluating looks in here
	functions = map[string]function{
		"IF":           {read: readIf},
		"LEN":          {read: readLen},
		"CUT":          {read: readCut},
		"GLOBAL":       {read: readGlobal, write: writeGlobal},
		"DB":           {read: readDB, write: writeDB},
		"DEVICE_STATE": {read: readDeviceState, write: writeDeviceState},
		"STRFTIME":     {read: readStrftime},
		"RAND":         {read: readRand},
		"ARRAY":        {write: writeArray},
		"HASH":         {read: readHash, write: writeHash},
	}
}

// engineFunctions are those that every engine has to bring.
var engineFunctions = []string{"CALLERID", "CHANNEL", "CONNECTEDLINE"}

// Functions lists what is known without the engine, and what it brings for sure.
func Functions() []string {
	names := slices.Clone(engineFunctions)
	for name := range functions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// call splits "NAME(args)". The last ")" counts.
func (e *evaluator) call(text string) (name, args string) {
	name, args, ok := strings.Cut(text, "(")
	if !ok {
		e.env.Warn("Function '" + text + "' doesn't contain parentheses.  Assuming null argument.")
		return name, ""
	}
	if end := strings.LastIndexByte(args, ')'); end >= 0 {
		return name, args[:end]
	}
	e.env.Warn("Can't find trailing parenthesis for function '" + name + "(" + args + "'?")
	return name, args
}

// function appends what "NAME(args)" reads, or nothing.
func (e *evaluator) function(dst []byte, text string) []byte {
	name, args := e.call(text)
	dst, _ = e.read(dst, name, args)
	return dst
}

func (e *evaluator) read(dst []byte, name, args string) ([]byte, bool) {
	if f, ok := functions[name]; ok {
		if f.read == nil {
			e.complain(name, ErrNoRead)
			return dst, false
		}
		mark := len(dst)
		dst, ok = f.read(e, dst, args)
		if !ok {
			return dst[:mark], false
		}
		return dst, true
	}
	value, err := e.env.Function(name, args)
	if err != nil {
		e.complain(name, err)
		return dst, false
	}
	return append(dst, value[:min(len(value), maxValue)]...), true
}

func (e *evaluator) complain(name string, err error) {
	switch {
	case errors.Is(err, ErrNoFunction):
		e.env.Warn("Function " + name + " not registered")
	case errors.Is(err, ErrNoRead):
		e.env.Warn("Function " + name + " cannot be read")
	case errors.Is(err, ErrNoWrite):
		e.env.Warn("Function " + name + " cannot be written to")
	default:
		e.env.Warn("Function " + name + ": " + err.Error())
	}
}

// Get reads one name, "NAME" or "FUNCTION(args)", as the action Getvar does: without substitution inside.
func Get(env Env, name string) (value string, ok bool) {
	e := evaluator{env: env}
	if !strings.HasSuffix(name, ")") {
		return e.value(name)
	}
	var buf [256]byte
	name, args := e.call(name)
	dst, ok := e.read(buf[:0], name, args)
	return string(dst), ok
}

// Set sets one name, "NAME" or "FUNCTION(args)", as Set and the action Setvar do. ok is false if a function failed.
func Set(env Env, name, value string) (ok bool) {
	if !strings.HasSuffix(name, ")") {
		env.SetVariable(name, value)
		return true
	}
	e := evaluator{env: env}
	name, args := e.call(name)
	if f, known := functions[name]; known {
		if f.write == nil {
			e.complain(name, ErrNoWrite)
			return false
		}
		return f.write(&e, args, value)
	}
	if err := env.SetFunction(name, args, value); err != nil {
		e.complain(name, err)
		return false
	}
	return true
}

// Assignment splits "name=value" of Set. What is wrong is told; ok is false if nothing is to be set.
func Assignment(env Env, args string) (name, value string, ok bool) {
	if args == "" {
		env.Warn("Set requires one variable name/value pair.")
		return "", "", false
	}
	name, value, ok = strings.Cut(args, "=")
	switch {
	case !ok:
		env.Warn("Set requires an '=' to be a valid assignment.")
	case strings.Contains(name, " "):
		env.Warn("Please avoid unnecessary spaces on variables as it may lead to unexpected results ('" + name + "' set to '" + value + "').")
	}
	return name, value, ok
}

func readIf(_ *evaluator, dst []byte, args string) ([]byte, bool) {
	parts := splitArgs(args, '?', 2)
	if len(parts) < 2 || parts[0] == "" {
		return dst, false
	}
	branches := splitArgs(parts[1], ':', 2)
	if len(branches) == 0 {
		return dst, false
	}
	i := 1
	if Condition(strings.TrimSpace(parts[0])) {
		i = 0
	}
	if i < len(branches) {
		dst = append(dst, strings.TrimSpace(branches[i])...)
	}
	return dst, true
}

func readLen(_ *evaluator, dst []byte, args string) ([]byte, bool) {
	return strconv.AppendInt(dst, int64(len(args)), 10), true
}

func readGlobal(e *evaluator, dst []byte, args string) ([]byte, bool) {
	value, _ := e.env.Global(args)
	return append(dst, value...), true
}

func writeGlobal(e *evaluator, args, value string) bool {
	e.env.SetGlobal(args, value)
	return true
}

func readRand(e *evaluator, dst []byte, args string) ([]byte, bool) {
	lo, hi := int64(0), int64(1<<31-1) // RAND_MAX
	parts := SplitArgs(args, 2)
	if len(parts) > 0 {
		n, _, _ := leadingInt(parts[0])
		lo = int64(n)
	}
	if len(parts) > 1 {
		if n, _, ok := leadingInt(parts[1]); ok {
			hi = int64(n)
		}
	}
	lo, hi = min(lo, hi), max(lo, hi)
	return strconv.AppendInt(dst, lo+e.env.Rand(hi-lo+1), 10), true
}

const usageDB = "DB requires an argument, DB(<family>/<key>)"

func (e *evaluator) familyKey(args string) (family, key string, ok bool) {
	parts := splitArgs(args, '/', 2)
	if len(parts) < 2 {
		e.env.Warn(usageDB)
		return "", "", false
	}
	return parts[0], parts[1], true
}

func readDB(e *evaluator, dst []byte, args string) ([]byte, bool) {
	family, key, ok := e.familyKey(args)
	if !ok {
		return dst, false
	}
	if value, found := e.env.DBGet(family, key); found {
		e.env.SetVariable("DB_RESULT", value)
		dst = append(dst, value...)
	}
	return dst, true
}

func writeDB(e *evaluator, args, value string) bool {
	family, key, ok := e.familyKey(args)
	if !ok {
		return false
	}
	if key == "" || key[0] == '/' || key[len(key)-1] == '/' || strings.Contains(key, "//") {
		e.env.Warn("DB: key '" + key + "' seems malformed")
	}
	e.env.DBPut(family, key, value)
	return true
}

func readDeviceState(e *evaluator, dst []byte, args string) ([]byte, bool) {
	return append(dst, e.env.DeviceState(args)...), true
}

func writeDeviceState(e *evaluator, args, value string) bool {
	const custom = "Custom:"
	switch {
	case len(args) < len(custom) || !strings.EqualFold(args[:len(custom)], custom):
		e.env.Warn("The DEVICE_STATE function can only be used to set 'Custom:' device state!")
	case len(args) == len(custom):
		e.env.Warn("DEVICE_STATE function called with no custom device name!")
	case !e.env.SetDeviceState(args[len(custom):], value):
		e.env.Warn("DEVICE_STATE function given invalid state value '" + value + "'")
	default:
		return true
	}
	return false
}
