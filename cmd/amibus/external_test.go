package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/natsbus"
)

// natsServers runs three nats-server processes, built from the module; kill and run take one of them by its number.
func natsServers(t *testing.T) (urls []string, seed string, kill, run func(i int)) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "nats-server")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, nats-server cannot be built: %v %s", err, out)
	}
	seed, public, err := natsbus.NewUser()
	if err != nil {
		t.Fatal(err)
	}
	var clients, routes, routeURLs []string
	for range 3 {
		clients, routes = append(clients, freeAddr(t)), append(routes, freeAddr(t))
		urls = append(urls, "nats://"+clients[len(clients)-1])
		routeURLs = append(routeURLs, "nats-route://"+routes[len(routes)-1])
	}
	servers := make([]*exec.Cmd, 3)
	kill = func(i int) { _ = servers[i].Process.Kill(); _ = servers[i].Wait() }
	run = func(i int) {
		conf := filepath.Join(dir, fmt.Sprint(i, ".conf"))
		text := fmt.Sprintf("server_name: n%d\nlisten: %s\nmax_payload: 8MB\nauthorization { users: [ { nkey: %s } ] }\ncluster { name: out, listen: %s, routes: [%s] }\n",
			i, clients[i], public, routes[i], strings.Join(routeURLs, ", "))
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		servers[i] = exec.Command(binary, "-c", conf)
		if err := servers[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range servers {
		run(i)
	}
	t.Cleanup(func() {
		for i := range servers {
			kill(i)
		}
	})
	return urls, seed, kill, run
}

// TestExternalNATS: three nodes with calls over three NATS servers of their own, which are killed one after the other. Clients of all nodes see
// one legal stream, and nothing is lost.
func TestExternalNATS(t *testing.T) {
	t.Parallel()
	urls, seed, kill, run := natsServers(t)
	nodes := map[string]*testNode{}
	var join []string
	for _, name := range []string{"alpha", "bravo", "charlie"} {
		n := &testNode{name: name, dir: t.TempDir(), source: engineSource, join: join, urls: urls}
		n.write(t, "nats.nk", seed)
		n.run(t)
		nodes[name], join = n, append(join, n.addr.Member)
	}
	inView(t, nodes, 3)
	clients := map[string]*client{}
	for name, n := range nodes {
		clients[name] = dialAs(t, n.addr.AMI, "ids")
	}
	for i := range urls {
		kill(i)
		time.Sleep(1500 * time.Millisecond)
		run(i)
		inView(t, nodes, 3)
	}
	for name, n := range nodes {
		n := n
		eventually(t, 20*time.Second, name+" sees calls", func() bool {
			clients[name].mu.Lock()
			defer clients[name].mu.Unlock()
			return len(clients[name].events) > 500
		})
		clients[name].verify()
		if lost := n.metric("amibus_stream_lost_total"); lost != 0 {
			t.Errorf("%s has declared %v events lost", name, lost)
		}
	}
}
