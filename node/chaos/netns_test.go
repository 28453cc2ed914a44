//go:build chaos && linux

package chaos

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Namespaces of this test, and of no other: what has this prefix is removed at the start, as left behind by a run that was killed.
const (
	prefix = "amibus-chaos-"
	hub    = prefix + "hub" // holds the bridge: nothing of this is in the machine's own namespace
)

// needNamespaces skips the test where there are none to be had.
func needNamespaces(t *testing.T) {
	t.Helper()
	const nothing = "; nothing about kills and cuts was tested here"
	if os.Geteuid() != 0 {
		t.Skip("chaos SKIPPED: needs root for network namespaces" + nothing)
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("chaos SKIPPED: needs the tool ip (package iproute2)" + nothing)
	}
	lockMachine(t)
	tearDown(t)
	if out, err := exec.Command("ip", "netns", "add", hub).CombinedOutput(); err != nil {
		t.Skipf("chaos SKIPPED: network namespaces cannot be made here (%s)%s", strings.TrimSpace(string(out)), nothing)
	}
	t.Cleanup(func() { tearDown(t) })
	if out, err := exec.Command("ip", "-n", hub, "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Skipf("chaos SKIPPED: network namespaces cannot be used here (%s)%s", strings.TrimSpace(string(out)), nothing)
	}
}

// network makes a namespace for each name, joined by a bridge. A node listens beyond loopback only with credentials, so 127.77.0.0/24
// is the network: in the namespaces the kernel is told to take it for any other, while it is loopback for who only reads the address.
func network(t *testing.T, names []string) {
	t.Helper()
	tearDown(t)
	ip(t, "netns", "add", hub)
	t.Cleanup(func() { tearDown(t) })
	ip(t, "-n", hub, "link", "add", "bridge", "type", "bridge")
	ip(t, "-n", hub, "link", "set", "bridge", "up")
	for i, name := range names {
		ns := prefix + name
		ip(t, "netns", "add", ns)
		ip(t, "link", "add", "bus", "netns", ns, "type", "veth", "peer", "name", name, "netns", hub)
		ip(t, "-n", hub, "link", "set", name, "master", "bridge", "up")
		ip(t, "-n", ns, "link", "set", "lo", "up")
		ip(t, "-n", ns, "address", "del", "127.0.0.1/8", "dev", "lo")
		ip(t, "-n", ns, "address", "add", "127.0.0.1/32", "dev", "lo")
		if err := inside(name, func() error {
			for _, dev := range []string{"all", "lo", "bus"} {
				if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+dev+"/route_localnet", []byte("1"), 0); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		ip(t, "-n", ns, "address", "add", address(i)+"/24", "dev", "bus")
		ip(t, "-n", ns, "link", "set", "bus", "up")
	}
}

// address of the nth namespace on the bridge.
func address(n int) string { return fmt.Sprintf("127.77.0.%d", n+1) }

// plug pulls the cable of a node, or puts it back.
func plug(t *testing.T, name string, in bool) {
	t.Helper()
	ip(t, "-n", hub, "link", "set", name, map[bool]string{true: "up", false: "down"}[in])
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// lockMachine lets one run at a time use the names.
func lockMachine(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile("/run/amibus-chaos.lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatalf("another run of the chaos tests holds %s: wait for its end", f.Name())
	}
	t.Cleanup(func() { f.Close() }) // after tearDown: cleanups run in reverse
}

// tearDown ends what runs in the namespaces and removes them, and with them their links.
func tearDown(t *testing.T) {
	out, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		t.Errorf("ip netns list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		ns, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(ns, prefix) {
			continue
		}
		pids, _ := exec.Command("ip", "netns", "pids", ns).Output() // a namespace half made has none
		for pid := range strings.FieldsSeq(string(pids)) {
			if n, err := strconv.Atoi(pid); err == nil && n != os.Getpid() {
				_ = syscall.Kill(n, syscall.SIGKILL) // it may be gone
			}
		}
		if out, err := exec.Command("ip", "netns", "del", ns).CombinedOutput(); err != nil {
			t.Errorf("ip netns del %s: %v: %s", ns, err, out)
		}
	}
}

// inside calls fn on a thread in the node's namespace: sockets opened and processes started by fn itself belong there for ever. The
// thread ends with it.
func inside(name string, fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		f, err := os.Open("/run/netns/" + prefix + name)
		if err != nil {
			done <- err
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter the namespace of %s: %w", name, err)
			return
		}
		done <- fn()
	}()
	return <-done
}

// dial connects within a namespace.
func dial(name, addr string) (conn net.Conn, err error) {
	err = inside(name, func() error {
		d := net.Dialer{Timeout: 2 * time.Second}
		conn, err = d.DialContext(context.Background(), "tcp", addr)
		return err
	})
	return conn, err
}
