package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/verify"
)

// loginTime is how long dialing and the login may take together.
const loginTime = 10 * time.Second

// live checks a connection until the time is over or a signal comes.
func (f verifyFlags) live(cmd *cobra.Command) error {
	secret, err := config.Asterisk{SecretFile: f.secretFile, SecretEnv: f.secretEnv}.Secret()
	if f.secretFile == "" && f.secretEnv == "" {
		err = errors.New("--address needs --secret-file FILE or --secret-env VARIABLE")
	}
	if err != nil {
		return usageError{err}
	}
	ctx := cmd.Context()
	conn, err := (&net.Dialer{Timeout: loginTime, KeepAlive: 15 * time.Second}).DialContext(ctx, "tcp", f.address)
	if err != nil {
		return fmt.Errorf("--address: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c := f.checker(cmd.OutOrStdout(), "")
	client := verifyClient{conn: conn, dec: ami.NewDecoder(conn, ami.Client), check: c}
	switch err := client.login(f.user, secret); {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", f.address, err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "logged in to %s as %s\n", f.address, f.user)
	if f.length > 0 {
		stop := time.AfterFunc(f.length, func() { _ = conn.SetReadDeadline(time.Now()) })
		defer stop.Stop()
	}
	err = client.listen()
	switch {
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		err = nil
		c.End(f.atRest)
	case err == io.EOF:
		err = errors.New("the server has closed the connection")
	}
	return errors.Join(err, summary(cmd.OutOrStdout(), f.address, c.Stats()))
}

// verifyClient is a manager session that is checked from its first byte on.
type verifyClient struct {
	conn  net.Conn
	dec   *ami.Decoder
	check *verify.Checker
}

// login proves the secret without sending it.
func (v *verifyClient) login(user, secret string) error {
	if err := v.conn.SetDeadline(time.Now().Add(loginTime)); err != nil {
		return err
	}
	banner, err := v.dec.Line()
	if err != nil {
		return fmt.Errorf("no banner: %w", err)
	}
	if !strings.HasPrefix(string(banner), "Asterisk Call Manager/") {
		return fmt.Errorf("not a manager: it says %.60q", banner)
	}
	v.check.Connected()
	answer, err := v.ask(ami.New("Action", "Challenge", "AuthType", "MD5"))
	if err != nil {
		return err
	}
	sum := md5.Sum([]byte(string(answer.Get("Challenge")) + secret))
	if _, err = v.ask(ami.New("Action", "Login", "AuthType", "MD5", "Username", user, "Key", hex.EncodeToString(sum[:]))); err != nil {
		return err
	}
	return v.conn.SetDeadline(time.Time{})
}

// ask sends an action and returns its answer, which is the next message: no event comes before the login.
func (v *verifyClient) ask(action *ami.Message) (*ami.Message, error) {
	name := action.Action()
	v.check.Sent(action)
	if _, err := v.conn.Write(action.Bytes()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for {
		m, err := v.dec.Decode()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		v.check.Next(m)
		switch {
		case m.Kind() != ami.KindResponse:
		case string(m.Get("Response")) != "Success":
			return nil, fmt.Errorf("%s refused: %s", name, m.Get("Message"))
		default:
			return m, nil
		}
	}
}

func (v *verifyClient) listen() error {
	for {
		m, err := v.dec.Decode()
		if err != nil {
			return err
		}
		v.check.Next(m)
	}
}
