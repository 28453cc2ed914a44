package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/amibus/amibus/node"
	"github.com/amibus/amibus/node/config"
)

func runCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "run --config FILE",
		Short:   "Run one node",
		Example: "  amibus run --config alpha.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLog(cmd)
			if err != nil {
				return err
			}
			if file == "" {
				return usageError{errors.New("run needs --config FILE; see amibus run --help")}
			}
			cfg, err := config.Load(file)
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings() {
				log.Warn(w.Error())
			}
			node.Version = buildVersion()
			n, err := node.New(cfg, log)
			if err != nil { // a busy port, a directory that cannot be written: something of the configuration
				return usageError{err}
			}
			ctx, stop := context.WithCancel(cmd.Context())
			defer stop()
			onHangup(ctx, n.Reload)
			return n.Run(ctx)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the node's configuration (YAML)")
	return cmd
}

// onHangup calls fn at each SIGHUP until ctx ends.
func onHangup(ctx context.Context, fn func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangup)
		for {
			select {
			case <-hangup:
				fn()
			case <-ctx.Done():
				return
			}
		}
	}()
}
