package main

import (
	"io"
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
		Use:   "run [--config FILE]",
		Short: "Run one node",
		Long: "run runs one node until it is told to stop (SIGTERM, Ctrl-C). Without --config it takes " + systemFile + ", if that is there.\n" +
			"Without that, too, it is a node of its own on loopback, with the built-in call engine in the place of an Asterisk and a user whose\n" +
			"secret is printed at the first start.",
		Example: "  amibus run --config alpha.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLog(cmd)
			if err != nil {
				return err
			}
			cfg, err := load(file, cmd.OutOrStdout())
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
			defer tellSystemd(cmd.Context(), n)()
			return n.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the node's configuration (YAML)")
	return cmd
}

// load reads the configuration, or makes that of a node that is given none.
func load(file string, out io.Writer) (*config.Config, error) {
	if _, err := os.Stat(systemFile); file == "" && err == nil {
		file = systemFile
	}
	if file == "" {
		dir, err := stateDir()
		if err == nil {
			file, err = standalone(dir, out)
		}
		if err != nil {
			return nil, usageError{err}
		}
	}
	return config.Load(file)
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
