package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/amibuspb"
)

// recorded is what an Asterisk said in a capture: its events, but for the FullyBooted of the login, which a node consumes
// (architecture §7).
func recorded(t *testing.T, scenario, instance string) [][]byte {
	t.Helper()
	c, err := capture.OpenDir(captures+"/"+scenario, instance)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	consumed := false
	for _, m := range c.Events() {
		if !consumed && string(m.Get("Event")) == "FullyBooted" {
			consumed = true
			continue
		}
		all = append(all, bytes.Clone(m.Bytes()))
	}
	return all
}

var qualifiedID = regexp.MustCompile(`(?i)(\r\n[A-Za-z]*(?:uniqueid|linkedid): )charlie-(\d+\.\d+(?:;\d)?\r\n)`)

// original takes back what a node without systemname gets: SystemName and the prefix of ids.
func original(e []byte) []byte {
	e = bytes.Replace(e, []byte("\r\nSystemName: charlie\r\n"), []byte("\r\n"), 1)
	for range 2 { // neighbouring lines share a line end
		e = qualifiedID.ReplaceAll(e, []byte("$1$2"))
	}
	return e
}

// origin is the node an event came from.
func origin(e []byte) string {
	m, err := ami.ParseMessage(e)
	if err != nil {
		return "?"
	}
	return string(m.Get("SystemName"))
}

func wantSame(t *testing.T, who string, got, want [][]byte) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s: %d of %d events; the first one missing is\n%s", who, len(got), len(want), want[i])
		case i >= len(want):
			t.Fatalf("%s: %d events, %d expected; the first one too many is\n%s", who, len(got), len(want), got[i])
		case !bytes.Equal(got[i], want[i]):
			t.Fatalf("%s: event %d is\n%s\nwant\n%s", who, i, got[i], want[i])
		}
	}
}

// TestThreeNodesOneStream is the main job: three processes, three Asterisks, and a client at each sees everything once, in one order.
func TestThreeNodesOneStream(t *testing.T) {
	cases := []struct {
		name, speed string
		scenario    map[string]string
	}{
		{"local-optimization", "10", map[string]string{"alpha": "local-optimization", "bravo": "local-optimization", "charlie": "local-optimization"}},
		{"call-answered", "10", map[string]string{"alpha": "call-answered", "bravo": "local-optimization", "charlie": "call-answered"}},
		{"load", "10", map[string]string{"alpha": "busy-1", "bravo": "busy-1", "charlie": "local-optimization"}},
		{"load-max", "max", map[string]string{"alpha": "busy-1", "bravo": "busy-1", "charlie": "call-answered"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sources := map[string]string{}
			for name := range c.scenario {
				sources[name] = freeAddr(t)
			}
			nodes := newCluster(t, sources, "alpha", "bravo", "charlie")
			clients := map[string]*client{}
			var own []string
			for name, n := range nodes {
				clients[name] = dial(t, n.addr.AMI)
				own = append(own, n.addr.AMI)
			}
			total := 0
			want := map[string][][]byte{}
			for name, scenario := range c.scenario {
				want[name] = recorded(t, scenario, name)
				total += len(want[name])
			}
			for name, scenario := range c.scenario {
				replay(t, sources[name], c.speed, scenario, name)
			}
			first := clients["alpha"].wait(total, 4*time.Minute, own...)
			for _, name := range []string{"bravo", "charlie"} {
				wantSame(t, "client of "+name+" against that of alpha", clients[name].wait(total, time.Minute, own...), first)
			}
			got := map[string][][]byte{}
			for _, e := range first {
				name := origin(e)
				if name == "charlie" {
					e = original(e)
				}
				got[name] = append(got[name], e)
			}
			for name := range c.scenario {
				wantSame(t, "events of "+name, got[name], want[name])
			}
			if n := len(clients["alpha"].seen(own...)); n != total {
				t.Fatalf("%d events, %d expected: something came twice", n, total)
			}
			for _, cl := range clients {
				cl.verify()
			}
		})
	}
}

