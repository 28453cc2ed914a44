package node

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// callsAt places calls at each node, of two channels each.
func callsAt(t testing.TB, c *testCluster, calls int) {
	t.Helper()
	var placing sync.WaitGroup
	for _, n := range c.nodes {
		placing.Go(func() {
			for i := range calls {
				a := ami.New("Action", "Originate", "Channel", "Local/answer@test/n", "Application", "Wait", "Data", "6000", "Async", "true",
					"ChannelId", fmt.Sprintf("%s-call-%d", n.name, i))
				if err := n.own.Do(context.Background(), a, func(*ami.Message) error { return nil }); err != nil {
					t.Error(err)
					return
				}
				if i%100 == 99 {
					time.Sleep(10 * time.Millisecond) // else some node could fall behind the others' events
				}
			}
		})
	}
	placing.Wait()
	for _, n := range c.nodes {
		eventually(t, n.name+" knows all channels", func() bool { return n.owners.Stats().Channels == 2*calls*len(c.nodes) })
	}
}

var fiveNodes = []string{"alpha", "bravo", "charlie", "delta", "echo"}

// TestListOfTenThousand: 10,000 channels on five nodes come whole, as one list, to two clients at once, and are not kept in memory.
func TestListOfTenThousand(t *testing.T) {
	c := newEngines(t, fiveNodes...)
	callsAt(t, c, 1000)
	var clients []*amiClient
	for _, n := range c.nodes[:2] {
		client, err := login(t, n.AMI(), "plain", "Events: off")
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, client)
	}
	stop, most := heapGrowth()
	var readers sync.WaitGroup
	for i, client := range clients {
		readers.Go(func() {
			if err := client.say("Action: CoreShowChannels", fmt.Sprintf("ActionID: list-%d", i)); err != nil {
				t.Error(err)
				return
			}
			seen, starts, id := map[string]bool{}, 0, fmt.Sprintf("list-%d", i)
			for {
				m, err := client.Decode()
				if err != nil {
					t.Error(err)
					return
				}
				if string(m.Get("ActionID")) != id {
					t.Errorf("client %d got %q", i, m.Bytes())
				}
				switch {
				case m.Kind() == ami.KindResponse:
					starts++
				case string(m.Get("Event")) == "CoreShowChannelsComplete":
					if starts != 1 || len(seen) != 10_000 || string(m.Get("ListItems")) != "10000" || m.Has("NodesFailed") || m.Has("NodesMissing") {
						t.Errorf("client %d got %d starts, %d channels, %q", i, starts, len(seen), m.Bytes())
					}
					return
				default:
					seen[string(m.Get("SystemName"))+" "+string(m.Get("Uniqueid"))] = true
				}
			}
		})
	}
	readers.Wait()
	stop()
	t.Logf("the heap grew by at most %d MiB", *most>>20)
	if *most > 100<<20 {
		t.Errorf("the heap grew by %d MiB for two lists of 10,000", *most>>20)
	}
}

// heapGrowth watches the heap until stop, with little garbage in it.
func heapGrowth() (stop func(), most *int64) {
	percent := debug.SetGCPercent(10)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, end, ended := int64(m.HeapAlloc), make(chan struct{}), make(chan struct{})
	most = new(int64)
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				*most = max(*most, int64(m.HeapAlloc)-before)
			}
		}
	}()
	return func() { close(end); <-ended; debug.SetGCPercent(percent) }, most
}

