package manager

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/node/engine/internal/conffile"
	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami"
)

// Driver runs the PBX. Both wait for their turn; an error says that the engine has stopped, or what ctx says.
type Driver interface {
	// Ask gives the PBX an input and waits for its answer. build gets the id of the answer.
	Ask(ctx context.Context, build func(id uint64) pbx.Input) (pbx.Reply, error)
	// Look lets fn see the PBX between two steps. fn must not keep it.
	Look(ctx context.Context, fn func(*pbx.PBX)) error
}

// Config is what a Manager is made of.
type Config struct {
	Driver     Driver
	SystemName string
	Version    string                    // as CoreSettings and core show version tell it
	ConfigDir  string                    // what GetConfig and its like read and write; empty: there are no files
	Plan       func() *dialplan.Dialplan // the one in use
	Reload     func() error              // reads the dialplan again
	// Started tells when the engine was started and when it read its dialplan again for another reason than an action.
	Started func() (start, reload time.Time)
	Now     func() time.Time // default: time.Now
}

// Manager answers actions. It is safe for concurrent use.
type Manager struct {
	cfg       Config
	files     *conffile.Dir
	now       func() time.Time
	reloaded  atomic.Int64 // when an action asked for it last, in nanoseconds
	mu        sync.Mutex
	suspended map[string]bool // bridge technologies, by name
}

// New returns a Manager.
func New(cfg Config) *Manager {
	m := &Manager{cfg: cfg, files: conffile.NewDir(cfg.ConfigDir), now: cfg.Now, suspended: map[string]bool{}}
	if m.now == nil {
		m.now = time.Now
	}
	return m
}

// handler answers an action.
type handler func(r *request) error

// actions are all that the engine answers, by name in lower case. Each file adds its own.
var actions = map[string]handler{}

// add adds the actions of a file, by name as Asterisk spells it.
func add(handlers map[string]handler) {
	for name, h := range handlers {
		actions[strings.ToLower(name)] = h
	}
}

// Do answers an action: reply gets each message of the answer, in order; a message is valid during the call.
func (m *Manager) Do(ctx context.Context, action *ami.Message, reply func(*ami.Message) error) error {
	r := &request{m: m, ctx: ctx, action: action, reply: reply}
	h := actions[strings.ToLower(action.Action())]
	if h == nil {
		return r.fail(fmt.Sprintf("Invalid/unknown command: %s. Use Action: ListCommands to show available commands.", action.Action()))
	}
	return h(r)
}

// Commands are the actions there are, by name.
func Commands() []ami.Action {
	var all []ami.Action
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		if a, ok := ami.LookupAction(name); ok {
			all = append(all, a)
		}
	}
	return all
}
