package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// rootCommand returns the command line. Errors are printed by main alone, and a usage error does not print the whole help.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "amibus",
		Short:         "Several Asterisks, one AMI stream",
		Long:          "amibus sits beside each Asterisk. The nodes find each other, and an AMI client of any one sees the events of all,\nonce and in one order, and acts on all.",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().String("log-format", "", "text or json (default: text on a terminal, else json)")
	root.PersistentFlags().String("log-level", "info", "debug, info, warn or error")
	root.AddCommand(runCommand(), demoCommand(), checkCommand(), hashSecretCommand(), keygenCommand(), replayCommand(), verifyCommand(), benchCommand(), versionCommand())
	return root
}

// newLog returns the logger that the flags ask for. It writes to stderr: stdout is for what a command was asked to print.
func newLog(cmd *cobra.Command) (*slog.Logger, error) {
	name, _ := cmd.Flags().GetString("log-level")
	levels := []string{"debug", "info", "warn", "error"}
	var level slog.Level
	if !slices.Contains(levels, name) || level.UnmarshalText([]byte(name)) != nil {
		return nil, usageError{fmt.Errorf("--log-level is %q, must be one of %s", name, strings.Join(levels, ", "))}
	}
	out, options := cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}
	switch format, _ := cmd.Flags().GetString("log-format"); {
	case format == "text", format == "" && isTerminal(out):
		return slog.New(slog.NewTextHandler(out, options)), nil
	case format == "json", format == "":
		return slog.New(slog.NewJSONHandler(out, options)), nil
	default:
		return nil, usageError{fmt.Errorf("--log-format is %q, must be text or json", format)}
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
