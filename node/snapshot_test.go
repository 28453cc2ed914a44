package node

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/verify"
	"github.com/amibus/amibus/translator"
)

// model is what a client knows of the calls: channels and bridges begin with their event, or are in the snapshot.
type model struct {
	known map[string]string // by what it is, systemname and id: the headers, the bridge of a channel, its application
	sum   uint64            // of all that is known, in whatever order it was learnt
	at    cursor.Vector
}

var seed = maphash.MakeSeed()

func newModel() *model { return &model{known: map[string]string{}, at: cursor.Vector{}} }

// set makes a value known; drop forgets it.
func (m *model) set(key, value string) {
	m.drop(key)
	m.known[key] = value
	m.sum += maphash.Comparable(seed, [2]string{key, value})
}

func (m *model) drop(key string) {
	if old, ok := m.known[key]; ok {
		m.sum -= maphash.Comparable(seed, [2]string{key, old})
		delete(m.known, key)
	}
}

// take takes an event or an item of the snapshot.
func (m *model) take(e *ami.Message) {
	name, system := string(e.Get("Event")), string(e.Get("SystemName"))+" "
	channel, bridge := "", ""
	begins := name == "CoreShowChannel" || name == "BridgeListItem" || name == "Newchannel" || name == "BridgeCreate"
	translator.Groups(e.Bytes(), func(g *translator.GroupText) {
		key := system + string(g.ID)
		if _, known := m.known[key]; known || begins {
			m.set(key, string(g.Bare(nil)))
		}
		switch {
		case len(g.Role) > 0:
		case g.Bridge:
			bridge = key
		default:
			channel = key
		}
	})
	switch name {
	case "CoreShowChannel":
		m.set("app "+channel, string(e.Get("Application"))+" "+string(e.Get("ApplicationData")))
		if id := string(e.Get("BridgeId")); id != "" {
			m.set("in "+channel, system+id)
		}
	case "Newchannel":
		m.set("app "+channel, " ")
	case "Newexten":
		m.set("app "+channel, string(e.Get("Application"))+" "+string(e.Get("AppData")))
	case "BridgeEnter":
		m.set("in "+channel, bridge)
	case "BridgeLeave":
		m.drop("in " + channel)
	case "Hangup":
		m.drop(channel)
		m.drop("app " + channel)
		m.drop("in " + channel)
	case "BridgeDestroy":
		m.drop(bridge)
	}
}

// witness is a client that is there from the beginning: what it knew after each event.
type witness struct {
	mu    sync.Mutex
	sums  map[string]uint64 // by EventID
	ended int
}

func (w *witness) run(t *testing.T, c *amiClient) {
	m := newModel()
	checker := verify.New(verify.Config{Report: func(v verify.Violation) { t.Errorf("the witness: %v", v) }})
	for {
		e, err := c.Decode()
		if err != nil {
			return // the test closes it
		}
		checker.Next(e)
		if id := string(e.Get("EventID")); id != "" {
			m.take(e)
			w.mu.Lock()
			w.sums[id] = m.sum
			if string(e.Get("Event")) == "Hangup" {
				w.ended++
			}
			w.mu.Unlock()
		}
	}
}

// known is the sum after an event, which other nodes may emit a moment before the witness has it.
func (w *witness) known(t *testing.T, id string) (sum uint64) {
	eventually(t, "the witness has "+id, func() (ok bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		sum, ok = w.sums[id]
		return ok
	})
	return sum
}

