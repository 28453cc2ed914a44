package node

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/amibus/amibus/proto/ami/verify"
)

// TestEngines: three nodes, each with an engine. Calls that clients place at each of them show in one legal stream, the same at all.
func TestEngines(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo", "charlie")
	const calls = 25
	var readers sync.WaitGroup
	streams := make([][]string, len(c.nodes))
	for i, n := range c.nodes {
		listener, err := login(t, n.AMI(), "ids")
		if err != nil {
			t.Fatal(err)
		}
		readers.Go(func() { streams[i] = hearCalls(t, listener, calls*len(c.nodes)) })
	}
	for _, n := range c.nodes {
		caller, err := login(t, n.AMI(), "plain", "Events: off")
		if err != nil {
			t.Fatal(err)
		}
		for i := range calls {
			if err := caller.say("Action: Originate", fmt.Sprintf("ActionID: %s-%d", n.name, i), "Channel: Local/answer@test/n", "Application: Wait",
				"Data: 0.5", "Async: true"); err != nil {
				t.Fatal(err)
			}
		}
		for i := range calls {
			if m, err := caller.Decode(); err != nil || string(m.Get("Response")) != "Success" || string(m.Get("ActionID")) != fmt.Sprintf("%s-%d", n.name, i) {
				t.Fatalf("Originate: %v %q", err, m.Bytes())
			}
		}
	}
	readers.Wait()
	for i := range streams {
		if !slices.Equal(streams[i], streams[0]) {
			t.Errorf("%s and %s saw different streams of %d and %d events", c.nodes[i].name, c.nodes[0].name, len(streams[i]), len(streams[0]))
		}
	}
}

// hearCalls reads until so many calls have ended, both halves, and returns the events that have an EventID, but for those about logins.
func hearCalls(t *testing.T, c *amiClient, calls int) (events []string) {
	checker := verify.New(verify.Config{Report: func(v verify.Violation) { t.Errorf("%v", v) }})
	for ended := 0; ended < 2*calls; {
		m, err := c.Decode()
		if err != nil {
			t.Errorf("after %d of %d hangups: %v", ended, 2*calls, err)
			return events
		}
		checker.Next(m)
		switch name := string(m.Get("Event")); {
		case !m.Has("EventID"), bytes.Contains(m.Get("Privilege"), []byte("security")):
		default:
			events = append(events, string(m.Bytes()))
			if name == "Hangup" {
				ended++
			}
		}
	}
	checker.End(false)
	return events
}
