package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/verify"
)

const captures = "../../testdata/captures"

// process is a running amibus.
type process struct {
	cmd *exec.Cmd
	log *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// spawn starts amibus with these arguments; it is killed when the test ends.
func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: amibus(t, "", args...), log: &lockedBuffer{}}
	p.start(t)
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("amibus %s:\n%s", strings.Join(p.cmd.Args[1:], " "), tail(p.log.String(), 4000))
		}
	})
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone
	_ = p.cmd.Wait()
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// engineSource stands for the built-in engine, with calls, where the address of an Asterisk stands else.
const engineSource = "engine"

// testNode is one amibus run process with its files.
type testNode struct {
	*process
	name, dir, source string
	join              []string
	journal           string   // "": memory
	general           string   // more lines of [general] in manager.conf
	web               bool     // AMI over HTTP and HTTPS; cert.pem is the certificate
	keyFile           bool     // gossip.key encrypts the gossip
	urls              []string // of external NATS servers; the seed is in nats.nk
	keys              string   // what keygen has made: then the bus listens on all interfaces
	addr              struct{ AMI, HTTP, HTTPS, Admin, Route, Client, Member string }
}

// run starts the node (again) and waits until it says where it listens.
func (n *testNode) run(t *testing.T) {
	t.Helper()
	n.configure(t)
	n.start(t, &process{cmd: amibus(t, "", "run", "--config", filepath.Join(n.dir, "amibus.yaml"), "--log-level", "debug"), log: &lockedBuffer{}})
}

// start starts the node's process, and waits until it says where it listens.
func (n *testNode) start(t *testing.T, p *process) {
	t.Helper()
	addresses := filepath.Join(n.dir, "data", "addresses.json")
	_ = os.Remove(addresses)
	p.start(t)
	n.process = p
	eventually(t, 20*time.Second, n.name+" says where it listens", func() bool {
		b, err := os.ReadFile(addresses)
		return err == nil && json.Unmarshal(b, &n.addr) == nil
	})
}

// configure writes the node's files.
func (n *testNode) configure(t *testing.T) {
	t.Helper()
	n.write(t, "secret.txt", "secret\n")
	n.write(t, "manager.conf", "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = 0\n"+n.general+"[admin]\nsecret = secret\nread = all\nwrite = all\nwritetimeout = 10000\n[ids](admin)\neventid = yes\n")
	text := fmt.Sprintf(`node:   {name: %s, data_dir: data}
source: {kind: asterisk, asterisk: {address: "%s", username: admin, secret_file: secret.txt}}
ami:    {manager_conf: manager.conf}
bus:
  hold: 5s # the promises under test hold while nobody is dropped; a busy machine may keep a process from running for longer than 300 ms
  journal: %s
  nats:   {route_listen: "127.0.0.1:0", client_listen: "127.0.0.1:0"}
  member: {listen: "127.0.0.1:0", join: [%s]}
admin:  {listen: "127.0.0.1:0"}
`, n.name, n.source, cmp.Or(n.journal, "memory"), quoted(n.join))
	source := map[string]string{"": "source: {kind: none}", engineSource: "source: {kind: engine, engine: {load: {calls_per_second: 5}}}"}[n.source]
	if source != "" {
		text = strings.Replace(text, text[strings.Index(text, "source:"):strings.Index(text, "\nami:")], source, 1)
	}
	if n.web {
		n.configureWeb(t)
		text = strings.Replace(text, "ami:    {", "ami:    {http_conf: http.conf, ", 1)
	}
	if n.keyFile {
		text = strings.Replace(text, "member: {", "member: {key_file: gossip.key, ", 1)
	}
	if n.urls != nil {
		text = strings.Replace(text, `nats:   {route_listen: "127.0.0.1:0", client_listen: "127.0.0.1:0"}`,
			fmt.Sprintf("nats:   {urls: [%s], nkey_file: nats.nk}", quoted(n.urls)), 1)
	}
	if n.keys != "" {
		n.copyKeys(t)
		text = strings.Replace(text, `nats:   {route_listen: "127.0.0.1:0", client_listen: "127.0.0.1:0"}`, `nats:
    route_listen: "0.0.0.0:0"
    client_listen: "0.0.0.0:0"
    tls: {ca_file: ca.crt, cert_file: node.crt, key_file: node.key}
    users_file: bus-users.txt`, 1)
		text = strings.Replace(text, `member: {listen: "127.0.0.1:0", `, `member: {listen: "0.0.0.0:0", advertise: 127.0.0.1, key_file: gossip.key, `, 1)
	}
	n.write(t, "amibus.yaml", text)
}

// copyKeys copies what keygen has made for this node.
func (n *testNode) copyKeys(t *testing.T) {
	t.Helper()
	for _, file := range []string{"ca.crt", "gossip.key", "bus-users.txt", "nodes/" + n.name + "/node.crt", "nodes/" + n.name + "/node.key"} {
		b, err := os.ReadFile(filepath.Join(n.keys, file))
		if err != nil {
			t.Fatal(err)
		}
		n.write(t, filepath.Base(file), string(b))
	}
}

func quoted(list []string) string {
	var q []string
	for _, s := range list {
		q = append(q, fmt.Sprintf("%q", s))
	}
	return strings.Join(q, ", ")
}

func (n *testNode) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// metric returns the value of a metric line, or -1.
func (n *testNode) metric(name string) float64 {
	resp, err := http.Get("http://" + n.addr.Admin + "/metrics")
	if err != nil {
		return -1
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(b)) {
		var v float64
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &v); err == nil {
				return v
			}
		}
	}
	return -1
}

