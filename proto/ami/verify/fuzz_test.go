package verify_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/ami/verify"
)

// FuzzChecker: whatever a server writes, the checker neither panics nor keeps more than it may, and two runs over the same bytes say the same.
func FuzzChecker(f *testing.F) {
	for _, name := range []string{"call-answered", "transfer-blind", "queue-complete", "local-optimization", "parking-retrieve", "list-actions-idle"} {
		c, err := capture.OpenDir(captures+"/"+name, "alpha")
		if err != nil {
			f.Fatal(err)
		}
		var b []byte
		for _, m := range messages(c) {
			if !m.action && len(b) < 8<<10 {
				b = append(b, m.Bytes()...)
			}
		}
		f.Add(b, byte(len(name)))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut byte) {
		limits := verify.Limits{Nodes: 2, Live: 8, Ended: 4}
		pass := func() (text []string) {
			c := verify.New(verify.Config{Limits: limits, Report: func(v verify.Violation) { text = append(text, v.String()) }})
			c.Connected()
			d := ami.NewDecoder(bytes.NewReader(b), ami.Client)
			for i := byte(0); ; i++ {
				m, err := d.Decode()
				if err != nil {
					break
				}
				if i%16 == cut%16 { // so that there are actions
					c.Sent(m)
				}
				c.Next(m)
			}
			if s := c.Stats(); s.Nodes > 2 || s.Live > 16 || s.Bridges > 16 {
				t.Fatalf("more than the limits: %+v", s)
			}
			c.End(true)
			return text
		}
		if one, two := pass(), pass(); !slices.Equal(one, two) {
			t.Fatalf("not the same twice:\n%q\n%q", one, two)
		}
	})
}

// TestLinear: an event takes about the same time however much is remembered. To look through 60,000 channels for each would take a
// hundred times as long.
func TestLinear(t *testing.T) {
	took := func(n int) time.Duration {
		c := verify.New(verify.Config{})
		steps := []*ami.Message{}
		for i := range 64 {
			id := fmt.Sprint(i % 8)
			steps = append(steps, ami.New("Event", "BridgeEnter", "Privilege", "call,all", "BridgeUniqueid", "B", "BridgeNumChannels", "9", "Uniqueid", id),
				ami.New("Event", "BridgeLeave", "Privilege", "call,all", "BridgeUniqueid", "B", "BridgeNumChannels", "9", "Uniqueid", id))
		}
		for i := range n {
			step(c, fmt.Sprintf("new %d", i))
		}
		step(c, "create B")
		for i := range n { // all in one bridge
			step(c, fmt.Sprintf("enter B %d 9", i))
		}
		start := time.Now()
		for range 2000 {
			for _, m := range steps {
				c.Next(m)
			}
		}
		return time.Since(start)
	}
	few, many := took(10), took(60_000)
	t.Logf("256,000 events with 10 channels: %v, with 60,000: %v", few, many)
	if many > 20*few+time.Second {
		t.Errorf("with 60,000 channels it takes %v, with 10 %v", many, few)
	}
}