// TestListTellsWhoIsMissing: a list says which nodes are out of view, and which have no link to their Asterisk.
func TestListTellsWhoIsMissing(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo", "charlie")
	callsAt(t, c, 1)
	alpha, bravo := c.nodes[0], c.nodes[1]
	client, err := login(t, alpha.AMI(), "plain", "Events: off")
	if err != nil {
		t.Fatal(err)
	}
	last := func() *ami.Message {
		list := client.ask(t, "Action: CoreShowChannels")
		return list[len(list)-1]
	}
	client.ask(t, "Action: Originate", "SystemName: charlie", "Channel: Local/answer@test/n", "Application: Wait", "Data: 600", "Async: true")
	unique := "" // an id as an Asterisk makes it: it tells whose it is
	eventually(t, "alpha knows charlie's second call", func() bool {
		for _, m := range client.ask(t, "Action: CoreShowChannels", "SystemName: charlie") {
			if id := string(m.Get("Uniqueid")); id != "" && !strings.Contains(id, "call") {
				unique = id
			}
		}
		return unique != "" && alpha.owners.Stats().Channels == 8
	})
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dead := &testNode{name: "dead", dir: t.TempDir()} // its Asterisk is
	c.source = config.Source{Kind: config.KindAsterisk, Asterisk: config.Asterisk{Address: "127.0.0.1:1", Username: "u", SecretFile: secret}}
	c.nodes = append(c.nodes, dead)
	c.start(dead)
	t.Cleanup(func() { dead.down() })
	eventually(t, "alpha knows the node whose Asterisk is down", func() bool { return len(alpha.sources()) == 4 })
	if m := last(); string(m.Get("ListItems")) != "8" || !bytes.Contains(m.Get("NodesFailed"), []byte("dead (")) || m.Has("NodesMissing") {
		t.Errorf("an Asterisk is down: %q", m.Bytes())
	}
	dead.down()
	eventually(t, "the list is whole again", func() bool { return !last().Has("NodesFailed") })
	bravo.mu.Lock()
	_ = bravo.bus.Close() // it is cut off
	bravo.mu.Unlock()
	eventually(t, "bravo is named as missing", func() bool { return string(last().Get("NodesMissing")) == "bravo" })
	if m := last(); string(m.Get("ListItems")) != "6" || m.Has("NodesFailed") {
		t.Errorf("bravo is missing: %q", m.Bytes())
	}
	for lines, want := range map[string]string{
		"Action: Getvar\nChannel: bravo-call-0\nVariable: X":   "Message: Channel is on node bravo, which is out of view",
		"Action: Getvar\nChannel: charlie-call-0\nVariable: X": "Message: Cannot tell whose channel this is while nodes are out of view: bravo; add SystemName",
		"Action: Getvar\nVariable: X\nChannel: " + unique:      "Response: Success",
		"Action: Hangup\nChannel: nobody":                      "Message: Channel not found on the nodes that could be asked; out of view: bravo",
		"Action: CoreStatus\nSystemName: bravo":                "Outcome: ",
	} {
		var action []string
		for line := range bytes.SplitSeq([]byte(lines), []byte("\n")) {
			action = append(action, string(line))
		}
		if a := client.ask(t, action...); !bytes.Contains(a[0].Bytes(), []byte(want)) {
			t.Errorf("%s: %q, want %s", lines, a[0].Bytes(), want)
		}
	}
}

// raw asks and reads to the end of the answer, which is told by a text.
func raw(b *testing.B, c *amiClient, buf []byte, action, end string) {
	if _, err := c.Write([]byte(action)); err != nil {
		b.Fatal(err)
	}
	kept := 0
	for {
		n, err := c.Conn.Read(buf[kept:])
		if err != nil {
			b.Fatal(err)
		}
		got := buf[:kept+n]
		if i := bytes.LastIndex(got, []byte(end)); i >= 0 && bytes.HasSuffix(got, []byte("\r\n\r\n")) {
			return
		}
		kept = copy(buf, got[max(0, len(got)-1000):])
	}
}

// BenchmarkClusterList: CoreShowChannels of 10,000 channels on five nodes, as one list; floor is the five nodes' own lists, asked one after
// the other.
func BenchmarkClusterList(b *testing.B) {
	c := newEngines(b, fiveNodes...)
	callsAt(b, c, 1000)
	clients := map[string]*amiClient{}
	for _, n := range c.nodes {
		client, err := login(b, n.AMI(), "plain", "Events: off")
		if err != nil {
			b.Fatal(err)
		}
		clients[n.name] = client
	}
	buf := make([]byte, 256<<10)
	const end = "\r\nListItems: "
	var list, floor time.Duration
	for b.Loop() {
		at := time.Now()
		raw(b, clients["alpha"], buf, "Action: CoreShowChannels\r\n\r\n", end)
		between := time.Now()
		for _, name := range fiveNodes {
			raw(b, clients[name], buf, "Action: CoreShowChannels\r\nSystemName: "+name+"\r\n\r\n", end)
		}
		list, floor = list+between.Sub(at), floor+time.Since(between)
	}
	b.ReportMetric(float64(list)/float64(b.N)/1e6, "ms/list")
	b.ReportMetric(float64(floor)/float64(b.N)/1e6, "ms/floor")
	b.ReportMetric(float64(list)/float64(floor), "ratio")
}

// BenchmarkForwardedGetvar: what it costs that a channel is another node's: a Getvar from there against one at its own node.
func BenchmarkForwardedGetvar(b *testing.B) {
	c := newEngines(b, "alpha", "bravo", "charlie")
	callsAt(b, c, 1)
	var took [2][]time.Duration
	var clients [2]*amiClient
	for i, n := range []*testNode{c.nodes[1], c.nodes[0]} {
		client, err := login(b, n.AMI(), "plain", "Events: off")
		if err != nil {
			b.Fatal(err)
		}
		clients[i] = client
	}
	buf := make([]byte, 64<<10)
	for b.Loop() {
		for i, client := range clients {
			at := time.Now()
			raw(b, client, buf, "Action: Getvar\r\nChannel: bravo-call-0\r\nVariable: X\r\n\r\n", "Response: Success\r\n")
			took[i] = append(took[i], time.Since(at))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	for name, q := range map[string]float64{"p50": .5, "p99": .99} {
		at := int(q * float64(len(took[0])-1))
		b.ReportMetric(float64(took[0][at])/1e3, "µs/local-"+name)
		b.ReportMetric(float64(took[1][at]-took[0][at])/1e3, "µs/above-"+name)
	}
}
