package main

import (
	"crypto/rand"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// A node in trouble says so in one line and a metric, and goes on serving.
func TestTroubleWithTheSource(t *testing.T) {
	t.Parallel()
	silent := func(net.Conn) {}
	noise := func(c net.Conn) {
		b := make([]byte, 1<<16)
		for {
			if _, err := rand.Read(b); err != nil {
				return
			}
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
	cases := []struct {
		name, metric, log string
		peer              func(net.Conn)
	}{
		{"garbage", "amibus_source_garbage_total", "is not an Asterisk manager", noise},
		{"an HTTP server", "amibus_source_garbage_total", "is not an Asterisk manager", func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }},
		{"a peer that hangs up", "amibus_source_unreachable_total", "sends no banner", silent},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() {
				for {
					conn, err := ln.Accept()
					if err != nil {
						return
					}
					go func() { defer conn.Close(); c.peer(conn) }()
				}
			}()
			wantTrouble(t, ln.Addr().String(), c.metric, c.log)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		wantTrouble(t, freeAddr(t), "amibus_source_unreachable_total", "connection refused")
	})
	t.Run("wrong secret", func(t *testing.T) {
		t.Parallel()
		n := &testNode{dir: t.TempDir()}
		n.write(t, "other.txt", "another one")
		addr := freeAddr(t)
		spawn(t, "replay", "--listen", addr, "--secret-file", n.dir+"/other.txt", captures+"/call-answered", "alpha")
		wantTrouble(t, addr, "amibus_source_login_refused_total", "wrong username or secret")
	})
}

func wantTrouble(t *testing.T, source, metric, log string) {
	t.Helper()
	n := &testNode{name: "alpha", dir: t.TempDir(), source: source, join: []string{"127.0.0.1:1"}} // nobody to join either
	n.run(t)
	eventually(t, 20*time.Second, metric, func() bool { return n.metric(metric) >= 2 }) // it has tried again
	if !strings.Contains(n.log.String(), log) {
		t.Fatalf("the log does not say %q:\n%s", log, n.log.String())
	}
	if n := strings.Count(n.log.String(), log); n > 3 {
		t.Fatalf("the log says it %d times", n)
	}
	if !strings.Contains(n.log.String(), "127.0.0.1:1") {
		t.Fatal("the log does not name the address that cannot be joined")
	}
	if n.metric("amibus_member_unreachable_total") < 1 {
		t.Fatal("the address that cannot be joined is not counted")
	}
	c := dial(t, n.addr.AMI) // clients are served all the same
	c.send("Action: Getvar\r\nVariable: X\r\nActionID: 1\r\n\r\n")
	if m := c.answer("1"); string(m.Get("Outcome")) != "not executed" {
		t.Fatalf("an action without a source: %q", m.Bytes())
	}
}

func TestBusyPort(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() }) // after the subtests, which run in parallel
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for _, key := range []string{"ami", "route_listen", "client_listen", "member", "admin"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			n := &testNode{dir: t.TempDir()}
			ports := map[string]string{"ami": "0", "route_listen": "0", "client_listen": "0", "member": "0", "admin": "0"}
			ports[key] = port
			n.write(t, "secret.txt", "secret")
			n.write(t, "manager.conf", "[general]\nenabled=yes\nbindaddr=127.0.0.1\nport="+ports["ami"]+"\n[admin]\nsecret=secret\n")
			n.write(t, "amibus.yaml", `node: {name: alpha}
source: {kind: none}
ami: {manager_conf: manager.conf}
bus:
  nats: {route_listen: "127.0.0.1:`+ports["route_listen"]+`", client_listen: "127.0.0.1:`+ports["client_listen"]+`"}
  member: {listen: "127.0.0.1:`+ports["member"]+`"}
admin: {listen: "127.0.0.1:`+ports["admin"]+`"}
`)
			code, _, stderr := finish(t, n.dir, "run", "--config", "amibus.yaml", "--log-level", "error")
			if code != 2 || !strings.Contains(stderr, "127.0.0.1:"+port) || strings.Count(stderr, "\n") != 1 {
				t.Fatalf("exit code %d, stderr %q; want 2 and one line that names 127.0.0.1:%s", code, stderr, port)
			}
		})
	}
}

func TestGracefulStop(t *testing.T) {
	t.Parallel()
	nodes := newCluster(t, map[string]string{"alpha": "", "bravo": ""}, "alpha", "bravo")
	c := dial(t, nodes["bravo"].addr.AMI)
	interrupt(t, nodes["bravo"])
	eventually(t, 10*time.Second, "bravo's client is let go", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.err != nil
	})
	eventually(t, 10*time.Second, "alpha sees bravo leave", func() bool {
		return nodes["alpha"].metric(`amibus_stream_changes_total{change="left"}`) == 1
	})
	if dropped := nodes["alpha"].metric(`amibus_stream_changes_total{change="dropped"}`); dropped != 0 {
		t.Fatal("a node that left was dropped")
	}
}

func interrupt(t *testing.T, n *testNode) {
	t.Helper()
	if err := n.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Wait(); err != nil {
		t.Fatalf("%s ended with %v\n%s", n.name, err, n.log.String())
	}
}