// newCluster starts one node for each source address; "" is a node without a source. Every node sees all others.
func newCluster(t *testing.T, sources map[string]string, names ...string) map[string]*testNode {
	t.Helper()
	nodes := map[string]*testNode{}
	var join []string
	for _, name := range names {
		n := &testNode{name: name, dir: t.TempDir(), source: sources[name], join: join}
		n.run(t)
		join = append(join, n.addr.Member)
		nodes[name] = n
	}
	inView(t, nodes, len(names))
	return nodes
}

func inView(t *testing.T, nodes map[string]*testNode, want int) {
	t.Helper()
	for name, n := range nodes {
		eventually(t, 20*time.Second, fmt.Sprintf("%s has %d nodes in view", name, want), func() bool {
			return n.metric("amibus_stream_nodes_in_view") == float64(want)
		})
	}
}

func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// nextPort begins below the range from which systems choose ports themselves, at another place for each test process.
var nextPort = func() *atomic.Int32 {
	var p atomic.Int32
	p.Store(int32(12_000 + os.Getpid()*61%16_000))
	return &p
}()

// freeAddr returns an address for a server that starts later. No listener on port 0 gets it in between.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", nextPort.Add(1))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

// replay starts amibus replay. The clock of the recording starts when a node has logged in.
func replay(t *testing.T, addr, speed, scenario, instance string, flags ...string) *process {
	t.Helper()
	args := append([]string{"replay", "--listen", addr, "--speed", speed}, flags...)
	return spawn(t, append(args, filepath.Join(captures, scenario), instance)...)
}

// client is a plain AMI client that keeps every event it is sent.
type client struct {
	t      *testing.T
	conn   net.Conn
	mu     sync.Mutex
	events [][]byte
	other  []*ami.Message
	err    error
}

// dial logs in with a user who sees everything.
func dial(t *testing.T, addr string) *client {
	t.Helper()
	return dialAs(t, addr, "admin")
}

// dialAs logs in with more lines than those a login needs.
func dialAs(t *testing.T, addr, user string, lines ...string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, conn: conn}
	t.Cleanup(func() { conn.Close() })
	go c.read()
	c.send("Action: Login\r\nUsername: " + user + "\r\nSecret: secret\r\nActionID: login\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n")
	if m := c.answer("login"); string(m.Get("Response")) != "Success" {
		t.Fatalf("login: %q", m.Bytes())
	}
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() {
	d := ami.NewDecoder(c.conn, ami.Client)
	_, err := d.Line()
	for err == nil {
		var m *ami.Message
		if m, err = d.Decode(); err != nil {
			break
		}
		c.mu.Lock()
		if m.Kind() == ami.KindEvent && m.Has("Privilege") {
			c.events = append(c.events, bytes.Clone(m.Bytes()))
		} else {
			c.other = append(c.other, m.Clone())
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
}

// answer waits for the response with that ActionID.
func (c *client) answer(id string) *ami.Message {
	c.t.Helper()
	var found *ami.Message
	eventually(c.t, 20*time.Second, "answer to "+id, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, m := range c.other {
			if m.Kind() == ami.KindResponse && string(m.Get("ActionID")) == id {
				found = m
				return true
			}
		}
		if c.err != nil {
			c.t.Fatalf("the node hung up: %v", c.err)
		}
		return false
	})
	return found
}

// seen returns the events so far, without those about the test's own logins and about the standing of nodes: each node has its own view.
func (c *client) seen(own ...string) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all [][]byte
	for _, e := range c.events {
		if !aboutUs(e, own) {
			all = append(all, e)
		}
	}
	return all
}

// aboutUs: a login at one of the listeners in own, the FullyBooted of this login, a change of a node's standing, or what was made up since the
// Asterisk had it before.
func aboutUs(e []byte, own []string) bool {
	if bytes.HasSuffix(e, []byte("\r\nSynthetic: yes\r\n\r\n")) {
		return true
	}
	if bytes.HasPrefix(e, []byte("Event: NodeState\r\n")) && bytes.Contains(e, []byte("\r\nEpoch: ")) {
		return true
	}
	if bytes.HasPrefix(e, []byte("Event: FullyBooted\r\n")) && !bytes.Contains(e, []byte("SystemName")) {
		return true
	}
	for _, addr := range own {
		_, port, _ := net.SplitHostPort(addr)
		if bytes.Contains(e, []byte("\r\nLocalAddress: IPV4/TCP/127.0.0.1/"+port+"\r\n")) {
			return true
		}
	}
	return false
}

// verify checks the order of all events so far, each node's by itself.
func (c *client) verify() {
	c.t.Helper()
	check := verify.New(verify.Config{Report: func(v verify.Violation) { c.t.Error(v) }})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		m, err := ami.ParseMessage(e)
		if err != nil {
			c.t.Fatal(err)
		}
		check.Next(m)
	}
	if s := check.Stats(); s.Forgotten > 0 {
		c.t.Errorf("not all was checked: %+v", s)
	}
}

func (c *client) wait(n int, within time.Duration, own ...string) [][]byte {
	c.t.Helper()
	eventually(c.t, within, fmt.Sprintf("%d events", n), func() bool {
		c.mu.Lock()
		enough := len(c.events) >= n // to look through them all each time would keep the nodes from running
		c.mu.Unlock()
		return enough && len(c.seen(own...)) >= n
	})
	return c.seen(own...)
}
