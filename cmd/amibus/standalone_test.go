package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
)

// TestStandalone: run without a configuration writes one that is good, makes a secret and prints it once; a second start keeps both.
func TestStandalone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state", "amibus")
	var first, second bytes.Buffer
	file, err := standalone(dir, &first)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^no --config: running \S+/amibus\.yaml\nuser admin, secret (\w{26}) \(shown once; it is kept in \S+/manager\.conf\)\n$`).
		FindStringSubmatch(first.String())
	if m == nil {
		t.Fatalf("the first start says %q", first.String())
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if w := cfg.Warnings(); len(w) > 0 || cfg.Source.Kind != config.KindEngine {
		t.Errorf("source %s, warnings %v", cfg.Source.Kind, w)
	}
	users, err := config.LoadManager(cfg.AMI.ManagerConf, "")
	if err != nil {
		t.Fatal(err)
	}
	if u, ok := users.User("admin"); !ok || !secretIs(t, u, m[1]) || len(users.Warnings) > 0 || users.Address() != "127.0.0.1:5038" {
		t.Errorf("user %+v, warnings %v, address %s", u, users.Warnings, users.Address())
	}
	if info, err := os.Stat(cfg.AMI.ManagerConf); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("manager.conf: %v, %v", info.Mode(), err)
	}
	if _, err := standalone(dir, &second); err != nil || bytes.Contains(second.Bytes(), []byte("secret")) {
		t.Errorf("the second start says %q, %v", second.String(), err)
	}
}

// TestRunWithoutConfiguration: the node of its own runs, and places a call.
func TestRunWithoutConfiguration(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	n := &testNode{name: "amibus", dir: filepath.Join(state, "amibus")}
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// As standalone writes them, but for the ports: others run at the same time.
	n.write(t, "amibus.yaml", strings.NewReplacer("127.0.0.1:8080", "127.0.0.1:0").Replace(standaloneNode))
	n.write(t, "manager.conf", strings.NewReplacer("5038", "0", "%s", "secret").Replace(standaloneUsers))
	p := &process{cmd: amibus(t, "", "run"), log: &lockedBuffer{}}
	p.cmd.Env = append(p.cmd.Env, "XDG_STATE_HOME="+state)
	n.start(t, p)
	c := dial(t, n.addr.AMI)
	eventually(t, 20*time.Second, "the engine is up", func() bool { return n.metric("amibus_source_up") == 1 })
	c.send("Action: Originate\r\nActionID: 1\r\nChannel: Local/answer@test/n\r\nApplication: Wait\r\nData: 1\r\nAsync: true\r\n\r\n")
	if m := c.answer("1"); string(m.Get("Response")) != "Success" {
		t.Fatalf("Originate: %q", m.Bytes())
	}
	eventually(t, 20*time.Second, "the call has ended", func() bool {
		ended := 0
		for _, e := range c.seen() {
			if bytes.HasPrefix(e, []byte("Event: Hangup\r\n")) {
				ended++
			}
		}
		return ended == 2
	})
}
