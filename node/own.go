package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/engine"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
)

// pbx is what the node's own events come from and its own actions go to: an Asterisk, or the built-in engine.
type pbx interface {
	forward.Source
	Run(ctx context.Context) error
	Up() bool
	Trouble() string // why it is not up
	Info() upstream.Info
}

// openSource makes the node's own PBX, if it has one.
func (n *Node) openSource() error {
	switch n.cfg.Source.Kind {
	case config.KindAsterisk:
		a := n.cfg.Source.Asterisk
		n.upstream = upstream.New(upstream.Config{Address: a.Address, Username: a.Username, Secret: a.Secret,
			Event: n.source.event, Link: n.linked, LoggedIn: n.source.loggedIn, LoggedOut: n.source.loggedOut,
			Identified: n.source.identified, Remarked: n.source.remarked, Log: n.component("upstream")})
		n.own = n.upstream
	case config.KindEngine:
		own, err := newOwnEngine(n)
		if err != nil {
			return err
		}
		n.engine, n.own = own.Engine, own
	}
	return nil
}

// ownEngine is the built-in engine as the node's own PBX.
type ownEngine struct {
	*engine.Engine
	n    *Node
	info upstream.Info
	mark string // of this process, as an Asterisk gets one
}

func newOwnEngine(n *Node) (*ownEngine, error) {
	c, events := n.cfg.Source.Engine, n.users.Load().Events
	if c.ConfigDir == "" {
		c.ConfigDir = n.data.path("conf")
		if err := os.MkdirAll(c.ConfigDir, 0o750); err != nil {
			return nil, fmt.Errorf("the engine's directory of configuration files cannot be created: %w", err)
		}
	}
	e, err := engine.New(engine.Config{
		SystemName: n.self.Name, Settings: c, ChannelVars: events.ChannelVars, Timestamps: events.Timestamps, DisabledEvents: events.Disabled,
		Log: n.component("engine"),
	})
	if err != nil {
		return nil, err
	}
	o := &ownEngine{Engine: e, n: n, mark: newMark(),
		info: upstream.Info{Banner: defaultBanner, SystemName: n.self.Name, AsteriskVersion: engine.AsteriskVersion}}
	for _, a := range engine.Commands() {
		o.info.Commands = append(o.info.Commands, upstream.Command{Name: a.Name, Synopsis: a.Synopsis, Class: a.Class})
	}
	var m ami.Message
	e.Events().Handle(func(events []engine.Event) { // in the engine's goroutine, in order
		for i := range events {
			if err := m.Parse(events[i].Text); err != nil {
				n.refused.Add(1)
				n.log.Error("event of the engine cannot be read", "event", events[i].Name, "err", err)
				continue
			}
			n.source.event(&m)
		}
	})
	return o, nil
}

// reloadEngine reads the dialplan of the built-in engine again.
func (n *Node) reloadEngine() error {
	if n.engine == nil {
		return nil
	}
	err := n.engine.Reload()
	if err != nil {
		n.log.Error("dialplan not reloaded", "err", err)
	}
	return err
}

func newMark() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (o *ownEngine) Info() upstream.Info { return o.info }

func (o *ownEngine) Trouble() string { return "the engine does not run" }

// Run lets the others know who this is, as it is done with an Asterisk, then runs the engine.
func (o *ownEngine) Run(ctx context.Context) error {
	o.n.source.loggedIn(time.Time{})
	o.n.linked(true, o.info)
	told := make(chan struct{})
	go func() { // the others may take their time to hear of it
		defer close(told)
		o.n.source.identified(upstream.Identity{Mark: o.mark, SystemName: o.info.SystemName, Census: func(context.Context) (upstream.Census, error) {
			return upstream.Census{}, nil // it starts with nothing
		}})
	}()
	defer func() { <-told; o.n.source.loggedOut() }()
	if err := o.Engine.Run(ctx); !errors.Is(err, ctx.Err()) {
		return err
	}
	return nil
}