// TestSnapshots: under load, clients that log in with a snapshot at any node at any time know, from SnapshotComplete on and after each
// event, what the one knows who was there from the beginning; and what they are told keeps the rules.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo", "charlie")
	first, err := login(t, c.nodes[0].AMI(), "ids")
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{sums: map[string]uint64{}}
	var running sync.WaitGroup
	running.Go(func() { w.run(t, first) })
	stop := make(chan struct{})
	for i, n := range c.nodes {
		caller, err := login(t, n.AMI(), "plain", "Events: off")
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() { placeCalls(caller, n.name, rand.New(rand.NewPCG(uint64(i), 7)), stop) })
	}
	eventually(t, "calls come and go", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.ended > 20 })
	var visitors sync.WaitGroup
	items := make([]int, 4)
	for i := range items {
		r := rand.New(rand.NewPCG(uint64(i), 8))
		visitors.Go(func() {
			for visit := range 8 {
				n := c.nodes[r.IntN(len(c.nodes))]
				items[i] += visitWithSnapshot(t, n, w, fmt.Sprintf("visitor %d, visit %d at %s", i, visit, n.name), 50+r.IntN(200))
				time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond) // to come at another moment
			}
		})
	}
	visitors.Wait()
	close(stop)
	first.Close()
	running.Wait()
	t.Logf("items in the snapshots: %v", items)
	for _, n := range c.nodes {
		if s := n.ami.Stats(); s.Overflows+s.Slow > 0 {
			t.Errorf("%+v", s)
		}
	}
	if slices.Max(items) == 0 {
		t.Error("nothing was in any snapshot")
	}
}

// placeCalls places calls that are bridged, and hangs them up when some more have been placed, until stop.
func placeCalls(c *amiClient, name string, r *rand.Rand, stop <-chan struct{}) {
	const up = 20
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(10+r.IntN(20)) * time.Millisecond):
		}
		_ = c.say("Action: Originate", "Channel: Local/answer@test/n", "Application: Dial", "Data: Local/answer@test/n", "Async: true", // reading tells
			fmt.Sprintf("ChannelId: %s-%d", name, i))
		if _, err := c.Decode(); err != nil {
			return
		}
		_ = c.say("Action: Hangup", fmt.Sprintf("Channel: %s-%d", name, i-up), "SystemName: "+name)
		if _, err := c.Decode(); err != nil {
			return
		}
	}
}

// visitWithSnapshot logs in with a snapshot, compares what it knows after it and each of so many events with the witness, and returns how
// many items there were.
func visitWithSnapshot(t *testing.T, n *testNode, w *witness, who string, events int) (items int) {
	c, err := login(t, n.AMI(), "ids", "Snapshot: yes", "ActionID: snap")
	if err != nil {
		t.Errorf("%s: %v", who, err)
		return 0
	}
	defer c.Close()
	m, complete := newModel(), false
	checker := verify.New(verify.Config{Report: func(v verify.Violation) { t.Errorf("%s: %v", who, v) }})
	for events > 0 {
		e, err := c.Decode()
		if err != nil {
			t.Errorf("%s: %v", who, err)
			return items
		}
		checker.Next(e)
		name, id := string(e.Get("Event")), string(e.Get("EventID"))
		switch {
		case name == "SnapshotComplete":
			complete = true
			if m.at, err = cursor.Parse(e.Values("ResumeFrom")); err != nil || string(e.Get("ListItems")) != fmt.Sprint(items) || string(e.Get("ActionID")) != "snap" {
				t.Errorf("%s: %d items, %v, %q", who, items, err, e.Bytes())
			}
		case string(e.Get("ActionID")) == "snap" && !complete:
			if last, _, _ := e.Field(e.Len() - 1); string(last) != "SystemName" {
				t.Errorf("%s: %q", who, e.Bytes())
			}
			items++
			m.take(e)
		case id != "" && !complete:
			t.Errorf("%s: before the end of the snapshot comes %q", who, e.Bytes())
			return items
		case id != "":
			if node, p, _, err := place(e); err != nil || m.at[node].Epoch != p.Epoch || m.at[node].Seq+1 != p.Seq {
				t.Errorf("%s: at %v, got %q", who, m.at, e.Bytes())
				return items
			} else {
				m.at[node] = p
			}
			m.take(e)
			events--
			if want := w.known(t, id); m.sum != want {
				t.Errorf("%s: knows another state than the witness after %q", who, firstLines(e))
				return items
			}
		}
	}
	checker.End(false)
	return items
}

func firstLines(m *ami.Message) string {
	lines := bytes.SplitN(m.Bytes(), []byte("\r\n"), 4)
	return strings.TrimSpace(string(bytes.Join(lines[:min(3, len(lines))], []byte(" | "))))
}