// TestKillOneOfThree: the survivors go on, identical to each other, and the node is merged again when it comes back.
func TestKillOneOfThree(t *testing.T) {
	t.Parallel()
	sources := map[string]string{"alpha": freeAddr(t), "bravo": freeAddr(t), "charlie": freeAddr(t)}
	nodes := newCluster(t, sources, "alpha", "bravo", "charlie")
	a, c := dial(t, nodes["alpha"].addr.AMI), dial(t, nodes["charlie"].addr.AMI)
	own := []string{nodes["alpha"].addr.AMI, nodes["charlie"].addr.AMI}
	replay(t, sources["alpha"], "2", "busy-1", "alpha", "--loop")
	replay(t, sources["bravo"], "2", "busy-1", "bravo", "--loop")
	replay(t, sources["charlie"], "2", "local-optimization", "charlie", "--loop")

	a.wait(3000, time.Minute, own...)
	nodes["bravo"].kill()
	killed := len(a.seen(own...))
	a.wait(killed+2000, time.Minute, own...)
	count := func(cl *client, node string) (n int) {
		for _, e := range cl.seen(own...) {
			if origin(e) == node {
				n++
			}
		}
		return n
	}
	before := count(a, "bravo")
	nodes["bravo"].run(t)
	inView(t, nodes, 3)
	own = append(own, nodes["bravo"].addr.AMI)
	eventually(t, time.Minute, "events of bravo again", func() bool { return count(a, "bravo") > before+500 })
	b := dial(t, nodes["bravo"].addr.AMI)
	b.wait(200, time.Minute, own...)

	// The end: a UserEvent that all three see.
	b.send("Action: UserEvent\r\nUserEvent: TheEnd\r\nActionID: end\r\n\r\n")
	b.answer("end")
	upTo := func(cl *client) [][]byte {
		var at int
		eventually(t, 20*time.Second, "the end", func() bool {
			for i, e := range cl.seen(own...) {
				if bytes.Contains(e, []byte("\r\nUserEvent: TheEnd\r\n")) {
					at = i
					return true
				}
			}
			return false
		})
		return cl.seen(own...)[:at+1]
	}
	x, y, z := upTo(a), upTo(c), upTo(b)
	wantSame(t, "survivor charlie against survivor alpha", y, x)
	wantSame(t, "bravo, back again, against the end of alpha's stream", z, x[len(x)-len(z):])
	if late := nodes["alpha"].metric("amibus_stream_late_total"); late != 0 {
		t.Fatalf("%v late events at alpha", late)
	}
	eventually(t, 30*time.Second, "bravo is a member again, at its new address", func() bool {
		return nodes["alpha"].metric("amibus_member_others") == 2 && nodes["charlie"].metric("amibus_member_others") == 2
	})
}

// TestKeyedPlane: a plain NATS subscriber gets exactly the events of a class, or of one call, typed.
func TestKeyedPlane(t *testing.T) {
	t.Parallel()
	sources := map[string]string{"alpha": freeAddr(t), "bravo": "", "charlie": freeAddr(t)}
	nodes := newCluster(t, sources, "alpha", "bravo", "charlie")
	nc, err := nats.Connect("nats://" + nodes["bravo"].addr.Client) // neither source is here
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var byID string
	wantClass, wantID := 0, 0
	for _, name := range []string{"alpha", "charlie"} {
		for _, e := range recorded(t, "call-answered", name) {
			m, err := ami.ParseMessage(e)
			if err != nil {
				t.Fatal(err)
			}
			class, _ := ami.ParsePrivilege(m.Get("Privilege"))
			if class.First() == "call" {
				wantClass++
			}
			if name == "charlie" && byID == "" && string(m.Get("Event")) == "Newchannel" {
				byID = string(m.Get("Uniqueid"))
			}
		}
	}
	for _, e := range recorded(t, "call-answered", "charlie") {
		m, _ := ami.ParseMessage(e)
		if key := firstOf(m, "Uniqueid", "DestUniqueid", "LocalOneUniqueid", "OrigTransfererUniqueid"); key == byID {
			wantID++
		}
	}
	byClass, err := nc.SubscribeSync("ami.v1.event.call.>")
	if err != nil {
		t.Fatal(err)
	}
	one, err := nc.SubscribeSync("ami.v1.event.*.default.charlie." + bus.Escape("charlie-"+byID))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	watcher := dial(t, nodes["bravo"].addr.AMI)
	replay(t, sources["alpha"], "10", "call-answered", "alpha")
	replay(t, sources["charlie"], "10", "call-answered", "charlie")
	total := len(recorded(t, "call-answered", "alpha")) + len(recorded(t, "call-answered", "charlie"))
	watcher.wait(total, time.Minute, nodes["bravo"].addr.AMI)

	take := func(sub *nats.Subscription, n int, check func(e *amibuspb.Event)) {
		t.Helper()
		for i := range n {
			msg, err := sub.NextMsg(10 * time.Second)
			if err != nil {
				t.Fatalf("%s: message %d of %d: %v", sub.Subject, i+1, n, err)
			}
			var e amibuspb.Event
			if err := proto.Unmarshal(msg.Data, &e); err != nil {
				t.Fatal(err)
			}
			check(&e)
		}
		if msg, err := sub.NextMsg(200 * time.Millisecond); err == nil {
			t.Fatalf("%s: one message too many: %q", sub.Subject, msg.Data)
		}
	}
	take(byClass, wantClass, func(e *amibuspb.Event) {
		if ami.Class(e.GetClasses()).First() != "call" {
			t.Fatalf("class %v", e.GetClasses())
		}
	})
	snapshots := 0
	take(one, wantID, func(e *amibuspb.Event) {
		if e.GetUniqueid() != "charlie-"+byID || e.GetNode() != "charlie" {
			t.Fatalf("event of %s on %s", e.GetUniqueid(), e.GetNode())
		}
		for _, s := range e.GetSegments() {
			if ch := s.GetChannel(); ch != nil && ch.GetUniqueid() == "charlie-"+byID {
				snapshots++
			}
		}
	})
	if snapshots == 0 || wantID == 0 || wantClass == 0 {
		t.Fatalf("nothing was tested: %d snapshots, %d events of the call, %d of the class", snapshots, wantID, wantClass)
	}
}

