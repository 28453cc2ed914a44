package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// block is a fenced block of a document.
type block struct{ info, text string }

func blocks(t *testing.T, file string) (all []block) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```([a-z ]*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		all = append(all, block{m[1], m[2]})
	}
	return all
}

// TestQuickStart runs the commands of docs/quickstart.md as they stand there, but for the ports, one after the other in one directory.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIPPED: there is no curl")
	}
	dir, bin := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(bin, "amibus"), "#!/bin/sh\nexec "+self+" \"$@\"\n")
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(bin, "amibus"), 0o755); err != nil {
		t.Fatal(err)
	}
	ports := strings.NewReplacer("127.0.0.1:5039", freeAddr(t), "telnet://127.0.0.1:5038", "telnet://"+"AMI", "127.0.0.1:8080", "ADMIN")
	ami, admin := freeAddr(t), freeAddr(t)
	command := func(text string) *exec.Cmd {
		text = ports.Replace(text)
		text = strings.NewReplacer("AMI", ami, "ADMIN", admin, "port = 5038", "port = "+strings.TrimPrefix(ami, "127.0.0.1:"),
			"ami:    {manager_conf: manager.conf}\nEOF", "ami:    {manager_conf: manager.conf}\nbus: {nats: {route_listen: \"\"}, member: {listen: \"\"}}\nadmin: {listen: \""+admin+"\"}\nEOF").Replace(text)
		c := exec.CommandContext(t.Context(), "sh", "-e", "-c", text)
		c.Dir, c.Env = dir, append(amibus(t, "").Env, "PATH="+bin+":"+os.Getenv("PATH"), "CLONE="+repository)
		c.WaitDelay = time.Second
		return c
	}
	ran, outputs := 0, ""
	for _, b := range blocks(t, "../../docs/quickstart.md") {
		switch b.info {
		case "sh background":
			c := command("exec " + b.text)
			c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		case "sh":
			out, err := command(b.text).CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", b.text, err, out)
			}
			outputs += string(out)
		default:
			continue
		}
		ran++
	}
	if ran < 7 {
		t.Errorf("only %d commands", ran)
	}
	if strings.Contains(outputs, "warning:") {
		t.Errorf("what the quick start says warns:\n%.3000s", outputs)
	}
	for _, want := range []string{"alpha.yaml: ok", `"ready":true`, "Asterisk Call Manager/", "Authentication accepted", "CoreShowChannelsComplete", "node.crt", "box/amibus.yaml: ok"} {
		if !strings.Contains(outputs, want) {
			t.Errorf("nothing says %s:\n%.3000s", want, outputs)
		}
	}
}

// TestLinks: what the documents link to is there.
func TestLinks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../../README.md", "../../deploy/k8s/README.md")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([\w./-]*[./][\w./-]+)(#[^)]*)?\)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
	}
}

// TestKubernetesCommands runs the commands of deploy/k8s/README.md, without a cluster: what would be created is only made.
func TestKubernetesCommands(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("SKIPPED: there is no kubectl")
	}
	dir, bin := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	deploy, err := filepath.Abs("../../deploy")
	if err != nil {
		t.Fatal(err)
	}
	users, err := os.ReadFile("../../deploy/docker/manager.conf")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(bin, "amibus"), "#!/bin/sh\nexec "+self+" \"$@\"\n")
	write(t, filepath.Join(dir, "manager.conf"), string(users))
	if err := errors.Join(os.Chmod(filepath.Join(bin, "amibus"), 0o755), os.Symlink(deploy, filepath.Join(dir, "deploy"))); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, b := range blocks(t, "../../deploy/k8s/README.md") {
		if b.info != "sh" {
			continue
		}
		ran++
		text := strings.NewReplacer("kubectl create", "kubectl create --dry-run=client --output=yaml", "kubectl apply -k", "kubectl kustomize").Replace(b.text)
		c := exec.CommandContext(t.Context(), "sh", "-e", "-c", text)
		c.Dir, c.Env = dir, append(amibus(t, "").Env, "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, want := range []string{"name: amibus-keys", "node.key: ", "name: amibus-users", "manager.conf: ", "kind: StatefulSet"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("nothing says %s", want)
			}
		}
	}
	if ran == 0 {
		t.Error("no commands")
	}
}
