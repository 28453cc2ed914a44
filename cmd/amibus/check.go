package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/amibus/amibus/node/config"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check a node's configuration and the files it names",
		Long: "check reads a node's configuration, and the manager.conf, acl.conf, secret and key it names, as run would. Each error is a\n" +
			"line of its own: file, line, key, what is wrong. It starts nothing.",
		Example: "  amibus check alpha.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := config.Load(args[0])
			if err != nil {
				return err
			}
			users, err := config.LoadManager(cfg.AMI.ManagerConf, cfg.AMI.ACLConf)
			if err != nil {
				return err
			}
			for _, w := range append(cfg.Warnings(), users.Warnings...) {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", args[0])
			return nil
		},
	}
}
