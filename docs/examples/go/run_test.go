package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

const isMain = "AMIBUS_TEST_IS_EXAMPLE"

// TestMain lets the test binary be the example itself.
func TestMain(m *testing.M) {
	if os.Getenv(isMain) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program is a running example.
type program struct {
	cmd   *exec.Cmd
	out   syncBuffer
	ready chan struct{} // it has subscribed, and with -merge knows the nodes
}

type syncBuffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	seen func(text string)
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen != nil {
		s.seen(string(p))
	}
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func startProgram(t *testing.T, merged bool, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{cmd: cmd, ready: make(chan struct{})}
	var once sync.Once
	await := func(what string) func(string) {
		return func(text string) {
			if strings.Contains(text, what) {
				once.Do(func() { close(p.ready) })
			}
		}
	}
	errOut := &syncBuffer{}
	if merged {
		p.out.seen = await("in order from here on")
	} else {
		errOut.seen = await("listening to")
	}
	cmd.Stdout, cmd.Stderr = &p.out, errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%v:\n%s", cmd.Args, errOut.String())
		}
	})
	return p
}

// texts waits for the end of the program and returns the AMI text of each event, under its node's name or, all in one list, under "".
func (p *program) texts(t *testing.T, perNode bool) map[string][]string {
	t.Helper()
	timer := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v: %v", p.cmd.Args, err)
	}
	all := map[string][]string{}
	r := bufio.NewReader(strings.NewReader(p.out.String()))
	node := ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return all
		}
		switch {
		case strings.HasPrefix(line, "! in order"), strings.HasPrefix(line, "! node"):
		case strings.HasPrefix(line, "!"):
			t.Errorf("%v: %s", p.cmd.Args, line)
		case strings.HasPrefix(line, "# default/"):
			if perNode {
				node = strings.Split(line, "/")[1]
			}
		case strings.HasPrefix(line, "Event: "):
			text := line
			for line != "\r\n" && err == nil {
				line, err = r.ReadString('\n')
				text += line
			}
			all[node] = append(all[node], text)
		}
	}
}

// TestExamples runs both examples beside two nodes that say everything Asterisks were recorded to say.
func TestExamples(t *testing.T) {
	t.Parallel()
	nodeModules := installNode(t)
	a, b := openBus(t, "alpha"), openBus(t, "bravo")
	route(t, a, b)
	nodes := []*node{startNode(t, a, "alpha", 1), startNode(t, b, "bravo", 1, "alpha")}
	said := map[string][]string{} // AMI text, by node
	var calls, ofOne []string
	id := "alpha-1700000000.12"
	var entries [2][]wire.Entry
	for i, n := range nodes {
		for _, raw := range append(captured(t, n.name, 50*i), entryOf(t, "Event: UserEvent\r\nPrivilege: user,all\r\nUniqueid: "+id+"\r\nUserEvent: M\xfcll\r\n\r\n")[0].Raw()) {
			e, err := wire.ParseEntry(raw)
			if err != nil {
				t.Fatal(err)
			}
			text := string(e.AMI())
			entries[i] = append(entries[i], e)
			said[n.name] = append(said[n.name], text)
			if ami.Class(e.Classes()).First() == "call" {
				calls = append(calls, text)
			}
			if string(e.Uniqueid()) == id {
				ofOne = append(ofOne, text)
			}
		}
	}
	total := len(said["alpha"]) + len(said["bravo"])
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	example := func(flags ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), self, append([]string{"-url", "nats://" + b.ClientAddr()}, flags...)...)
		cmd.Env = append(os.Environ(), isMain+"=1")
		return cmd
	}
	count := func(n int) string { return fmt.Sprint(n) }
	plain := startProgram(t, false, example("-count", count(total)))
	merged := startProgram(t, true, example("-count", count(total), "-merge", "-hold", hold.String()))
	class := startProgram(t, false, example("-count", count(len(calls)), "-class", "call"))
	one := startProgram(t, false, example("-count", count(len(ofOne)), "-uniqueid", id))
	programs := []*program{plain, merged, class, one}
	var nodeAll, nodeOne *program
	if nodeModules != "" {
		script := func(flags ...string) *exec.Cmd {
			proto, err := filepath.Abs("../../../proto/amibus/v1/event.proto")
			if err != nil {
				t.Fatal(err)
			}
			return exec.CommandContext(t.Context(), "node", append([]string{filepath.Join(nodeModules, "consumer.js"), "--url", "nats://" + b.ClientAddr(), "--proto", proto}, flags...)...)
		}
		nodeAll = startProgram(t, false, script("--count", count(total)))
		nodeOne = startProgram(t, false, script("--count", count(len(ofOne)), "--uniqueid", id))
		programs = append(programs, nodeAll, nodeOne)
	}
	for _, p := range programs {
		wait(t, p.ready)
	}
	fence, err := b.Subscribe("fence.all.subscriptions", func(bus.Msg) {}) // routes carry interest in order
	if err != nil {
		t.Fatal(err)
	}
	defer fence()
	eventually(t, "alpha's server knows who listens at bravo's", func() bool { return a.Wanted("fence.all.subscriptions") })
	var load sync.WaitGroup
	for i, n := range nodes {
		load.Go(func() {
			for k, e := range entries[i] {
				n.stream.Publish(e)
				if k%20 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	load.Wait()
	same := func(who string, got, want []string) {
		t.Helper()
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s: %d events, want %d; the first that differs is %d:\n%q\nwant\n%q", who, len(got), len(want), i,
					got[min(i, len(got)):min(i+1, len(got))], want[min(i, len(want)):min(i+1, len(want))])
				return
			}
		}
	}
	for name, p := range map[string]*program{"the Go example": plain, "the Node example": nodeAll} {
		if p != nil {
			got := p.texts(t, true)
			same(name+", events of alpha", got["alpha"], said["alpha"])
			same(name+", events of bravo", got["bravo"], said["bravo"])
		}
	}
	var order []string
	eventually(t, "alpha's own listener has all", func() bool { return nodes[0].len() >= total })
	for _, e := range nodes[0].get() {
		_, text, _ := strings.Cut(e, "\n")
		order = append(order, text)
	}
	same("the Go example, merged", merged.texts(t, false)[""], order)
	sorted := func(p *program) []string { return slices.Sorted(slices.Values(p.texts(t, false)[""])) }
	slices.Sort(calls)
	slices.Sort(ofOne)
	same("the Go example, one class", sorted(class), calls)
	same("the Go example, one call", sorted(one), ofOne)
	if nodeOne != nil {
		same("the Node example, one call", sorted(nodeOne), ofOne)
	}
	if len(calls) == 0 || len(ofOne) == 0 {
		t.Error("nothing was tested")
	}
}

// installNode copies the Node example to a directory of its own and installs its packages there. "" if that cannot be done here.
func installNode(t *testing.T) (dir string) {
	t.Helper()
	skip := func(why string) string {
		if os.Getenv("CI") != "" {
			t.Fatal("the Node example cannot be tested, and CI is set: " + why)
		}
		t.Run("node", func(t *testing.T) {
			t.Skip("SKIPPED: the Node example (docs/examples/node) is NOT tested: " + why)
		})
		return ""
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return skip(tool + " is not installed")
		}
	}
	dir = t.TempDir()
	for _, name := range []string{"consumer.js", "text.js", "package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join("../node", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return skip(fmt.Sprintf("npm ci failed, perhaps because no package registry can be reached: %v\n%s", err, out))
	}
	return dir
}