func firstOf(m *ami.Message, names ...string) string {
	for _, name := range names {
		if v := m.Get(name); len(v) > 0 && string(v) != "none" && string(v) != "<unknown>" {
			return string(v)
		}
	}
	return ""
}

// TestActionOnAnotherNode: ten sessions with one ActionID; each gets its own answer, once, from the node it named.
func TestActionOnAnotherNode(t *testing.T) {
	t.Parallel()
	sources := map[string]string{"alpha": freeAddr(t), "bravo": freeAddr(t)}
	for name, addr := range sources {
		replay(t, addr, "1", "local-optimization", name)
	}
	nodes := newCluster(t, sources, "alpha", "bravo")
	for name, n := range nodes {
		eventually(t, 20*time.Second, name+" is linked", func() bool { return n.metric("amibus_source_up") == 1 })
	}
	setter := dial(t, nodes["alpha"].addr.AMI)
	for _, name := range []string{"alpha", "bravo"} {
		setter.send(fmt.Sprintf("Action: Setvar\r\nSystemName: %s\r\nVariable: WHERE\r\nValue: on %s\r\nActionID: set-%s\r\n\r\n", name, name, name))
		if m := setter.answer("set-" + name); string(m.Get("Response")) != "Success" {
			t.Fatalf("Setvar on %s: %q", name, m.Bytes())
		}
	}
	clients := make([]*client, 10)
	for i := range clients {
		clients[i] = dial(t, nodes["alpha"].addr.AMI)
	}
	bystander := dial(t, nodes["bravo"].addr.AMI)
	want := make([]string, len(clients))
	for i, c := range clients {
		want[i] = "alpha"
		if i%2 == 0 {
			want[i] = "bravo"
		}
		c.send("Action: Getvar\r\nVariable: WHERE\r\nSystemName: " + want[i] + "\r\nActionID: the/same #1\r\n\r\n")
	}
	for i, c := range clients {
		if m := c.answer("the/same #1"); string(m.Get("Value")) != "on "+want[i] {
			t.Fatalf("client %d: %q, want the value of %s", i, m.Bytes(), want[i])
		}
	}
	setter.send("Action: Getvar\r\nVariable: WHERE\r\nSystemName: delta\r\nActionID: nobody\r\n\r\n")
	if m := setter.answer("nobody"); string(m.Get("Response")) != "Error" || !strings.Contains(string(m.Get("Message")), "alpha, bravo") {
		t.Fatalf("unknown node: %q", m.Bytes())
	}
	for i, c := range append(clients, bystander) {
		c.mu.Lock()
		n := 0
		for _, m := range c.other {
			if string(m.Get("ActionID")) == "the/same #1" {
				n++
			}
		}
		c.mu.Unlock()
		if wantN := min(1, len(clients)-i); n != max(wantN, 0) {
			t.Fatalf("client %d got %d answers", i, n)
		}
	}
}
