package dialplan

import (
	"fmt"
	"strings"
	"time"
)

// fakeEnv is a channel and a node in maps.
type fakeEnv struct {
	vars, globals, functions, db, devices map[string]string
	now                                   time.Time
	rand                                  int64
	warnings                              []string
}

func newEnv() *fakeEnv {
	return &fakeEnv{
		vars: map[string]string{}, globals: map[string]string{}, functions: map[string]string{}, db: map[string]string{},
		devices: map[string]string{}, now: time.Date(2026, 3, 4, 15, 6, 7, 89_000_000, time.UTC),
	}
}

func (e *fakeEnv) Variable(name string) (string, bool) {
	if value, ok := e.vars[name]; ok {
		return value, true
	}
	return e.Global(name)
}

func (e *fakeEnv) SetVariable(name, value string) { e.vars[name] = value }

func (e *fakeEnv) Global(name string) (string, bool) {
	value, ok := e.globals[name]
	return value, ok
}

func (e *fakeEnv) SetGlobal(name, value string) { e.globals[name] = value }

func (e *fakeEnv) Function(name, args string) (string, error) {
	if value, ok := e.functions[name+"("+args+")"]; ok {
		return value, nil
	}
	if name == "CALLERID" {
		return "", fmt.Errorf("unknown item '%s'", args)
	}
	return "", ErrNoFunction
}

func (e *fakeEnv) SetFunction(name, args, value string) error {
	if name != "CALLERID" {
		return ErrNoFunction
	}
	e.functions[name+"("+args+")"] = value
	return nil
}

func (e *fakeEnv) DBGet(family, key string) (string, bool) {
	value, ok := e.db[family+"/"+key]
	return value, ok
}

func (e *fakeEnv) DBPut(family, key, value string)  { e.db[family+"/"+key] = value }
func (e *fakeEnv) DeviceState(device string) string { return e.devices[device] }

func (e *fakeEnv) SetDeviceState(custom, state string) bool {
	e.devices["Custom:"+custom] = state
	return state == "INUSE"
}

func (e *fakeEnv) Now() time.Time { return e.now }

func (e *fakeEnv) Location(name string) *time.Location {
	if name == "Test/East" {
		return time.FixedZone("TE", 2*60*60)
	}
	return nil
}

func (e *fakeEnv) Rand(n int64) int64 { return e.rand % n }
func (e *fakeEnv) Warn(text string)   { e.warnings = append(e.warnings, text) }

func (e *fakeEnv) warned() string { return strings.Join(e.warnings, "\n") }
