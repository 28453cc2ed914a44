package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// What a node is told that is given no configuration: files of its own, as the user would write them. The secret goes into manager.conf.
const (
	standaloneNode = `# Written by the first "amibus run" without a configuration. It is yours: change what you like.
node:   {name: amibus, data_dir: data}
source: {kind: engine}                     # the built-in call engine in the place of an Asterisk
ami:    {manager_conf: manager.conf}
bus:                                       # alone; name addresses to meet other nodes
  nats:   {route_listen: ""}
  member: {listen: ""}
admin:  {listen: "127.0.0.1:8080"}
`
	standaloneUsers = `; Written by the first "amibus run" without a configuration. It is yours: change what you like.
[general]
enabled = yes
bindaddr = 127.0.0.1
port = 5038

[admin]
secret = %s
read = all
write = all
writetimeout = 5000
`
)

// standalone returns the configuration of a node that is given none: the built-in engine on loopback, alone, with one user whose secret is
// made, and printed, at the first start. It is in the user's own directory.
func standalone(dir string, out io.Writer) (file string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	file = filepath.Join(dir, "amibus.yaml")
	if err := writeNew(file, standaloneNode); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	fmt.Fprintf(out, "no --config: running %s\n", file)
	users, secret := filepath.Join(dir, "manager.conf"), rand.Text()
	switch err := writeNew(users, fmt.Sprintf(standaloneUsers, secret)); {
	case err == nil:
		fmt.Fprintf(out, "user admin, secret %s (shown once; it is kept in %s)\n", secret, users)
	case !errors.Is(err, os.ErrExist):
		return "", err
	}
	return file, nil
}

// writeNew writes a file that must not be there yet, for its owner alone.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// stateDir is where a program keeps what is its own, by the XDG convention.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "amibus"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%w: without a home directory run needs --config FILE", err)
	}
	return filepath.Join(home, ".local", "state", "amibus"), nil
}
