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

// TestClients: each client logs in, lists channels, receives an event of another node, originates and logs off, at a node of three. The
// other two have recorded Asterisks; a recording has no answer to the headers that some clients add to an action, and so the client's own
// node has a scripted one. make clients installs the clients first.
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
	bravo, charlie := freeAddr(t), freeAddr(t)
	replay(t, bravo, "10", "iax-interbox", "bravo", "--loop")
	replay(t, charlie, "10", "call-answered", "charlie", "--loop")
	nodes := newCluster(t, map[string]string{"alpha": own.addr(), "bravo": bravo, "charlie": charlie}, "alpha", "bravo", "charlie")
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
				lines[2] = "event"
				if got, want := strings.Join(lines, "|"), fmt.Sprintf("login|list %d|event|originate Success|logoff Goodbye", len(own.list)); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}
