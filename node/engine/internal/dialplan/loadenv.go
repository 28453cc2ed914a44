package dialplan

import "time"

// loadEnv is the Env while a file is read: there is no channel, and nothing is written.
type loadEnv struct {
	Env     // the one of the options, or nil
	l       *loader
	globals map[string]string
	context string // while a hint is read
	exten   string
}

func (e *loadEnv) Variable(name string) (string, bool) {
	switch {
	case name == "CONTEXT" && e.exten != "":
		return e.context, true
	case name == "EXTEN" && e.exten != "":
		return e.exten, true
	}
	return e.Global(name)
}

func (e *loadEnv) Global(name string) (string, bool) {
	if value, ok := e.globals[name]; ok {
		return value, true
	}
	if e.Env == nil {
		return "", false
	}
	return e.Env.Global(name)
}

func (e *loadEnv) SetVariable(string, string)                       {}
func (e *loadEnv) SetGlobal(string, string)                         {}
func (e *loadEnv) DBPut(string, string, string)                     {}
func (e *loadEnv) SetDeviceState(string, string) bool               { return false }
func (e *loadEnv) Function(string, string) (string, error)          { return "", errNoChannel }
func (e *loadEnv) SetFunction(string, string, string) (error error) { return errNoChannel }
func (e *loadEnv) Warn(text string)                                 { e.l.warn(e.l.at, "%s", text) }

func (e *loadEnv) DBGet(family, key string) (string, bool) {
	if e.Env == nil {
		return "", false
	}
	return e.Env.DBGet(family, key)
}

func (e *loadEnv) DeviceState(device string) string {
	if e.Env == nil {
		return "UNKNOWN"
	}
	return e.Env.DeviceState(device)
}

func (e *loadEnv) Now() time.Time {
	if e.Env == nil {
		return time.Unix(0, 0).UTC()
	}
	return e.Env.Now()
}

func (e *loadEnv) Location(name string) *time.Location {
	if e.Env == nil {
		return nil
	}
	return e.Env.Location(name)
}

func (e *loadEnv) Rand(n int64) int64 {
	if e.Env == nil {
		return 0
	}
	return e.Env.Rand(n)
}
