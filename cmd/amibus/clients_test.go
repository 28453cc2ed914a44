package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clientsDir has unmodified AMI clients of the npm registry, a script for each, and what runs these.
const clientsDir = "testdata/clients"

// TestClients: each client logs in, lists the channels of the cluster, receives an event of another node, originates and logs off, at a
// node of three. The other two have engines with calls. make clients installs the clients first.
//
//ami:client 1 2 4 5 9 11 12 13 14 16
func TestClients(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: there is no node on this machine; no client of the npm registry was tried")
	}
	if _, err := os.Stat(filepath.Join(clientsDir, "node_modules")); err != nil {
		t.Skip("SKIPPED: no client is installed; make clients installs them from the npm registry, and tries them")
	}
	own := newFakeAsterisk(t)
	own.list = []string{"Local/ans-20@test-00000001;1", "Local/ans-20@test-00000001;2", "IAX2/bravo-77"}
	nodes := newCluster(t, map[string]string{"alpha": own.addr(), "bravo": engineSource, "charlie": engineSource}, "alpha", "bravo", "charlie")
	for _, n := range nodes {
		eventually(t, 20*time.Second, n.name+" has calls", func() bool { return n.source != engineSource || n.metric("amibus_engine_channels") > 0 })
	}
	_, port, err := net.SplitHostPort(nodes["alpha"].addr.AMI)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"asterisk-manager", "asterisk-ami-client", "yana", "nami", "ami-io"} {
		for _, other := range []string{"bravo", "charlie"} {
			t.Run(name+" hears "+other, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, node, "drive.js", name, port, other)
				cmd.Dir = clientsDir
				out, err := cmd.CombinedOutput()
				lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
				if err != nil || len(lines) != 5 || !strings.HasPrefix(lines[2], "event ") {
					t.Fatalf("%v:\n%s", err, out)
				}
				listed := 0
				if _, err := fmt.Sscanf(lines[1], "list %d", &listed); err != nil || listed <= len(own.list) {
					t.Errorf("%s, want more than the %d of the own node", lines[1], len(own.list))
				}
				lines[1], lines[2] = "list", "event"
				if got, want := strings.Join(lines, "|"), "login|list|event|originate Success|logoff Goodbye"; got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}
