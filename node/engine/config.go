package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/engine/internal/conffile"
	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/load"
	"github.com/amibus/amibus/node/engine/internal/manager"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/node/engine/internal/plan"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/translator"
)

// AsteriskVersion is what the engine says to whoever asks for the version: that of the Asterisk it takes after.
const AsteriskVersion = "22.10.1-amibus"

const (
	reloadTime  = 5 * time.Second // for the engine to take another dialplan
	maxWarnings = 20              // in a second; the rest is counted

	causeRejected = 21
	parkingTime   = 45 * time.Second
)

// Config is what an Engine is made of.
type Config struct {
	SystemName     string
	Settings       config.Engine
	ChannelVars    []string // shown with every channel
	Timestamps     bool     // events have a Timestamp
	DisabledEvents []string // not raised
	Log            *slog.Logger
}

// New reads the dialplan and returns an Engine. What is wrong in the dialplan is logged with file and line, and left out, as Asterisk
// does; the error is about a file that cannot be read at all.
func New(cfg Config) (*Engine, error) {
	loaded, err := loadPlan(&cfg)
	if err != nil {
		return nil, err
	}
	seed, sims := seedOf(&cfg), endpoints(cfg.Settings.Endpoints)
	warn := limited(cfg.Log)
	generator := newLoad(cfg.Settings.Load, seed, sims, warn)
	e := newEngine(pbx.Config{
		SystemName: cfg.SystemName, Language: cfg.Settings.Language, Endpoints: sims,
		Lots: lots(cfg.Settings.Parking), Dialplan: plan.Of(loaded), Globals: globals(loaded), ChannelVars: cfg.ChannelVars, Seed: seed,
		Warn: warn, Location: locations(),
	}, translator.Writer{SystemName: cfg.SystemName, Timestamps: cfg.Timestamps})
	e.cfg, e.load, e.born = cfg, generator, time.Now()
	e.reloaded.Store(&e.born)
	e.plan.Store(loaded)
	e.disabled = map[string]bool{}
	for _, name := range cfg.DisabledEvents {
		e.disabled[name] = true
	}
	e.manager = manager.New(manager.Config{Driver: driver{e}, SystemName: cfg.SystemName, Version: AsteriskVersion, ConfigDir: cfg.Settings.ConfigDir,
		Plan: e.plan.Load, Reload: e.Reload, Started: e.started})
	if dir := cfg.Settings.ConfigDir; dir != "" {
		if err := conffile.NewDir(dir).Seed(); err != nil {
			cfg.Log.Warn("there is no example for the actions on configuration files", "dir", dir, "file", conffile.Example, "err", err)
		}
	}
	return e, nil
}

// Commands are the actions that the engine answers.
func Commands() []ami.Action { return manager.Commands() }

// loadPlan reads the dialplan and logs what is wrong with it.
func loadPlan(cfg *Config) (*dialplan.Dialplan, error) {
	sections, problems := read(cfg.Settings.Extensions)
	if cfg.Settings.Load.CallsPerSecond > 0 {
		more, wrong := dialplan.ReadText("the load generator's dialplan", load.Dialplan)
		sections, problems = append(sections, more...), append(problems, wrong...)
	}
	plan, wrong := dialplan.Build(sections, dialplan.Options{Apps: pbx.Apps(), Functions: pbx.Functions(), Check: pbx.Check})
	for _, p := range append(problems, wrong...) {
		if p.Fatal {
			return nil, errors.New(p.String())
		}
		cfg.Log.Warn("dialplan: " + p.String())
	}
	return plan, nil
}

func read(file string) ([]*dialplan.Section, []dialplan.Problem) {
	if file == "" {
		return dialplan.ReadText("the built-in dialplan", builtin)
	}
	return dialplan.Read(file)
}

// seedOf is that of the settings, or another one each time. It differs from node to node: ids of bridges are made of it.
func seedOf(cfg *Config) uint64 {
	given := cfg.Settings.Seed
	if given == 0 {
		given = rand.Uint64()
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(cfg.SystemName)) // never fails
	return given ^ h.Sum64()
}

