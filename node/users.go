package node

import (
	"crypto/tls"
	"fmt"
	"net"

	"github.com/amibus/amibus/node/config"
)

// loadUsers reads manager.conf and acl.conf, and the certificate that they name.
func (n *Node) loadUsers() error {
	users, err := config.LoadManager(n.cfg.AMI.ManagerConf, n.cfg.AMI.ACLConf)
	if err != nil {
		return err
	}
	if users.TLS != nil {
		users.TLS.Reread = n.certificateReread(n.cfg.AMI.ManagerConf)
		secure, err := users.TLS.Config()
		if err != nil {
			return fmt.Errorf("%s: %w", n.cfg.AMI.ManagerConf, err)
		}
		n.tlsConfig.Store(secure)
	}
	for _, w := range users.Warnings {
		n.log.Warn(w.Error())
	}
	n.users.Store(users)
	return nil
}

// certificateReread tells what has become of a change of the certificate that the file names.
func (n *Node) certificateReread(file string) func(error) {
	return func(err error) {
		if err != nil {
			n.log.Error("certificate not reloaded, the old one stays", "file", file, "err", err)
			return
		}
		n.log.Info("certificate reloaded", "file", file)
	}
}

// listenTLS opens the listener for AMI over TLS, if manager.conf says so. Each connection gets the configuration of that moment.
func (n *Node) listenTLS() error {
	t := n.users.Load().TLS
	if t == nil {
		return nil
	}
	ln, err := listen("the AMI listener for TLS (tlsbindaddr in "+n.cfg.AMI.ManagerConf+")", t.Listen)
	if err != nil {
		return err
	}
	n.tlsListener = tls.NewListener(ln, &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return n.tlsConfig.Load(), nil },
	})
	return nil
}

func addrOf(ln net.Listener) string {
	if ln == nil {
		return ""
	}
	return ln.Addr().String()
}

// tlsAddress is where the users' file wants AMI over TLS, "" for nowhere.
func tlsAddress(m *config.Manager) string {
	if m.TLS == nil {
		return ""
	}
	return m.TLS.Listen
}
