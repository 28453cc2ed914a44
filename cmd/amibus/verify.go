package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/verify"
)

type verifyFlags struct {
	address, user, secretFile, secretEnv string
	length                               time.Duration
	ignore                               []int
	atRest                               bool
}

func verifyCommand() *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [--address HOST:PORT --user USER --secret-file FILE | FILE...]",
		Short: "Check the order of the events of a live connection, or of files",
		Long: "verify checks that the events of an AMI connection are in an order that Asterisk promises: channels, dials, bridges, transfers, Local\n" +
			"channels, parking, queues, conferences, answers and lists; each node of a cluster by itself. It prints each violation as it comes, with\n" +
			"the events involved (the number is that of the message on the connection), and a summary. The exit code is 1 if there was any.\n\n" +
			"A FILE is what a server sent on one connection (.ami, .ami.gz, - is stdin), from the banner on or from somewhere in the middle. If what\n" +
			"the client sent lies beside it (NAME.sent beside NAME.ami), the answers are checked against it. The AMI user should see everything\n" +
			"(read = all, no eventfilter): what is hidden from it looks missing.",
		Example: "  amibus verify --address 127.0.0.1:5038 --user admin --secret-file secret.txt --for 1h\n  amibus verify testdata/captures/busy-1/*.ami.gz",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(args); err != nil {
				return usageError{err}
			}
			if flags.address != "" {
				return flags.live(cmd)
			}
			return flags.files(cmd, args)
		},
	}
	cmd.Flags().StringVar(&flags.address, "address", "", "host:port of a manager: an Asterisk or a node")
	cmd.Flags().StringVar(&flags.user, "user", "admin", "who logs in")
	cmd.Flags().StringVar(&flags.secretFile, "secret-file", "", "a file with the secret")
	cmd.Flags().StringVar(&flags.secretEnv, "secret-env", "", "the environment variable with the secret")
	cmd.Flags().DurationVar(&flags.length, "for", 0, "end a live check after this time (default: when interrupted)")
	cmd.Flags().IntSliceVar(&flags.ignore, "ignore", nil, "numbers of rules not to report")
	cmd.Flags().BoolVar(&flags.atRest, "at-rest", false, "nothing is going on at the end: what has begun must have ended")
	return cmd
}

func (f verifyFlags) check(args []string) error {
	for _, r := range f.ignore {
		if !slices.Contains(verify.Rules(), verify.Rule(r)) {
			return fmt.Errorf("--ignore %d: there is no such rule that is checked; there are %v", r, verify.Rules())
		}
	}
	switch {
	case f.address == "" && len(args) == 0:
		return errors.New("verify needs --address HOST:PORT or a FILE; see amibus verify --help")
	case f.address != "" && len(args) > 0:
		return errors.New("verify takes --address or files, not both")
	case f.address == "" && (f.length != 0 || f.secretFile != "" || f.secretEnv != ""):
		return errors.New("--for, --secret-file and --secret-env go with --address")
	case f.length < 0:
		return fmt.Errorf("--for %v: must not be negative", f.length)
	case f.secretFile != "" && f.secretEnv != "":
		return errors.New("--secret-file or --secret-env, not both")
	case strings.ContainsAny(f.user, "\r\n"):
		return errors.New("--user holds a line break")
	}
	return nil
}

// checker prints to out what it finds; the prefix stands before each violation.
func (f verifyFlags) checker(out io.Writer, prefix string) *verify.Checker {
	conf := verify.Config{Report: func(v verify.Violation) { fmt.Fprintf(out, "%s%s\n", prefix, v) }}
	for _, r := range f.ignore {
		conf.Ignore = append(conf.Ignore, verify.Rule(r))
	}
	return verify.New(conf)
}

