package node

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
)

// TestReloadACL: a reload reads the named lists anew, and with them who may log in; sessions stay.
//
//ami:same 5.12 13.5
func TestReloadACL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Node.Name, cfg.Node.DataDir, cfg.Source.Kind = "alpha", filepath.Join(dir, "data"), config.KindNone
	cfg.AMI.ManagerConf, cfg.AMI.ACLConf = filepath.Join(dir, "manager.conf"), filepath.Join(dir, "acl.conf")
	cfg.Admin.Listen, cfg.Bus.Hold, cfg.Bus.NATS.RouteListen, cfg.Bus.Member.Listen = "", 5*time.Second, "127.0.0.1:0", "127.0.0.1:0"
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cfg.AMI.ManagerConf, "[general]\nbindaddr=127.0.0.1\nport=0\n[admin]\nsecret=secret\nread=all\nacl=office\n")
	write(cfg.AMI.ACLConf, "[office]\ndeny=0.0.0.0/0\npermit=127.0.0.1\n")
	n, err := New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	old, err := login(t, n.AMI(), "admin", "Events: off")
	if err != nil {
		t.Fatal(err)
	}
	write(cfg.AMI.ACLConf, "[office]\ndeny=0.0.0.0/0\n")
	if err := n.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, err := login(t, n.AMI(), "admin"); err == nil {
		t.Error("logged in from an address that is denied now")
	}
	if err := old.say("Action: Ping"); err != nil {
		t.Fatal(err)
	}
	if m, err := old.Decode(); err != nil || string(m.Get("Ping")) != "Pong" {
		t.Errorf("the old session: %v", err)
	}
	write(cfg.AMI.ACLConf, "[office]\npermit=127.0.0.1\n")
	if err := n.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, err := login(t, n.AMI(), "admin"); err != nil {
		t.Error(err)
	}
}
