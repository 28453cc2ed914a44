package node

import (
	"fmt"
	"os"

	"github.com/amibus/amibus/bus/natsbus"
)

// openBus starts the embedded NATS server, or connects to external ones.
func (n *Node) openBus() error {
	c := n.cfg.Bus.NATS
	b := natsbus.Config{Name: n.self.String(), RouteListen: c.RouteListen, ClientListen: c.ClientListen, Insecure: n.cfg.Bus.Insecure, URLs: c.URLs,
		NKeyFile: c.NKeyFile, Credentials: c.Credentials, Log: n.component("bus")}
	users, err := n.busUsers()
	if err != nil {
		return err
	}
	b.Users = users
	if len(c.URLs) > 0 {
		b.Dial, err = c.TLS.Dial()
	} else if b.Routes, err = c.TLS.Routes(n.busCertificate); err == nil {
		b.Clients, err = c.TLS.Clients()
	}
	if err != nil {
		return fmt.Errorf("bus.nats.tls: %w", err)
	}
	n.bus, err = natsbus.Start(b)
	return err
}

// busCertificate tells of the certificate of the routes: its files have changed.
func (n *Node) busCertificate(err error) {
	if err != nil {
		n.component("bus").Error("the certificate of the bus has changed and cannot be read; the old one stays", "err", err)
		return
	}
	n.component("bus").Info("the certificate of the bus has changed")
}

// busUsers reads who may connect to bus.nats.client_listen.
func (n *Node) busUsers() (natsbus.Users, error) {
	file := n.cfg.Bus.NATS.UsersFile
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("bus.nats.users_file: %w", err)
	}
	users, err := natsbus.ParseUsers(text)
	if err != nil {
		return nil, fmt.Errorf("bus.nats.users_file %s, %w", file, err)
	}
	return users, nil
}

// reloadBusUsers reads them anew.
func (n *Node) reloadBusUsers() error {
	users, err := n.busUsers()
	if err == nil {
		err = n.bus.SetUsers(users)
	}
	if err != nil {
		n.log.Error("users of the bus not reloaded, the old ones stay", "err", err)
	}
	return err
}
