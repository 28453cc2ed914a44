package node

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami/verify"
)

// cable is a TCP connection that can be cut, with something behind it that can change.
type cable struct {
	ln net.Listener

	mu    sync.Mutex
	to    string // empty: cut
	conns map[net.Conn]bool
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{ln: ln, to: to, conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { c.carry(conn) })
		}
	})
	t.Cleanup(func() { ln.Close(); c.plug(""); wg.Wait() })
	return c
}

// plug cuts what is connected, and leads to another address from now on.
func (c *cable) plug(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to
	for conn := range c.conns {
		conn.Close()
	}
}

func (c *cable) hold(conn net.Conn) (to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = true
	if c.to == "" {
		conn.Close()
	}
	return c.to
}

func (c *cable) carry(from net.Conn) {
	defer from.Close()
	to := c.hold(from)
	if to == "" {
		return
	}
	conn, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer conn.Close()
	c.hold(conn)
	go func() { defer conn.Close(); _, _ = io.Copy(conn, from) }()
	_, _ = io.Copy(from, conn)
}

// listed are the channels and bridges of CoreShowChannels and BridgeList, without what changes by itself, or depends on who is asked.
func listed(t *testing.T, c *amiClient, cached string) (all []string) {
	t.Helper()
	for _, action := range []string{"CoreShowChannels", "BridgeList"} {
		a := c.ask(t, "Action: "+action, cached)
		for _, m := range a[1 : len(a)-1] {
			if string(m.Get("Event")) == "CoreShowChannel" {
				all = append(all, fmt.Sprintf("%s %s %s in %s", m.Get("Channel"), m.Get("ChannelStateDesc"), m.Get("Uniqueid"), m.Get("BridgeId")))
			} else {
				all = append(all, fmt.Sprintf("bridge %s of %s", m.Get("BridgeUniqueid"), m.Get("BridgeNumChannels")))
			}
		}
	}
	slices.Sort(all)
	return all
}

// TestReconciled: an Asterisk (an engine, behind a cable) whose link is lost while calls end and begin, then again while it restarts with
// others, all of it amid calls that come and go. The stream stays legal, and what the cluster believes becomes true.
func TestReconciled(t *testing.T) {
	t.Parallel()
	pbx := newEngines(t, "pbx")
	cable := newCable(t, pbx.nodes[0].AMI())
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newTestCluster(t, 10*time.Second, "bravo")
	c.source = config.Source{Kind: config.KindAsterisk, Asterisk: config.Asterisk{Address: cable.ln.Addr().String(), Username: "plain", SecretFile: secret}}
	alpha := &testNode{name: "alpha", dir: t.TempDir()}
	c.nodes = append(c.nodes, alpha)
	c.start(alpha)
	t.Cleanup(alpha.down)
	c.meet()
	eventually(t, "alpha publishes", alpha.source.publishing.Load) // of a dial that began before nobody hears the end if it is lost, too
	bravo, operator := c.client(t, "bravo"), pbx.client(t, "pbx")
	said := hearAs(t, c.nodes[0].AMI(), "ids")
	same := func(what string) {
		t.Helper()
		eventually(t, what+": the cluster believes what is so", func() bool {
			return alpha.own.Up() && slices.Equal(listed(t, bravo, "Cached: yes"), listed(t, operator, "Fresh: yes"))
		})
	}
	for _, id := range []string{"one", "two", "three"} {
		operator.call(t, "dial-answer", id)
	}
	operator.call(t, "dial-no-answer", "rings")
	same("before")

	stop := traffic(t, pbx)
	cable.plug("")
	eventually(t, "the link is lost", func() bool { return !alpha.own.Up() })
	for _, id := range []string{"one", "rings"} {
		operator.ask(t, "Action: Hangup", "Channel: "+id)
	}
	operator.call(t, "dial-answer", "four")
	cable.plug(pbx.nodes[0].AMI())
	eventually(t, "the link is back", func() bool { return alpha.own.Up() && alpha.source.publishing.Load() })
	stop()
	same("after a lost link")

	stop = traffic(t, pbx)
	cable.plug("")
	stop()
	pbx.nodes[0].down()
	pbx = newEngines(t, "pbx")
	operator = pbx.client(t, "pbx")
	operator.call(t, "dial-answer", "five")
	cable.plug(pbx.nodes[0].AMI())
	same("after a restart")
	operator.ask(t, "Action: Hangup", "Channel: /.*/")
	same("in the end")

	alpha.raise(1) // the witness goes when it sees that
	got := <-said
	t.Log(got)
	if got["Discontinuity link lost"] < 2 || got["Hangup"] < 8 || got["Newchannel"] < 4 || got["DialEnd"] == 0 || got["BridgeLeave"] < 4 || got["BridgeDestroy"] < 2 {
		t.Errorf("made up: %v", got)
	}
}

