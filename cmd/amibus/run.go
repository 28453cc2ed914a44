package main

import (
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
			defer onHangup(func() { _ = n.Reload() })() // it logs what is wrong
			return n.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the node's configuration (YAML)")
	return cmd
}

// onHangup calls fn at each SIGHUP until stop is called. Without a handler SIGHUP would end the process.
func onHangup(fn func()) (stop func()) {
	hangup, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-hangup:
				fn()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(done)
	}
}
