package bustest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/amibus/amibus/bus"
)

// testOrder: two publish at a time; everybody else gets the messages of each in order, once.
func testOrder(t *testing.T, start Start) {
	const count = 5000
	all := buses(t, start, 3)
	var got [3]<-chan bus.Msg
	for i, b := range all {
		got[i] = collect(t, b, "order.*")
	}
	awaitWanted(t, "order.x", all...)
	for publisher, to := range all[:2] { // each has its own subscription too, so wait for the others by probing
		probe(t, to, fmt.Sprintf("order.probe%d", publisher), got[:], publisher)
	}
	var publishers sync.WaitGroup
	for publisher, b := range all[:2] {
		publishers.Go(func() {
			for i := range count {
				if err := b.Publish(fmt.Sprintf("order.%d", publisher), fmt.Append(nil, i)); err != nil {
					t.Errorf("Publish: %v", err)
					return
				}
			}
		})
	}
	publishers.Wait()
	for i := range all {
		next := map[string]int{}
		for range count * publishersBut(i) {
			m := nextBut(t, got[i], "probe")
			if want := fmt.Sprint(next[m.Subject]); string(m.Data) != want {
				t.Fatalf("bus %d: got %s of %s, want %s", i, m.Data, m.Subject, want)
			}
			next[m.Subject]++
		}
	}
	for i, c := range got { // nothing comes twice: what was sent last has arrived, and nothing but it
		for len(c) > 0 {
			if m := <-c; !strings.Contains(m.Subject, "probe") {
				t.Errorf("bus %d: got %s of %s, want nothing more", i, m.Data, m.Subject)
			}
		}
	}
}

// publishersBut is how many of the publishers 0 and 1 a bus hears: not itself.
func publishersBut(i int) int {
	if i < 2 {
		return 1
	}
	return 2
}

// probe publishes until everybody but the publisher has received it.
func probe(t *testing.T, from bus.Bus, subject string, got []<-chan bus.Msg, publisher int) {
	t.Helper()
	for i, c := range got {
		if i == publisher {
			continue
		}
		await(t, "probe arrives", func() bool {
			publish(t, from, subject, "probe")
			for len(c) > 0 {
				if m := <-c; m.Subject == subject {
					return true
				}
			}
			return false
		})
	}
}

// nextBut returns the next message whose subject does not contain skip.
func nextBut(t *testing.T, c <-chan bus.Msg, skip string) bus.Msg {
	t.Helper()
	for {
		if m := receive(t, "message", c); !strings.Contains(m.Subject, skip) {
			return m
		}
	}
}

func testNoEcho(t *testing.T, start Start) {
	all := buses(t, start, 2)
	own, other := collect(t, all[0], "echo"), collect(t, all[1], "echo")
	probe(t, all[0], "echo", []<-chan bus.Msg{own, other}, 0)
	probe(t, all[1], "echo", []<-chan bus.Msg{own, other}, 1)
	for len(own)+len(other) > 0 { // probes were repeated
		select {
		case <-own:
		case <-other:
		}
	}
	publish(t, all[0], "echo", "by 0")
	for string(receive(t, "message at the other", other).Data) != "by 0" {
	}
	publish(t, all[1], "echo", "by 1") // all of 0's messages would be before it
	for {
		switch m := receive(t, "message", own); string(m.Data) {
		case "by 0":
			t.Fatal("a bus hears itself")
		case "by 1":
			return
		}
	}
}

func testWildcards(t *testing.T, start Start) {
	all := buses(t, start, 2)
	for i, tt := range []struct {
		pattern string
		match   []string
		not     []string
	}{
		{"a.b", []string{"a.b"}, []string{"a", "a.c", "a.b.c"}},
		{"a.*", []string{"a.b", "a.%"}, []string{"a", "a.b.c"}},
		{"*.b", []string{"a.b"}, []string{"b", "a.c"}},
		{"a.*.c", []string{"a.b.c"}, []string{"a.c", "a.b.b.c"}},
		{"a.>", []string{"a.b", "a.b.c"}, []string{"a", "b.a"}},
	} {
		prefix := fmt.Sprintf("wild%d.", i)
		got := collect(t, all[1], prefix+tt.pattern)
		awaitWanted(t, prefix+tt.match[0], all[0])
		for _, s := range append(tt.not, tt.match...) {
			publish(t, all[0], prefix+s, s)
		}
		for _, want := range tt.match {
			if m := receive(t, tt.pattern, got); m.Subject != prefix+want || string(m.Data) != want {
				t.Errorf("%s: got %s, want %s", tt.pattern, m.Subject, want)
			}
		}
	}
}

// testOwnBytes: the publisher may reuse its buffer, and every subscription may scribble on what it gets.
func testOwnBytes(t *testing.T, start Start) {
	all := buses(t, start, 2)
	got := make(chan string, 200)
	for range 2 {
		subscribe(t, all[1], "own", func(m bus.Msg) {
			got <- string(m.Data)
			clear(m.Data)
		})
	}
	awaitWanted(t, "own", all[0])
	buf := make([]byte, 8)
	for i := range byte(100) {
		copy(buf, bytes.Repeat([]byte{'a' + i%26}, 8))
		if err := all[0].Publish("own", buf); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		if s := receive(t, "message", got); s != strings.Repeat(s[:1], 8) || s[0] < 'a' {
			t.Fatalf("got %q", s)
		}
	}
}

func testStopSubscription(t *testing.T, start Start) {
	all := buses(t, start, 2)
	var stopped atomic.Bool
	seen := make(chan struct{}, 1)
	stop := subscribe(t, all[1], "stop", func(bus.Msg) {
		if stopped.Load() {
			t.Error("called after stop")
		}
		select {
		case seen <- struct{}{}:
		default:
		}
	})
	end := collect(t, all[1], "end")
	awaitWanted(t, "stop", all[0])
	awaitWanted(t, "end", all[0])
	for range 1000 {
		publish(t, all[0], "stop", "x")
	}
	receive(t, "message", seen)
	stop()
	stopped.Store(true)
	stop()
	for range 100 {
		publish(t, all[0], "stop", "x")
	}
	publish(t, all[0], "end", "x")
	receive(t, "message after them", end)
}

func testLongSubject(t *testing.T, start Start) {
	all := buses(t, start, 2)
	got := collect(t, all[1], "long.>")
	awaitWanted(t, "long.a", all[0])
	if err := all[0].Publish("long."+strings.Repeat("a", 5000), nil); err == nil {
		t.Error("a subject of 5005 bytes was taken")
	}
	longest := "long." + strings.Repeat("a", bus.MaxSubject-len("long."))
	publish(t, all[0], longest, "x")
	if m := receive(t, "longest subject", got); m.Subject != longest {
		t.Errorf("got %s", m.Subject)
	}
}

func testWanted(t *testing.T, start Start) {
	all := buses(t, start, 3)
	if all[0].Wanted("nobody.knows") {
		t.Skip("this bus cannot know")
	}
	stopExact := subscribe(t, all[1], "wanted.a.b", func(bus.Msg) {})
	stopWild := subscribe(t, all[2], "wanted.*.c", func(bus.Msg) {})
	for _, b := range all {
		awaitWanted(t, "wanted.a.b", b)
		awaitWanted(t, "wanted.a.c", b)
		if b.Wanted("wanted.a.d") {
			t.Error("wanted.a.d is wanted, but nobody subscribes")
		}
	}
	stopExact()
	stopWild()
	for _, b := range all {
		await(t, "nobody wants it", func() bool { return !b.Wanted("wanted.a.b") && !b.Wanted("wanted.a.c") })
	}
}