// client logs in at a node.
func (c *testCluster) client(t *testing.T, name string) *amiClient {
	t.Helper()
	for _, n := range c.nodes {
		if n.name == name {
			client, err := login(t, n.AMI(), "plain", "Events: off")
			if err != nil {
				t.Fatal(err)
			}
			return client
		}
	}
	t.Fatalf("there is no node %s", name)
	return nil
}

// call places a call that stays, unless the extension says otherwise.
func (c *amiClient) call(t *testing.T, exten, id string) {
	t.Helper()
	a := c.ask(t, "Action: Originate", "Channel: Local/"+exten+"@test/n", "Application: Wait", "Data: 600", "Async: true", "ChannelId: "+id)
	if string(a[0].Get("Response")) != "Success" {
		t.Errorf("Originate: %q", a[0].Bytes())
	}
}

// traffic places calls that take a second until it is stopped, and have all ended then.
func traffic(t *testing.T, pbx *testCluster) (stop func()) {
	c := pbx.client(t, "pbx")
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			c.call(t, "dial-answer-1", fmt.Sprintf("passing-%d-%d", time.Now().UnixNano(), i))
			select {
			case <-time.After(10 * time.Millisecond):
			case <-done:
				return
			}
		}
	}()
	time.Sleep(500 * time.Millisecond)
	return func() { close(done); <-ended }
}

// hearAs logs in, and tells in the end what witnessed says.
func hearAs(t *testing.T, addr, user string) <-chan map[string]int {
	t.Helper()
	c, err := login(t, addr, user)
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan map[string]int, 1)
	go func() { said <- witnessed(t, c) }()
	return said
}

// witnessed checks what a client hears until a UserEvent comes, and counts the synthetic events by their names.
func witnessed(t *testing.T, c *amiClient) map[string]int {
	said := map[string]int{}
	checker := verify.New(verify.Config{Report: func(v verify.Violation) { t.Errorf("%v", v) }})
	for {
		m, err := c.Decode()
		if err != nil {
			t.Errorf("the witness: %v", err)
			return said
		}
		checker.Next(m)
		switch name := string(m.Get("Event")); {
		case name == "UserEvent":
			checker.End(false)
			return said
		case name == "Discontinuity":
			said["Discontinuity "+string(m.Get("Reason"))]++
		case m.Has("Synthetic"):
			said[name]++
		}
	}
}

// TestRestartedEngine: the calls of an engine that starts again have ended for the whole cluster, whether the node still has its data
// directory or not.
func TestRestartedEngine(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo")
	alpha, bravo := c.nodes[0], c.nodes[1]
	said := hearAs(t, bravo.AMI(), "ids")
	operator := c.client(t, "bravo")
	for _, keep := range []bool{true, false} {
		a := c.client(t, "alpha")
		a.call(t, "dial-answer", "one")
		a.call(t, "dial-no-answer", "rings")
		eventually(t, "both know the calls", func() bool { return len(listed(t, operator, "Cached: yes")) == 9 })
		alpha.down()
		if !keep {
			alpha.dir = t.TempDir()
		}
		c.start(alpha)
		c.meet()
		eventually(t, "the calls have ended", func() bool {
			return len(listed(t, operator, "Cached: yes")) == 0 && bravo.owners.Stats().Channels == 0 && len(listed(t, c.client(t, "alpha"), "Cached: yes")) == 0
		})
	}
	bravo.raise(1)
	if got := <-said; got["Discontinuity node restarted"] != 2 || got["Hangup"] != 16 {
		t.Errorf("made up: %v", got)
	}
}

