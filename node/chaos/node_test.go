//go:build chaos && linux

package chaos

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	hold = flag.Duration("hold", 300*time.Millisecond, "bus.hold of the nodes")
	keep = flag.String("journal", "memory", "bus.journal of the nodes")
	nice = flag.Int("nice", 0, "nice value of the nodes; below 0 they go before everything else on the machine")
)

const adminAddr = "127.0.0.1:8080"

// workDir is removed at the end; build puts amibus there, once.
var workDir string

var build = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(workDir, "amibus")
	if out, err := exec.Command("go", "build", "-o", path, "../../cmd/amibus").CombinedOutput(); err != nil {
		return "", fmt.Errorf("amibus cannot be built: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if workDir, err = os.MkdirTemp("", "amibus-chaos-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(workDir)
		return m.Run()
	}())
}

// node is one amibus process with its Asterisk and its client.
type node struct {
	name, dir string
	index     int
	asterisk  *asterisk
	recorder  *recorder
	web       *http.Client
	cmd       *exec.Cmd
}

// newNode writes the node's files; all nodes have the same ports, each in its namespace.
func newNode(t *testing.T, index int, name string, others []string) *node {
	t.Helper()
	n := &node{name: name, index: index, dir: filepath.Join(t.ArtifactDir(), name), web: &http.Client{Timeout: 5 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
			return dial(name, adminAddr)
		}}}}
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"secret.txt": "secret\n",
		"manager.conf": "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = 5038\n[admin]\nsecret = secret\nread = all\nwrite = all\nwritetimeout = 30000\n" +
			"[follower]\nsecret = secret\nread = all\nwrite = all\nwritetimeout = 30000\neventid = yes\n",
		"amibus.yaml": fmt.Sprintf(`node:   {name: %s, data_dir: data}
source: {asterisk: {address: "%s", username: admin, secret_file: secret.txt}}
ami:    {manager_conf: manager.conf}
bus:
  hold: %v
  journal: %s
  nats:   {route_listen: "%s:6222"}
  member: {listen: "%s:7946", join: ["%s"]}
admin:  {listen: "%s"}
`, name, asteriskAddr, *hold, *keep, address(index), address(index), strings.Join(others, `", "`), adminAddr),
	} {
		if err := os.WriteFile(filepath.Join(n.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Log(n.tail())
		}
	})
	return n
}

// start runs the node in its namespace. Its log goes on in the same file.
func (n *node) start(t *testing.T) {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n.cmd = exec.Command(path, "run", "--config", "amibus.yaml", "--log-level", "debug")
	n.cmd.Dir, n.cmd.Stdout, n.cmd.Stderr = n.dir, log, log
	if err := inside(n.name, func() error {
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, *nice); err != nil { // of this thread, and what it starts
			return err
		}
		return n.cmd.Start()
	}); err != nil {
		t.Fatal(err)
	}
}

// kill is kill -9; it returns when the process is gone.
func (n *node) kill() {
	if n.cmd == nil {
		return
	}
	n.asterisk.killed()
	_ = n.cmd.Process.Kill() // it may be gone
	_ = n.cmd.Wait()
	n.cmd = nil
}

func (n *node) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		t.Fatalf("%s is gone: %v\n%s", n.name, err, n.tail())
	}
}

// metrics returns the values of all metrics, nil if the node does not answer.
func (n *node) metrics() map[string]float64 {
	resp, err := n.web.Get("http://" + adminAddr + "/metrics")
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil
	}
	all := map[string]float64{}
	for line := range strings.Lines(string(b)) {
		var v float64
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if _, err := fmt.Sscan(value, &v); ok && err == nil {
			all[name] = v
		}
	}
	return all
}

// tail is the end of the log, without what is for debugging: all of it is in the directory that -artifacts keeps.
func (n *node) tail() string {
	b, err := os.ReadFile(filepath.Join(n.dir, "log"))
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, `"level":"DEBUG"`) {
			lines = append(lines, line)
		}
	}
	return fmt.Sprintf("--- log of %s\n%s", n.name, strings.Join(lines[max(0, len(lines)-20):], ""))
}
