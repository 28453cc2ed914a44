package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/amibus/amibus/node/config"
)

func hashSecretCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash-secret",
		Short: "Print the hash of a secret, for manager.conf",
		Long: "hash-secret reads a secret, from the terminal without showing it or else from the first line of its input, and prints the\n" +
			"line that stands for it in a user's section of manager.conf. Such a user logs in with the plain secret, best over TLS:\n" +
			"MD5 and HTTP digest need the secret itself.",
		Example: "  amibus hash-secret\n  amibus hash-secret < secret.txt",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			secret, err := readSecret(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			hash, err := config.HashSecret(secret)
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "secret = %s\n", hash)
			return err
		},
	}
}

// readSecret asks a person twice, and takes the first line of anything else.
func readSecret(ctx context.Context, in io.Reader, prompt io.Writer) (string, error) {
	tty, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(tty.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(in, 64<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("the secret cannot be read: %w", err)
		}
		return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
	}
	var given [2]string
	for i, text := range []string{"Secret: ", "Once more: "} {
		fmt.Fprint(prompt, text)
		b, err := readHidden(ctx, int(tty.Fd()))
		fmt.Fprintln(prompt)
		if err != nil {
			return "", fmt.Errorf("the secret cannot be read: %w", err)
		}
		given[i] = string(b)
	}
	if given[0] != given[1] {
		return "", usageError{errors.New("the two secrets differ")}
	}
	return given[0], nil
}

// readHidden shows the terminal's input again also when a signal ends it.
func readHidden(ctx context.Context, fd int) ([]byte, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return l.text, l.err
	case <-ctx.Done(): // the reader ends with the process
		term.Restore(fd, before)
		return nil, errors.New("interrupted")
	}
}
