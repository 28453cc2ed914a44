package node

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// clusterUsers are those of a testCluster.
const clusterUsers = `[general]
bindaddr=127.0.0.1
port=0
[plain]
secret=secret
read=all
write=all
writetimeout=600000
[ids](plain)
eventid=yes
[arrival](ids)
order=arrival
`

// testCluster is some nodes in one process. Each may be stopped and started again; events are raised at those that run.
type testCluster struct {
	t         testing.TB
	hold      time.Duration
	journal   string        // of nodes started from now on; memory if empty
	source    config.Source // of nodes started from now on; none if empty
	users     string        // more of them, of nodes started from now on
	lostAfter time.Duration // likewise; the default if 0
	nodes     []*testNode
	http      bool      // nodes started from now on serve AMI over HTTP, too
	site      string    // of nodes started from now on
	join      string    // a node of no testCluster that they find
	log       io.Writer // of nodes started from now on; the test's own, without what is less than a warning, if nil
}

type testNode struct {
	name, dir string
	mu        sync.RWMutex // held by who raises events; for writing by who stops the node
	*Node
	stop   func() // nil while it is down
	downs  atomic.Int64
	raised atomic.Int64
}

func newTestCluster(t testing.TB, hold time.Duration, names ...string) *testCluster {
	t.Helper()
	c := &testCluster{t: t, hold: hold}
	for _, name := range names {
		n := &testNode{name: name, dir: t.TempDir()}
		c.nodes = append(c.nodes, n)
		c.start(n)
		t.Cleanup(func() { n.down() })
	}
	c.meet()
	return c
}

// start runs the node, and returns once it has joined.
func (c *testCluster) start(n *testNode) {
	c.t.Helper()
	c.launch(n)
	<-n.Settled()
}

// launch runs the node, and returns while it joins.
func (c *testCluster) launch(n *testNode) {
	c.t.Helper()
	manager := filepath.Join(n.dir, "manager.conf")
	cfg, users := config.Default(), clusterUsers+c.users
	if c.http {
		cfg.AMI.HTTPConf = filepath.Join(n.dir, "http.conf")
		users = strings.Replace(users, "port=0", "port=0\nwebenabled=yes", 1)
		if err := os.WriteFile(cfg.AMI.HTTPConf, []byte("[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport=0\n"), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := os.WriteFile(manager, []byte(users), 0o600); err != nil {
		c.t.Fatal(err)
	}
	cfg.Node.Site = cmp.Or(c.site, cfg.Node.Site)
	cfg.Node.Name, cfg.Node.DataDir, cfg.Source = n.name, filepath.Join(n.dir, "data"), c.source
	cfg.Source.Kind = cmp.Or(cfg.Source.Kind, config.KindNone)
	cfg.AMI.ManagerConf, cfg.Admin.Listen, cfg.Bus.Hold = manager, "", c.hold
	cfg.Bus.Journal, cfg.Bus.LostAfter = cmp.Or(c.journal, cfg.Bus.Journal), cmp.Or(c.lostAfter, cfg.Bus.LostAfter)
	cfg.Bus.NATS.RouteListen, cfg.Bus.Member.Listen = "127.0.0.1:0", "127.0.0.1:0"
	if c.join != "" {
		cfg.Bus.Member.Join = []string{c.join}
	}
	for _, o := range c.nodes {
		if o.stop != nil {
			cfg.Bus.Member.Join = append(cfg.Bus.Member.Join, o.MemberAddr())
		}
	}
	log := slog.NewTextHandler(c.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})
	if c.log != nil {
		log = slog.NewTextHandler(c.log, nil)
	}
	node, err := New(cfg, slog.New(log).With("at", n.name))
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := node.Run(ctx); err != nil {
			c.t.Error(err)
		}
	}()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Node, n.stop = node, func() { cancel(); <-done }
}

// down stops the node gracefully.
func (n *testNode) down() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stop != nil {
		n.downs.Add(1)
		n.stop()
		n.stop = nil
	}
}

// place is where a client may go now. down tells whether the node was down then, or has gone down since.
func (n *testNode) place() (addr string, down func() bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	up, downs := n.stop != nil, n.downs.Load()
	return n.AMI(), func() bool { return !up || n.downs.Load() != downs }
}

// raise makes events, numbered from 1 over all incarnations, if the node is up.
func (n *testNode) raise(count int) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.stop == nil {
		return
	}
	for range count {
		n.intake.take(ami.New("Event", "UserEvent", "Privilege", "user,all", "UserEvent", "Count", "Of", n.name,
			"Count", strconv.FormatInt(n.raised.Add(1), 10)))
	}
}

// meet waits until all that are up have each other in view.
func (c *testCluster) meet() {
	c.t.Helper()
	up := 0
	for _, n := range c.nodes {
		if n.stop != nil {
			up++
		}
	}
	for _, n := range c.nodes {
		if n.stop != nil {
			eventually(c.t, n.name+" sees the others", func() bool { return n.stream.Stats().Merge.Awaited == up })
		}
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// amiClient is one AMI connection.
type amiClient struct {
	net.Conn
	*ami.Decoder
}

// login logs in, and returns once that is answered.
func login(t testing.TB, addr, user string, lines ...string) (*amiClient, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Minute)) // a TCP socket has deadlines
	c := &amiClient{conn, ami.NewDecoder(conn, ami.Client)}
	text := "Action: Login\r\nUsername: " + user + "\r\nSecret: secret\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
	if _, err := conn.Write([]byte(text)); err != nil {
		return nil, err
	}
	if _, err := c.Line(); err != nil {
		return nil, err
	}
	m, err := c.Decode()
	if err == nil && string(m.Get("Response")) != "Success" {
		err = &refusal{string(m.Bytes())}
	}
	return c, err
}

// refusal is an answer to a login that is not Success.
type refusal struct{ answer string }

func (r *refusal) Error() string { return fmt.Sprintf("refused: %q", r.answer) }

// say sends an action.
func (c *amiClient) say(lines ...string) error {
	_, err := c.Write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	return err
}
