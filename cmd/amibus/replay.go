package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami/capture"
)

type replayFlags struct {
	listen, speed, username, secretFile string
	loop                                bool
}

func replayCommand() *cobra.Command {
	var flags replayFlags
	cmd := &cobra.Command{
		Use:   "replay --listen ADDR CAPTURE_DIR INSTANCE",
		Short: "Serve a recorded Asterisk",
		Long: "replay serves a capture as if it were the Asterisk that was recorded: the events at their recorded times, beginning with the\n" +
			"first login, and the recorded answers. It invents no events.",
		Example: "  amibus replay --listen 127.0.0.1:5038 --speed 10 testdata/captures/busy-1 alpha",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return serveCapture(cmd, flags, args[0], args[1])
		},
	}
	cmd.Flags().StringVar(&flags.listen, "listen", "", "host:port to listen on; port 0 takes any")
	cmd.Flags().StringVar(&flags.speed, "speed", "1", "1: as recorded, N: N times as fast, max: as fast as the clients read")
	cmd.Flags().BoolVar(&flags.loop, "loop", false, "start again at the end")
	cmd.Flags().StringVar(&flags.username, "username", "admin", "who may log in")
	cmd.Flags().StringVar(&flags.secretFile, "secret-file", "", `a file with the secret (default: the secret is "secret", on loopback only)`)
	return cmd
}

func serveCapture(cmd *cobra.Command, flags replayFlags, dir, instance string) error {
	log, err := newLog(cmd)
	if err != nil {
		return err
	}
	cfg, err := flags.config()
	if err != nil {
		return usageError{err}
	}
	cfg.Log = log
	if cfg.Capture, err = capture.OpenDir(dir, instance); err != nil {
		return usageError{err}
	}
	ln, err := flags.open(cfg.Secret)
	if err != nil {
		return usageError{err}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "listening on %s: %s of %s, %d events, speed %s, user %s\n",
		ln.Addr(), instance, cfg.Capture.Scenario, len(cfg.Capture.Events()), flags.speed, flags.username)
	return capture.NewServer(cfg).Serve(cmd.Context(), ln)
}

// config is what the flags say, without the capture. Its Secret is empty without a secret file, which stands for the default.
func (f replayFlags) config() (capture.Config, error) {
	cfg := capture.Config{Loop: f.loop, Username: f.username}
	var err error
	if cfg.Speed, err = parseSpeed(f.speed); err == nil && f.secretFile != "" {
		if cfg.Secret, err = (config.Asterisk{SecretFile: f.secretFile}).Secret(); err != nil {
			err = fmt.Errorf("--secret-file: %w", err)
		}
	}
	return cfg, err
}

// parseSpeed gives 0 for max, as capture.Config has it.
func parseSpeed(text string) (float64, error) {
	if text == "max" {
		return 0, nil
	}
	speed, err := strconv.ParseFloat(text, 64)
	if err != nil || !(speed > 0 && speed <= 1e6) { // in this form it refuses NaN, too
		return 0, fmt.Errorf("--speed is %q, must be max or a number above 0", text)
	}
	return speed, nil
}

// open listens, beyond loopback only with a secret that not everybody knows.
func (f replayFlags) open(secret string) (net.Listener, error) {
	if f.listen == "" {
		return nil, errors.New("replay needs --listen ADDR; see amibus replay --help")
	}
	addr, err := net.ResolveTCPAddr("tcp", f.listen)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if secret == "" && !addr.IP.IsLoopback() {
		return nil, fmt.Errorf("--listen %s is beyond loopback, and everybody knows the default secret; add --secret-file", f.listen)
	}
	ln, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w; free the port or choose another (0 takes any)", err)
	}
	return ln, nil
}
