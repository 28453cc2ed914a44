package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// journey is what one client has read of the stream, at whatever node.
type journey struct {
	t    *testing.T
	at   map[string][2]uint64 // epoch and seq, by site/node
	read map[string]int       // events
	gaps int
}

// take reads what a client was sent beyond the first done events; each must follow on the one before, and gaps too.
func (j *journey) take(c *client, done int) int {
	j.t.Helper()
	c.mu.Lock()
	events := c.events[done:]
	c.mu.Unlock()
	for _, e := range events {
		m, err := ami.ParseMessage(e)
		if err != nil {
			j.t.Fatal(err)
		}
		id, missing, gap := string(m.Get("EventID")), uint64(1), bytes.HasPrefix(e, []byte("Event: Gap\r\n"))
		if gap {
			last := string(m.Get("Last"))
			if last == "" {
				j.t.Fatalf("nobody knows where an incarnation ended:\n%s", e)
			}
			id = fmt.Sprintf("%s/%s/%s", m.Get("Node"), m.Get("Epoch"), last)
			missing, _ = strconv.ParseUint(string(m.Get("Count")), 10, 64)
			j.gaps++
		}
		if id == "" {
			continue // about the view of this node
		}
		parts := strings.Split(id, "/")
		node := parts[0] + "/" + parts[1]
		epoch, _ := strconv.ParseUint(parts[2], 10, 64)
		seq, _ := strconv.ParseUint(parts[3], 10, 64)
		old, known := j.at[node]
		if known && (epoch < old[0] || epoch == old[0] && seq != old[1]+missing || epoch > old[0] && seq != missing) {
			j.t.Fatalf("%s: read up to %v, then\n%s", node, old, e)
		}
		if j.at[node] = [2]uint64{epoch, seq}; !gap {
			j.read[parts[1]]++
		}
	}
	return done + len(events)
}

// lines is where the client stands, by what it has read.
func (j *journey) lines() (all []string) {
	for node, p := range j.at {
		all = append(all, fmt.Sprintf("ResumeFrom: %s/%d/%d", node, p[0], p[1]))
	}
	return all
}

// TestResumeAfterKill: the client's node is killed; it goes on at another one, then at the first one again, and has missed nothing that
// anybody has.
func TestResumeAfterKill(t *testing.T) {
	t.Parallel()
	sources := map[string]string{"alpha": freeAddr(t), "bravo": freeAddr(t), "charlie": freeAddr(t)}
	nodes := newCluster(t, sources, "alpha", "bravo", "charlie")
	j := &journey{t: t, at: map[string][2]uint64{}, read: map[string]int{}}
	c := dialAs(t, nodes["bravo"].addr.AMI, "ids")
	for name, addr := range sources {
		scenario := "busy-1"
		if name == "charlie" {
			scenario = "local-optimization"
		}
		replay(t, addr, "2", scenario, name, "--loop")
	}
	done := map[*client]int{}
	follow := func(c *client, what string, until func() bool) {
		t.Helper()
		eventually(t, time.Minute, what, func() bool {
			done[c] = j.take(c, done[c])
			return until()
		})
	}
	follow(c, "events of all at bravo", func() bool { return min(j.read["bravo"], j.read["alpha"]) > 200 && j.read["charlie"] > 20 })
	nodes["bravo"].kill()
	before := j.read["alpha"]
	c = dialAs(t, nodes["alpha"].addr.AMI, "ids", j.lines()...)
	follow(c, "more events at alpha", func() bool { return j.read["alpha"] > before+500 })
	nodes["bravo"].run(t)
	inView(t, nodes, 3)
	before = j.read["bravo"]
	follow(c, "events of the new bravo at alpha", func() bool { return j.read["bravo"] > before+100 })
	c.conn.Close()

	before = j.read["bravo"]
	c = dialAs(t, nodes["bravo"].addr.AMI, "ids", j.lines()...)
	follow(c, "events of all at the new bravo", func() bool { return j.read["bravo"] > before+500 })
	if n := nodes["bravo"].metric("amibus_ami_resumes_total"); n != 1 {
		t.Errorf("%v replays at bravo", n)
	}
	t.Logf("read %v, %d gaps", j.read, j.gaps)
}
