package main

import (
	"bufio"
	"bytes"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestVerifyLive: on a node the merged stream of two is in order, and an interrupt ends the check with 0.
func TestVerifyLive(t *testing.T) {
	t.Parallel()
	sources := map[string]string{"alpha": freeAddr(t), "charlie": freeAddr(t)}
	nodes := newCluster(t, sources, "alpha", "charlie")
	var out bytes.Buffer
	cmd := amibus(t, nodes["alpha"].dir, "verify", "--address", nodes["charlie"].addr.AMI, "--secret-file", "secret.txt")
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stderr).ReadString('\n'); err != nil || !strings.HasPrefix(line, "logged in to ") {
		t.Fatalf("it says %q, %v", line, err)
	}
	watcher := dial(t, nodes["charlie"].addr.AMI)
	replay(t, sources["alpha"], "10", "local-optimization", "alpha")
	replay(t, sources["charlie"], "10", "call-answered", "charlie")
	watcher.wait(len(recorded(t, "local-optimization", "alpha"))+len(recorded(t, "call-answered", "charlie")), time.Minute, nodes["charlie"].addr.AMI)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if !regexp.MustCompile(`^[\d.:]+: \d{3,} messages, \d{3,} events of [23] nodes, 0 violations\n`).Match(out.Bytes()) {
		t.Errorf("it printed\n%s", out.String())
	}
}

// TestVerifyLiveViolations: an Asterisk that says the same calls again and again is told of. --for ends it.
func TestVerifyLiveViolations(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	replay(t, addr, "max", "call-answered", "alpha", "--loop")
	var code int
	var stdout, stderr string
	eventually(t, 20*time.Second, "a connection", func() bool {
		code, stdout, stderr = finish(t, files(t), "verify", "--address", addr, "--secret-file", "good-secret.txt", "--for", "2s")
		return !strings.Contains(stderr, "refused")
	})
	if code != 1 || !strings.Contains(stdout, "rule 2: a second Newchannel of a Uniqueid that nobody chose") || !regexp.MustCompile(`\d+ violations\n$`).MatchString(stderr) {
		t.Errorf("exit code %d\n%.2000s\n%s", code, stdout, tail(stderr, 1000))
	}
}