// newLoad makes the generator that the settings ask for, if they do, and adds its endpoints.
func newLoad(c config.Traffic, seed uint64, sims map[string]pbx.Endpoint, warn func(string)) *load.Generator {
	if c.CallsPerSecond == 0 {
		return nil
	}
	g, people := load.New(load.Config{
		CallsPerSecond: c.CallsPerSecond, Transfers: c.Mix == config.MixTransfer, Speed: c.Speed, Seed: cmp.Or(c.Seed, seed), Warn: warn,
	})
	maps.Copy(sims, people)
	return g
}

func endpoints(all map[string]config.Endpoint) map[string]pbx.Endpoint {
	out := map[string]pbx.Endpoint{}
	for name, e := range all {
		to := pbx.Endpoint{Ring: e.Ring, Talk: e.Talk, DTMF: e.DTMF, Forward: e.Forward, Native: e.Native}
		switch e.Result {
		case config.ResultBusy:
			to.Busy = true
		case config.ResultCongestion:
			to.Congestion = true
		case config.ResultNoAnswer:
			to.NoAnswer = true
		case config.ResultReject:
			to.Reject = cmp.Or(e.Cause, causeRejected)
		case config.ResultUnavailable:
			to.Unavailable = true
		}
		out[name] = to
	}
	return out
}

func lots(all []config.Lot) []pbx.Lot {
	out := make([]pbx.Lot, len(all))
	for i, l := range all {
		out[i] = pbx.Lot{Name: l.Name, First: l.First, Last: l.Last, Timeout: cmp.Or(l.Timeout, parkingTime), FindNext: l.FindNext,
			Comeback: l.Comeback, DialTime: l.DialTime, Music: l.Music}
	}
	return out
}

func globals(d *dialplan.Dialplan) []translator.Variable {
	all := make([]translator.Variable, len(d.Globals))
	for i, g := range d.Globals {
		all[i] = translator.Variable{Name: g.Name, Value: g.Value}
	}
	return all
}

// locations returns what finds a time zone, and remembers those there are. Only the goroutine of the engine calls it.
func locations() func(string) *time.Location {
	known := map[string]*time.Location{}
	return func(name string) *time.Location {
		if l := known[name]; l != nil {
			return l
		}
		l, err := time.LoadLocation(name)
		if err != nil {
			return nil
		}
		known[name] = l
		return l
	}
}

// limited logs warnings of running calls, no more than maxWarnings in a second: a dialplan that is wrong is wrong for every call.
func limited(log *slog.Logger) func(string) {
	var since time.Time
	count := 0
	return func(text string) {
		if now := time.Now(); now.Sub(since) >= time.Second {
			if count > maxWarnings {
				log.Warn("more warnings of the call engine left out", "count", count-maxWarnings)
			}
			since, count = now, 0
		}
		if count++; count <= maxWarnings {
			log.Warn(text)
		}
	}
}

// Reload reads the dialplan again. If it cannot be read the old one stays.
func (e *Engine) Reload() error {
	e.reloading.Lock()
	defer e.reloading.Unlock()
	if !e.Up() {
		return errors.New("the dialplan is not read again: the call engine does not run")
	}
	loaded, err := loadPlan(&e.cfg)
	if err != nil {
		return fmt.Errorf("the dialplan stays as it was: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), reloadTime)
	defer cancel()
	_, err = driver{e}.Ask(ctx, func(id uint64) pbx.Input {
		return pbx.Reload{ID: id, Plan: plan.Of(loaded), Globals: globals(loaded), Clear: loaded.ClearGlobals}
	})
	if err != nil {
		return fmt.Errorf("it is not known whether the new dialplan has been taken: %w", err)
	}
	e.plan.Store(loaded)
	now := time.Now()
	e.reloaded.Store(&now)
	return nil
}

func (e *Engine) started() (start, reload time.Time) { return e.born, *e.reloaded.Load() }
