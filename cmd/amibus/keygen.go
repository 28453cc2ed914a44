package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/amibus/amibus/bus/natsbus"
)

func keygenCommand() *cobra.Command {
	var k keygen
	c := &cobra.Command{
		Use:   "keygen DIR NODE...",
		Short: "Make the keys and certificates of a cluster",
		Long: "keygen makes in DIR what the nodes of a cluster need to trust each other, and those who may watch them: an authority of the\n" +
			"cluster's own, a certificate for each node, the key of the gossip, and an NKey for a monitor, an operator and the system. Called\n" +
			"again it adds nodes; with --renew it makes new certificates for nodes that have one. DIR/README.md says what is what.",
		Example: "  amibus keygen keys alpha bravo charlie --host '*.pbx.example.net'\n  amibus keygen keys delta\n  amibus keygen keys alpha --renew",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			k.dir, k.nodes = args[0], args[1:]
			if err := k.run(); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "made %s; see %s\n", strings.Join(k.made, ", "), filepath.Join(k.dir, "README.md"))
			return err
		},
	}
	c.Flags().StringSliceVar(&k.hosts, "host", nil, "one more name or address of the nodes, for those who connect to bus.nats.client_listen; may be repeated")
	c.Flags().DurationVar(&k.valid, "valid", 2*365*24*time.Hour, "how long the certificates of nodes are valid")
	c.Flags().BoolVar(&k.renew, "renew", false, "make new certificates for nodes that have one")
	return c
}

// keygen is one call of the command.
type keygen struct {
	dir          string
	nodes, hosts []string
	valid        time.Duration
	renew        bool
	made         []string // files, relative to dir
}

func (k *keygen) run() error {
	for _, node := range k.nodes {
		if !fs.ValidPath(node) || strings.ContainsAny(node, `/\ `) || node == "." {
			return usageError{fmt.Errorf("node %q: want a name as in node.name", node)}
		}
	}
	if k.valid < time.Hour {
		return usageError{fmt.Errorf("--valid %v: want an hour at least", k.valid)}
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	ca, err := k.authority()
	if err != nil {
		return err
	}
	for _, node := range k.nodes {
		if err := k.node(ca, node); err != nil {
			return err
		}
	}
	if err := errors.Join(k.gossip(), k.users(), k.write("README.md", []byte(keygenReadme), 0o644)); err != nil {
		return err
	}
	return nil
}

// has tells whether a file is there already.
func (k *keygen) has(name string) bool {
	_, err := os.Stat(filepath.Join(k.dir, name))
	return err == nil
}

// write makes a file, whole or not at all.
func (k *keygen) write(name string, text []byte, mode fs.FileMode) error {
	path := filepath.Join(k.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, mode); err != nil {
		return err
	}
	k.made = append(k.made, name)
	return os.Rename(path+".new", path)
}

// names are those that the certificate of a node is good for.
func (k *keygen) names(node string) (dns []string, ips []net.IP) {
	for _, host := range append([]string{node, "localhost", "127.0.0.1", "::1"}, k.hosts...) {
		if ip := net.ParseIP(host); ip != nil {
			ips = append(ips, ip)
		} else if !slices.Contains(dns, host) {
			dns = append(dns, host)
		}
	}
	return dns, ips
}

func (k *keygen) gossip() error {
	if k.has("gossip.key") {
		return nil
	}
	var b [32]byte
	rand.Read(b[:]) // never fails
	return k.write("gossip.key", []byte(base64.StdEncoding.EncodeToString(b[:])+"\n"), 0o600)
}

// users makes one of each role.
func (k *keygen) users() error {
	if k.has("bus-users.txt") {
		return nil
	}
	list := "# Who may connect to bus.nats.client_listen: role and public NKey, one a line. Roles: mon, ops, sys. SIGHUP reads it anew.\n"
	for _, role := range []natsbus.Role{natsbus.Monitor, natsbus.Operator, natsbus.System} {
		seed, public, err := natsbus.NewUser()
		if err != nil {
			return err
		}
		if err := k.write(string(role)+".nk", []byte(seed+"\n"), 0o600); err != nil {
			return err
		}
		list += string(role) + " " + public + "\n"
	}
	return k.write("bus-users.txt", []byte(list), 0o644)
}

const keygenReadme = `# Keys of an amibus cluster

| file | what it is | where it belongs |
|---|---|---|
| ca.key | the key of the cluster's authority: whoever has it can make nodes | nowhere but here; keep it offline |
| ca.crt | its certificate | every node: bus.nats.tls.ca_file; and those who connect to bus.nats.client_listen |
| nodes/NAME/node.crt, node.key | certificate and key of one node | that node: bus.nats.tls.cert_file and key_file |
| gossip.key | encrypts the gossip | every node: bus.member.key_file |
| bus-users.txt | who may connect to bus.nats.client_listen | every node: bus.nats.users_file |
| mon.nk | NKey seed of a monitor: reads events and marks, nothing else | who watches |
| ops.nk | NKey seed of an operator: a monitor that may also send actions | who acts |
| sys.nk | NKey seed for the system account of NATS: servers, no events | who runs the servers |

    bus:
      nats:
        route_listen: 0.0.0.0:6222
        tls: {ca_file: ca.crt, cert_file: node.crt, key_file: node.key}
        client_listen: 0.0.0.0:4222        # if somebody is to read events from NATS
        users_file: bus-users.txt
      member: {listen: "0.0.0.0:7946", key_file: gossip.key, join: ["bravo:7946"]}

Another node: amibus keygen DIR NAME. New certificates before the old ones end: amibus keygen DIR NAME --renew, then copy node.crt and node.key;
a running node takes them at its next connection. Another user: any NKey of a user (nk -gen user), its public key in bus-users.txt, then SIGHUP.
A new key of the gossip: append it on every node, put it first, remove the old one, each time with SIGHUP.
`