// TestEndings: the calls of a node that is out of view for too long end for the users who want that, and are there again before its next event.
func TestEndings(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 300*time.Millisecond)
	c.source, c.users, c.lostAfter = config.Source{Kind: config.KindEngine}, "[endings](ids)\nendings=yes\n", time.Second
	c.engines("alpha", "bravo")
	alpha, bravo := c.nodes[0], c.nodes[1]
	said := map[string]<-chan map[string]int{}
	for _, user := range []string{"ids", "endings"} {
		said[user] = hearAs(t, bravo.AMI(), user)
	}
	c.client(t, "alpha").call(t, "dial-answer", "one")
	operator := c.client(t, "bravo")
	eventually(t, "both know the call", func() bool { return len(listed(t, operator, "Cached: yes")) == 5 })
	alpha.down()
	lost := func() (is bool) {
		bravo.stream.View(func([]merge.Position) { is = bravo.endings.ended[0][alpha.self] })
		return is
	}
	eventually(t, "the node is lost", lost)
	c.start(alpha)
	c.meet()
	eventually(t, "it is back, without its call", func() bool { return !lost() && len(listed(t, operator, "Cached: yes")) == 0 })
	bravo.raise(1)
	for user, want := range map[string]string{
		"ids":     "map[BridgeDestroy:1 BridgeLeave:2 Discontinuity node restarted:1 Hangup:4]",
		"endings": "map[BridgeCreate:1 BridgeDestroy:2 BridgeEnter:2 BridgeLeave:4 Discontinuity node restarted:1 Hangup:8 Newchannel:4]",
	} {
		if got := fmt.Sprint(<-said[user]); got != want {
			t.Errorf("%s: %s, want %s", user, got, want)
		}
	}
}

// TestTakenOver: of two nodes beside one Asterisk the one that publishes stops, calls end before the other one has noticed, and that goes on with
// the calls there are.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	pbx := newEngines(t, "pbx")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newTestCluster(t, 10*time.Second, "bravo")
	c.source = config.Source{Kind: config.KindAsterisk, Asterisk: config.Asterisk{Address: pbx.nodes[0].AMI(), Username: "plain", SecretFile: secret}}
	for _, name := range []string{"alpha", "twin"} {
		n := &testNode{name: name, dir: t.TempDir()}
		c.nodes = append(c.nodes, n)
		c.start(n)
		t.Cleanup(n.down)
		c.meet()
		eventually(t, name+" has its Asterisk", func() bool { v, _ := n.source.standing(); return n.own.Up() && (n.source.publishing.Load() || v != 0) })
	}
	bravo, operator := c.client(t, "bravo"), pbx.client(t, "pbx")
	said := hearAs(t, c.nodes[0].AMI(), "ids")
	same := func(what string) {
		t.Helper()
		eventually(t, what+": the cluster believes what is so", func() bool {
			return slices.Equal(listed(t, bravo, "Cached: yes"), listed(t, operator, "Fresh: yes"))
		})
	}
	operator.call(t, "dial-answer", "one")
	operator.call(t, "dial-answer", "two")
	same("before")
	c.nodes[1].down()
	operator.ask(t, "Action: Hangup", "Channel: one")
	eventually(t, "the twin publishes", func() bool { return c.nodes[2].source.publishing.Load() })
	same("taken over")
	eventually(t, "its calls are found where they are now", func() bool {
		return string(bravo.ask(t, "Action: Setvar", "Channel: two", "Variable: X", "Value: 1")[0].Get("Response")) == "Success"
	})
	operator.ask(t, "Action: Hangup", "Channel: two")
	same("in the end")
	c.nodes[2].raise(1)
	if got := <-said; got["Discontinuity standby took over"] != 1 || got["Newchannel"] > 0 {
		t.Errorf("made up: %v", got)
	}
}

// TestRestartedAlone: a node that nobody else knows finds in its journal which calls have ended with it.
func TestRestartedAlone(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 300*time.Millisecond)
	c.source, c.journal = config.Source{Kind: config.KindEngine}, config.JournalFile
	c.engines("alpha")
	c.client(t, "alpha").call(t, "dial-answer", "one")
	operator := c.client(t, "alpha")
	eventually(t, "the call is up", func() bool { return len(listed(t, operator, "Cached: yes")) == 5 })
	c.nodes[0].down()
	c.start(c.nodes[0])
	eventually(t, "it has been made up for", func() bool { return c.nodes[0].source.publishing.Load() })
	if n := c.nodes[0].source.made.Load(); n != 7 { // two leave a bridge, which ends, and four channels
		t.Errorf("%d events made up, want 7", n)
	}
}
