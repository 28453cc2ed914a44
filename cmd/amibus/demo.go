package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/amibus/amibus/node"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/lifecycle"
)

// demoPorts are the AMI ports the demo prefers.
var demoPorts = map[string]int{"alpha": 5038, "bravo": 5138, "charlie": 5238}

var demoNames = []string{"alpha", "bravo", "charlie"}

const (
	demoUser   = "admin"
	demoSecret = "secret"
)

func demoCommand() *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run three nodes in one process, each with a PBX of its own and live calls, and watch the merged stream",
		Long: `Runs three nodes in one process over embedded NATS. Each has the built-in call engine in the place of an Asterisk, with
live calls as in an office. Prints how to connect with any AMI client, then the merged stream as charlie's clients see it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.out, d.errOut = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().DurationVar(&d.length, "for", 0, "end after this time (default: at Ctrl-C)")
	cmd.Flags().Float64Var(&d.calls, "calls-per-second", 0.5, "calls at each node, at most 100; 0: none but yours")
	return cmd
}

// demo is three nodes, the calls of their engines, and the view.
type demo struct {
	length      time.Duration
	calls       float64
	out, errOut io.Writer
	dir         string
}

func (d *demo) run(ctx context.Context) error {
	if !(d.calls >= 0 && d.calls <= 100) {
		return usageError{fmt.Errorf("--calls-per-second %v: must be from 0 to 100", d.calls)}
	}
	if d.length < 0 {
		return usageError{fmt.Errorf("--for %v: must not be negative", d.length)}
	}
	if d.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.length)
		defer cancel()
	}
	var err error
	if d.dir, err = os.MkdirTemp("", "amibus-demo-"); err != nil {
		return err
	}
	defer os.RemoveAll(d.dir) // what is left is in the system's temporary directory
	g, ctx := lifecycle.With(ctx)
	nodes, err := d.start(ctx, g)
	if err != nil {
		if errors.Is(err, ctx.Err()) {
			err = nil // asked to end before all had begun
		}
		g.Stop()
		return errors.Join(err, g.Wait())
	}
	last := nodes[len(nodes)-1]
	g.Go("view", func() error { return d.view(ctx, last.Subscribe(1<<14), nodes) })
	return g.Wait()
}

// start brings up the nodes, one after the other so that each finds those before it.
func (d *demo) start(ctx context.Context, g *lifecycle.Group) ([]*node.Node, error) {
	log := slog.New(slog.NewTextHandler(d.errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var nodes []*node.Node
	join := []string{}
	for _, name := range demoNames {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		cfg, err := d.config(name, join)
		if err != nil {
			return nil, err
		}
		n, err := node.New(cfg, log.With("node", name))
		if err != nil {
			return nil, err
		}
		join = append(join, n.MemberAddr())
		nodes = append(nodes, n)
		g.Go(name, func() error { return n.Run(ctx) })
		select {
		case <-n.Settled():
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nodes, nil
}

// config writes what a node is told beside its YAML file, and returns the rest.
func (d *demo) config(name string, join []string) (*config.Config, error) {
	dir := filepath.Join(d.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	manager := fmt.Sprintf("[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = %d\n\n[%s]\nsecret = %s\nread = all\nwrite = all\nwritetimeout = 5000\n",
		freePort(demoPorts[name]), demoUser, demoSecret)
	if err := os.WriteFile(filepath.Join(dir, "manager.conf"), []byte(manager), 0o600); err != nil {
		return nil, err
	}
	c := config.Default()
	c.Node.Name, c.Node.DataDir = name, filepath.Join(dir, "data")
	c.Source.Kind, c.Source.Engine.Load.CallsPerSecond = config.KindEngine, d.calls
	c.AMI.ManagerConf = filepath.Join(dir, "manager.conf")
	c.Bus.NATS.RouteListen = "127.0.0.1:0"
	c.Bus.Member.Listen, c.Bus.Member.Join = "127.0.0.1:0", join
	c.Admin.Listen = ""
	return c, c.Validate()
}

// freePort returns the first free port from want on, looking no further than a hundred.
func freePort(want int) int {
	for port := want; port < want+100; port++ {
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = ln.Close()
			return port
		}
	}
	return want // the node will say that it is busy
}

// view prints the merged stream until ctx ends.
func (d *demo) view(ctx context.Context, sub *subscription, nodes []*node.Node) error {
	defer sub.Close()
	v := newView(d.out)
	for i, n := range nodes {
		v.connect(demoNames[i], n.AMI())
	}
	v.ready()
	var spare []event
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		events, err := sub.Take(spare)
		if err != nil {
			return err
		}
		for i := range events {
			v.event(&events[i])
		}
		spare = events
		select {
		case <-sub.Wake():
		case <-second.C:
			v.tick()
		case <-ctx.Done():
			v.close()
			return nil
		}
	}
}
