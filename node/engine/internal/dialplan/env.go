package dialplan

import (
	"errors"
	"time"
)

// Env is what a line may ask of the channel it runs for, and of the node. One call at a time, never kept.
type Env interface {
	// Variable answers a name: what the channel itself predefines (CONTEXT, EXTEN, PRIORITY, CHANNEL, UNIQUEID, HANGUPCAUSE,
	// SYSTEMNAME …), else the variable of the channel, else the global one.
	Variable(name string) (string, bool)
	// SetVariable sets a variable of the channel; leading underscores (inherited) are part of the name.
	SetVariable(name, value string)
	Global(name string) (string, bool)
	SetGlobal(name, value string)

	// Function reads what this package does not know itself: CALLERID, CHANNEL, CONNECTEDLINE and whatever else the engine has.
	// ErrNoFunction is one that does not exist; the text of any other error becomes a warning.
	Function(name, args string) (string, error)
	SetFunction(name, args, value string) error

	DBGet(family, key string) (string, bool)
	DBPut(family, key, value string)
	DeviceState(device string) string // NOT_INUSE, INUSE, …
	// SetDeviceState gets the name behind "Custom:"; false is a state that does not exist.
	SetDeviceState(custom, state string) bool

	Now() time.Time
	Location(name string) *time.Location // nil: there is no such time zone
	Rand(n int64) int64                  // 0 ≤ Rand(n) < n

	// Warn gets what Asterisk would log; nothing stops because of it.
	Warn(text string)
}

var (
	// ErrNoFunction: there is no such function.
	ErrNoFunction = errors.New("function not registered")
	// ErrNoRead and ErrNoWrite: it is there, but not for that.
	ErrNoRead  = errors.New("function cannot be read")
	ErrNoWrite = errors.New("function cannot be written to")
)
