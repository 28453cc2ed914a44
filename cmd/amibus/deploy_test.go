package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDeployedConfigurations: amibus check takes every configuration in deploy, with what keygen makes.
func TestDeployedConfigurations(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"../../deploy/k8s/*/amibus.yaml", "../../deploy/k8s/overlays/*/amibus.yaml", "../../deploy/docker/amibus.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 5 {
		t.Fatalf("only %v", files)
	}
	keys := filepath.Join(t.TempDir(), "keys")
	keygenAt(t, keys, "node")
	users, err := os.ReadFile("../../deploy/docker/manager.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		dir := t.TempDir()
		for _, name := range []string{"ca.crt", "gossip.key", "bus-users.txt", "nodes/node/node.crt", "nodes/node/node.key"} {
			b, err := os.ReadFile(filepath.Join(keys, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []string{filepath.Base(name), "keys/" + name} {
				write(t, filepath.Join(dir, at), string(b))
			}
		}
		seed, err := os.ReadFile(filepath.Join(keys, "mon.nk"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "nats.nk"), string(seed))
		write(t, filepath.Join(dir, "manager.conf"), string(users))
		write(t, filepath.Join(dir, "asterisk-secret"), "secret\n")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		moved := strings.NewReplacer("/etc/amibus/", dir+"/", "/config/", dir+"/", "/keys/", dir+"/keys/", "/var/lib/amibus", dir+"/data").Replace(string(text))
		write(t, filepath.Join(dir, "amibus.yaml"), moved)
		if out, err := amibus(t, "", "check", filepath.Join(dir, "amibus.yaml")).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSystemd: a node tells systemd when it has joined, that it lives, and that it stops.
func TestSystemd(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "s") // a short path: that of a socket may not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	n := &testNode{name: "alpha", dir: t.TempDir()}
	n.configure(t)
	p := &process{cmd: amibus(t, "", "run", "--config", filepath.Join(n.dir, "amibus.yaml")), log: &lockedBuffer{}}
	p.cmd.Env = append(p.cmd.Env, "NOTIFY_SOCKET="+filepath.Join(dir, "notify"), "WATCHDOG_USEC=300000")
	n.start(t, p)
	told := func(want string) {
		t.Helper()
		buf := make([]byte, 100)
		for {
			_ = socket.SetReadDeadline(time.Now().Add(20 * time.Second))
			k, err := socket.Read(buf)
			if err != nil {
				t.Fatalf("systemd is not told %s: %v", want, err)
			}
			if strings.TrimSpace(string(buf[:k])) == want {
				return
			}
		}
	}
	told("READY=1")
	told("WATCHDOG=1")
	told("WATCHDOG=1")
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	told("STOPPING=1")
}
