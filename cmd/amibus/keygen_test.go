package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amibus/amibus/bus"
)

// keygenAt runs amibus keygen.
func keygenAt(t *testing.T, args ...string) string {
	t.Helper()
	out, err := amibus(t, "", append([]string{"keygen"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("keygen %v: %v %s", args, err, out)
	}
	return string(out)
}

// TestKeygen: three nodes that listen on all interfaces, with nothing but what keygen makes. They have each other in view over TLS, a monitor
// reads the events of one at another, a node with the keys of another cluster is kept out, and a node takes a new certificate while it runs.
func TestKeygen(t *testing.T) {
	t.Parallel()
	keys, foreign := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "foreign")
	keygenAt(t, keys, "alpha", "bravo", "--valid", "48h")
	if out := keygenAt(t, keys, "charlie"); !strings.Contains(out, "nodes/charlie/node.crt") || strings.Contains(out, "ca.key") {
		t.Errorf("the second call: %s", out)
	}
	keygenAt(t, foreign, "delta")
	for _, secret := range []string{"ca.key", "gossip.key", "mon.nk", "ops.nk", "sys.nk", "nodes/alpha/node.key"} {
		if info, err := os.Stat(filepath.Join(keys, secret)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", secret, info.Mode(), err)
		}
	}
	nodes := map[string]*testNode{}
	var join []string
	start := func(name, dir string) *testNode {
		n := &testNode{name: name, dir: t.TempDir(), join: join, keys: dir}
		n.run(t)
		return n
	}
	for _, name := range []string{"alpha", "bravo", "charlie"} {
		nodes[name] = start(name, keys)
		join = append(join, nodes[name].addr.Member)
	}
	inView(t, nodes, 3)
	delta := start("delta", foreign)
	readsEvents(t, keys, nodes["bravo"], nodes["alpha"])

	keygenAt(t, keys, "charlie", "--renew")
	c := nodes["charlie"]
	c.copyKeys(t)
	first := "the certificate of the bus has changed"
	time.Sleep(1100 * time.Millisecond) // files are looked at once a second
	nodes["bravo"].kill()
	nodes["bravo"].run(t)
	inView(t, nodes, 3)
	eventually(t, 20*time.Second, "charlie has taken its new certificate", func() bool { return strings.Contains(c.log.String(), first) })
	if n := delta.metric("amibus_stream_nodes_in_view"); n != 1 {
		t.Errorf("a node of another cluster has %v nodes in view", n)
	}
}

// readsEvents has a monitor at one node read an event of another.
func readsEvents(t *testing.T, keys string, at, of *testNode) {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(keys, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	key, err := nats.NkeyOptionFromSeed(filepath.Join(keys, "mon.nk"))
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(at.addr.Client)
	monitor, err := nats.Connect("tls://127.0.0.1:"+port, key, nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}))
	if err != nil {
		t.Fatal(err)
	}
	defer monitor.Close()
	events, err := monitor.SubscribeSync(bus.EventPattern)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, of.addr.AMI)
	eventually(t, 20*time.Second, "the monitor reads an event of the other node", func() bool {
		fmt.Fprint(c.conn, "Action: UserEvent\r\nUserEvent: Seen\r\n\r\n")
		_, err := events.NextMsg(200 * time.Millisecond)
		return err == nil
	})
	if c, err := nats.Connect("tls://127.0.0.1:"+port, nats.Secure(&tls.Config{RootCAs: pool})); err == nil {
		c.Close()
		t.Error("who has no NKey may connect")
	}
}
