// Command amibus joins the AMI of several Asterisks into one. Each command has a file of its own; main.go holds what only a process
// has: signals and exit codes.
//
// Exit codes: 0 when all went well or a signal asked to stop, 1 when something failed on the way, 2 when what it was told (arguments,
// configuration, addresses) cannot be.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/amibus/amibus/node/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries one command out and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root, begun := rootCommand(), false
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true } // what fails before is about the arguments
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	problems, wrongConfig := errors.AsType[config.Problems](err)
	_, wrongUsage := errors.AsType[usageError](err)
	if wrongConfig { // a line each, which begins with the file, as editors want it
		fmt.Fprintln(stderr, problems)
	} else {
		fmt.Fprintln(stderr, "amibus:", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if wrongConfig || wrongUsage || !begun {
		return 2
	}
	return 1
}

// usageError is an error of what amibus was told, not of the world.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }
