package upstream_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

// globals are the global variables of a scripted Asterisk.
type globals struct {
	a     *asterisk
	mu    sync.Mutex
	vars  map[string]string
	reads int
	hold  sync.WaitGroup // Getvar waits for it
}

func newMarkable(t *testing.T) (*asterisk, *globals) {
	t.Helper()
	g := &globals{vars: map[string]string{}}
	g.a = newAsterisk(t, map[string]func(*peer, *ami.Message){
		"getvar": func(p *peer, m *ami.Message) {
			g.mu.Lock()
			name := string(m.Get("Variable"))
			value := g.vars[name]
			g.reads++
			g.mu.Unlock()
			g.hold.Wait()
			p.answer(m, "Success", "Variable", name, "Value", value)
		},
		"setvar": func(p *peer, m *ami.Message) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.vars[string(m.Get("Variable"))] = string(m.Get("Value"))
			p.answer(m, "Success", "Message", "Variable Set")
			g.a.raise("Event", "VarSet", "Privilege", "dialplan,all", "Channel", "none", "Uniqueid", "none", "Variable",
				string(m.Get("Variable")), "Value", string(m.Get("Value")))
		},
	})
	return g.a, g
}

func (g *globals) restart() {
	g.mu.Lock()
	clear(g.vars)
	g.mu.Unlock()
	g.a.drop()
}

// logins keeps what an Upstream says about its links.
type logins struct {
	mu    sync.Mutex
	heard []time.Time
	ids   []upstream.Identity
	mark  string
	out   int
	order string // i LoggedIn, m Identified, o LoggedOut
}

func (l *logins) note(letter string, fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.order += letter
	fn()
}

func (l *logins) watch(c *upstream.Config) {
	c.LoggedIn = func(heard time.Time) { l.note("i", func() { l.heard = append(l.heard, heard) }) }
	c.Identified = func(id upstream.Identity) { l.note("m", func() { l.ids, l.mark = append(l.ids, id), id.Mark }) }
	c.Remarked = func(mark string) { l.note("", func() { l.mark = mark }) }
	c.LoggedOut = func() { l.note("o", func() { l.out++ }) }
}

func (l *logins) seen() []upstream.Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

func (l *logins) current() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mark
}

// TestMark: a new process gets a mark, keeps it over lost links, and a restarted one gets another. Nobody sees it being set.
func TestMark(t *testing.T) {
	t.Parallel()
	a, g := newMarkable(t)
	var l logins
	r := start(t, a.addr(), l.watch).waitUp(t)
	eventually(t, "the mark is known", func() bool { return len(l.seen()) == 1 })
	a.drop()
	eventually(t, "a second link", func() bool { return len(l.seen()) == 2 && r.Up() })
	g.restart()
	eventually(t, "a third link", func() bool { return len(l.seen()) == 3 && r.Up() })
	in := l.seen()
	if in[0].Mark == "" || in[1].Mark != in[0].Mark || in[2].Mark == in[0].Mark || in[2].Mark == "" {
		t.Errorf("marks of a process, its second link, and its successor: %+v", in)
	}
	if in[0].Found || !in[1].Found || in[2].Found {
		t.Errorf("found, not set, at the second link only: %+v", in)
	}
	l.mu.Lock()
	if len(l.heard) != 3 || !l.heard[0].IsZero() || l.heard[1].IsZero() || !l.heard[2].After(l.heard[1]) || in[0].SystemName != "alpha" {
		t.Errorf("heard %v, %+v", l.heard, in)
	}
	if l.order != "imoimoim" {
		t.Errorf("told in the order %s", l.order)
	}
	l.mu.Unlock()
	a.raise("Event", "VarSet", "Privilege", "dialplan,all", "Channel", "none", "Variable", "AMIBUS_MARKER", "Value", "of somebody else")
	eventually(t, "an event", func() bool { return len(r.seen()) > 0 })
	if got := r.seen(); len(got) != 1 {
		t.Errorf("handed on: %v", got)
	}
}

// TestLoggedInComesFirst: LoggedIn comes before the first event, and events do not wait for the mark.
func TestLoggedInComesFirst(t *testing.T) {
	t.Parallel()
	a, g := newMarkable(t)
	g.hold.Add(1)
	var l logins
	r := start(t, a.addr(), l.watch, func(c *upstream.Config) {
		event := c.Event
		c.Event = func(m *ami.Message) {
			l.note("e", func() {})
			event(m)
		}
	})
	eventually(t, "the mark is read", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.reads == 1 })
	a.raise("Event", "Early", "Privilege", "call,all")
	eventually(t, "the event comes", func() bool { return slices.Contains(r.seen(), "Early") })
	g.hold.Done()
	eventually(t, "the mark is known", func() bool { return l.current() != "" })
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.order != "iem" {
		t.Errorf("told in the order %s", l.order)
	}
}

// TestMarkedAtOnce: two nodes that find no mark at the same time end with the same one.
func TestMarkedAtOnce(t *testing.T) {
	t.Parallel()
	a, g := newMarkable(t)
	g.hold.Add(1)
	var l [2]logins
	for i := range l {
		start(t, a.addr(), l[i].watch)
	}
	eventually(t, "both find none", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.reads == 2 })
	g.hold.Done()
	eventually(t, "both agree", func() bool { return l[0].current() != "" && l[0].current() == l[1].current() })
	g.mu.Lock()
	defer g.mu.Unlock()
	if l[0].current() != g.vars["AMIBUS_MARK"] {
		t.Errorf("they agree on %s, the Asterisk has %s", l[0].current(), g.vars["AMIBUS_MARK"])
	}
	for i := range l {
		if id := l[i].seen()[0]; id.Found {
			t.Errorf("node %d takes the mark for an old one: %+v", i, id)
		}
	}
}

// TestMarkRefused: an Asterisk that has no such action is used without a mark, and that is said once.
func TestMarkRefused(t *testing.T) {
	t.Parallel()
	a := newAsterisk(t, nil)
	var l logins
	r := start(t, a.addr(), l.watch).waitUp(t)
	eventually(t, "it is known that there is no mark", func() bool { return len(l.seen()) == 1 })
	a.drop()
	eventually(t, "a second link", func() bool { return len(l.seen()) == 2 && r.Up() })
	if l.current() != "" {
		t.Errorf("mark %q", l.current())
	}
	if n := strings.Count(r.log.String(), "cannot be marked"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, r.log.String())
	}
}

// TestMarkOfAReplay: amibus replay keeps global variables, so it has a mark like an Asterisk.
func TestMarkOfAReplay(t *testing.T) {
	t.Parallel()
	c, err := capture.OpenDir("../../testdata/captures/call-answered", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- capture.NewServer(capture.Config{Capture: c, Username: "amibus", Speed: 1000}).Serve(ctx, ln)
	}()
	t.Cleanup(func() { stop(); <-done })
	var l [2]logins
	for i := range l {
		start(t, ln.Addr().String(), l[i].watch, func(c *upstream.Config) { c.BackoffMin = time.Second }).waitUp(t)
	}
	eventually(t, "both know the same mark", func() bool { return l[0].current() != "" && l[0].current() == l[1].current() })
}

// TestCensus: what the Asterisk lists, once the events before that have been handed on; the fence itself is nobody else's business.
func TestCensus(t *testing.T) {
	t.Parallel()
	a, g := newMarkable(t)
	listing := func(item string, ids ...string) func(*peer, *ami.Message) {
		return func(p *peer, m *ami.Message) {
			a.raise("Event", "Before", "Privilege", "call,all")
			p.answer(m, "Success", "EventList", "start")
			for _, id := range ids {
				p.say("Event: " + item + "\nUniqueid: " + id)
			}
			p.say("Event: " + m.Action() + "Complete\nEventList: Complete")
		}
	}
	a.on["coreshowchannels"], a.on["bridgelist"] = listing("CoreShowChannel", "1", "2"), listing("BridgeListItem", "b")
	var l logins
	r := start(t, a.addr(), l.watch).waitUp(t)
	eventually(t, "the mark is known", func() bool { return len(l.seen()) == 1 })
	census := l.seen()[0].Census
	for i := range 3 {
		got, err := census(t.Context())
		if err != nil || len(got.Channels) != 2 || string(got.Channels[1].Get("Uniqueid")) != "2" || len(got.Bridges) != 1 {
			t.Fatalf("%v %v", got, err)
		}
		if events := r.seen(); len(events) != 2*(i+1) {
			t.Errorf("events before the fence: %v", events)
		}
	}
	g.mu.Lock()
	a.on["setvar"] = func(p *peer, m *ami.Message) { p.answer(m, "Error", "Message", "Permission denied") }
	g.mu.Unlock()
	if _, err := census(t.Context()); err == nil || err.Error() != `the fence AMIBUS_FENCE: "Permission denied"` {
		t.Errorf("%v", err)
	}
	a.drop()
	eventually(t, "the link has ended", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.out > 0 })
	if _, err := census(t.Context()); err == nil {
		t.Error("a census without a link")
	}
}