// summary prints what was seen, and returns an error if a rule was broken.
func summary(out io.Writer, what string, s verify.Stats) error {
	fmt.Fprintf(out, "%s: %s, %s of %s, %s\n", what, plural(s.Messages, "message"), plural(s.Events, "event"), plural(int64(s.Nodes), "node"),
		plural(s.Total(), "violation"))
	for _, r := range verify.Rules() {
		if n := s.Violations[r]; n > 0 {
			fmt.Fprintf(out, "  %6d of rule %d: %s\n", n, r, r)
		}
	}
	if s.Resets > 0 {
		fmt.Fprintf(out, "  %6d times the stream said that events are missing, or that an Asterisk started or stopped\n", s.Resets)
	}
	if s.Forgotten > 0 {
		fmt.Fprintf(out, "  %6d times there was more than is remembered\n", s.Forgotten)
	}
	if n := s.Total(); n > 0 {
		return fmt.Errorf("%s: %s", what, plural(n, "violation"))
	}
	return nil
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// files checks one file after the other.
func (f verifyFlags) files(cmd *cobra.Command, names []string) error {
	var errs []error
	for _, name := range names {
		if cmd.Context().Err() != nil {
			break
		}
		errs = append(errs, f.file(cmd, name))
	}
	return errors.Join(errs...)
}

func (f verifyFlags) file(cmd *cobra.Command, name string) error {
	in, err := openStream(cmd.InOrStdin(), name)
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", name, err)}
	}
	defer in.Close()
	actions, err := openSent(name)
	if err != nil {
		return usageError{err}
	}
	prefix := ""
	if name != "-" {
		prefix = name + ": "
	}
	c := f.checker(cmd.OutOrStdout(), prefix)
	err = feed(cmd.Context(), c, in, actions)
	if err == nil {
		c.End(f.atRest)
	} else {
		err = fmt.Errorf("%s: after %d messages: %w", name, c.Stats().Messages, err)
	}
	return errors.Join(err, summary(cmd.OutOrStdout(), name, c.Stats()))
}

// feed takes the messages of a stream; a message that is cut off at the end is left out. The place of actions is not known, so they are told
// of some time before their answers.
func feed(ctx context.Context, c *verify.Checker, in io.Reader, actions *ami.Decoder) error {
	const ahead = 1000
	r := bufio.NewReader(in)
	const banner = "Asterisk Call Manager/"
	first, _ := r.Peek(len(banner))
	d := ami.NewDecoder(r, ami.Client)
	if string(first) == banner {
		if _, err := d.Line(); err != nil {
			return err
		}
		c.Connected()
	}
	tell := func() {
		if actions == nil {
			return
		}
		if m, err := actions.Decode(); m != nil && (err == nil || errors.Is(err, ami.ErrLineTooLong) || errors.Is(err, ami.ErrTooManyLines)) {
			c.Sent(m)
		}
	}
	for range ahead {
		tell()
	}
	for ctx.Err() == nil {
		m, err := d.Decode()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		c.Next(m)
		if m.Kind() == ami.KindResponse {
			tell()
		}
	}
	return nil
}

// openStream opens a file, - for stdin, gzipped or not.
func openStream(stdin io.Reader, name string) (io.ReadCloser, error) {
	in := io.NopCloser(stdin)
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, errors.Unwrap(err)
		}
		in = file
	}
	r := bufio.NewReader(in)
	magic, err := r.Peek(2)
	if err != nil && err != io.EOF {
		in.Close()
		if path, ok := errors.AsType[*os.PathError](err); ok {
			err = path.Err
		}
		return nil, err
	}
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return stream{r, in}, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		in.Close()
		return nil, err
	}
	return stream{z, in}, nil
}

// stream reads from one and closes the other.
type stream struct {
	io.Reader
	io.Closer
}

// openSent returns the actions of the client, nil if there is no such file.
func openSent(name string) (*ami.Decoder, error) {
	base, ok := strings.CutSuffix(strings.TrimSuffix(name, ".gz"), ".ami")
	if !ok {
		return nil, nil
	}
	for _, sent := range []string{base + ".sent", base + ".sent.gz"} {
		in, err := openStream(nil, sent)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sent, err)
		}
		defer in.Close()
		all, err := io.ReadAll(in) // what a client sends is little
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sent, err)
		}
		return ami.NewDecoder(bytes.NewReader(all), ami.Server), nil
	}
	return nil, nil
}
