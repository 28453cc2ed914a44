package amiserver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/amibus/amibus/bus/cursor"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
)

// fakeStream is a stream of which nothing waits: what is said is merged, has arrived and is journaled at once.
type fakeStream struct {
	mu              sync.Mutex
	merged, arrived *stasis.Topic[merge.Event]
	now             map[merge.Node]merge.Position
	past            map[merge.Node][]merge.Past
	journal         map[merge.Node][]merge.Event
	hlc             int64
	fetching        func()        // called by Fetch
	settled         chan struct{} // closed once the node has joined
}

func newFakeStream(merged *stasis.Topic[merge.Event]) *fakeStream {
	settled := make(chan struct{})
	close(settled)
	return &fakeStream{settled: settled, merged: merged, arrived: stasis.NewTopic[merge.Event]("arrived"), now: map[merge.Node]merge.Position{},
		past: map[merge.Node][]merge.Past{}, journal: map[merge.Node][]merge.Event{}}
}

// say makes the next event of a node.
func (f *fakeStream) say(node merge.Node, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.now[node]
	if !ok {
		p = merge.Position{Node: node, Epoch: 7}
	}
	p.Emitted++
	f.hlc++
	e := placed(node, p.Emitted, userEvent(text))
	e.HLC, e.Epoch, p.ArrivedE, p.Arrived = f.hlc, p.Epoch, p.Epoch, p.Emitted
	f.now[node] = p
	f.journal[node] = append(f.journal[node], e)
	f.merged.Publish(e)
	f.arrived.Publish(e)
}

func (f *fakeStream) restart(node merge.Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.now[node]
	f.past[node] = append(f.past[node], merge.Past{Epoch: p.Epoch, End: p.Emitted})
	p.Epoch, p.Emitted = p.Epoch+1, 0
	p.ArrivedE, p.Arrived = p.Epoch, 0
	f.now[node] = p
}

func (f *fakeStream) Settled() <-chan struct{} { return f.settled }

func (f *fakeStream) ViewPast(fn func([]merge.Position, func(merge.Node) []merge.Past)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(slices.Collect(maps.Values(f.now)), func(n merge.Node) []merge.Past { return f.past[n] })
}

func (f *fakeStream) Fetch(ctx context.Context, n merge.Node, epoch, from, to uint64) (got []merge.Event, err error) {
	if f.fetching != nil {
		f.fetching()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.journal[n] {
		if e.Epoch == epoch && e.Seq >= from && e.Seq <= to && len(got) < 100 && (len(got) == 0 || e.Seq == got[len(got)-1].Seq+1) {
			got = append(got, e)
		}
	}
	return got, ctx.Err()
}

func said(text, id string) string {
	return "Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: " + text + "|EventID: " + id
}

// expectEvent reads an event and leaves its time aside.
func (c *client) expectEvent(want string) {
	c.t.Helper()
	got, _, _ := strings.Cut(c.next(), "|EventTime: ")
	if got != want {
		c.t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// cursor asks for the session's position, and returns the lines to come back with.
func (c *client) cursor() (lines []string) {
	c.t.Helper()
	c.say("Action: EventCursor", "ActionID: c")
	parts := strings.Split(c.next(), "|")
	if len(parts) < 2 || parts[0] != "Response: Success" || parts[1] != "ActionID: c" {
		c.t.Fatalf("answer %q", parts)
	}
	for _, l := range parts[2:] {
		if !strings.HasPrefix(l, "ResumeFrom: ") || len(l) > 900 {
			c.t.Fatalf("line %q", l)
		}
	}
	return parts[2:]
}

// The answers come in their order: that of the Login, FullyBooted, what was missed, what comes now.
func TestResumeAtLogin(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.stream.say(alpha, "one")
	f.stream.say(bravo, "two")
	c := f.login(t, "ids", "Events: user")
	f.stream.say(bravo, "three")
	c.expectEvent(said("three", "default/bravo/7/2"))
	from := c.cursor()
	if want := []string{"ResumeFrom: default/alpha/7/1,default/bravo/7/2"}; !slices.Equal(from, want) {
		t.Fatalf("%q", from)
	}
	c.Close()
	f.stream.say(bravo, "four")
	f.stream.say(alpha, "five")
	f.stream.restart(bravo)
	f.stream.say(bravo, "six")
	d := f.login(t, "ids", append(from, "Events: system,user")...)
	d.expect(booted)
	for _, want := range []string{said("four", "default/bravo/7/3"), said("five", "default/alpha/7/2"), said("six", "default/bravo/8/1")} {
		d.expectEvent(want)
	}
	f.stream.say(alpha, "seven")
	d.expectEvent(said("seven", "default/alpha/7/3"))
	if want := []string{"ResumeFrom: default/alpha/7/3,default/bravo/8/1"}; !slices.Equal(d.cursor(), want) {
		t.Fatal("the cursor in the live stream is wrong")
	}
	if s := f.Stats(); s.Resumes != 1 || s.Replayed != 3 || s.ResumeGaps != 0 {
		t.Errorf("%+v", s)
	}
}

// Events puts the session at another place of the stream: the answer first, then what comes behind that place, again if need be.
func TestResumeByEvents(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	for i := range 3 {
		f.stream.say(alpha, fmt.Sprint(i))
	}
	for _, user := range []string{"ids", "arrival"} {
		c := f.login(t, user, "Events: off", "ResumeFrom: default/alpha/7/0")
		c.say("Action: Events", "EventMask: user", "ResumeFrom: default/alpha/7/1")
		c.expect("Response: Success|Events: On")
		c.expectEvent(said("1", "default/alpha/7/2"))
		c.expectEvent(said("2", "default/alpha/7/3"))
		c.say("Action: Events", "EventMask: off", "ResumeFrom: default/alpha/7/0")
		c.expect("Response: Success|Events: Off")
		c.say("Action: Events", "EventMask: user", "ResumeFrom: default/alpha/7/2")
		c.expect("Response: Success|Events: On")
		c.expectEvent(said("2", "default/alpha/7/3"))
		for _, bad := range []string{"default/alpha/7", "default/alpha/7/1,default/alpha/7/2", ""} {
			c.say("Action: Events", "EventMask: user", "ResumeFrom: "+bad)
			if got := c.next(); !strings.HasPrefix(got, "Response: Error|Message: ResumeFrom: ") {
				t.Fatalf("%q: %s", bad, got)
			}
		}
		if got := c.cursor(); !slices.Equal(got, []string{"ResumeFrom: default/alpha/7/3"}) {
			t.Fatalf("%q", got)
		}
	}
}

// Who is bound to some nodes learns nothing of the others, neither from his cursor nor by naming them, and nothing of them is fetched.
func TestResumeWithinReach(t *testing.T) {
	t.Parallel()
	f := serveUsers(t, boundUsers)
	zulu := merge.Node{Site: "west", Name: "zulu"}
	for i := range 3 {
		for _, n := range []merge.Node{alpha, bravo, zulu} {
			f.stream.say(n, fmt.Sprint(n.Name, i))
		}
	}
	expect := func(c *client, names ...string) {
		t.Helper()
		for _, name := range names {
			c.expect("Event: UserEvent|Privilege: user,all|SystemName: alpha|UserEvent: " + name)
		}
	}
	c := f.login(t, "picked", "Events: user")
	if got := c.cursor(); !slices.Equal(got, []string{"ResumeFrom: default/bravo/7/3,west/zulu/7/3"}) {
		t.Errorf("%q", got)
	}
	c = f.login(t, "picked", "Events: user", "ResumeFrom: default/bravo/7/1", "ResumeFrom: default/alpha/9/9,other/node/1/1")
	expect(c, "zulu0", "bravo1", "zulu1", "bravo2", "zulu2")
	if got := c.cursor(); !slices.Equal(got, []string{"ResumeFrom: default/bravo/7/3,west/zulu/7/3"}) {
		t.Errorf("after the replay: %q", got)
	}
	if n := f.Stats().Replayed; n != 5 {
		t.Errorf("%d events replayed", n)
	}
	f.stream.say(alpha, "alpha3")
	f.stream.say(bravo, "bravo3")
	expect(c, "bravo3")
	if got := f.quiet(t, "site").cursor(); !slices.Equal(got, []string{"ResumeFrom: default/alpha/7/4,default/bravo/7/4"}) {
		t.Errorf("of a site: %q", got)
	}
}

// A cursor that cannot be read is refused at once, and nobody is logged in.
func TestResumeRefused(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.stream.say(alpha, "one")
	c := f.dial(t)
	c.say("Action: Login", "Username: admin", "Secret: secret", "ActionID: 1", "ResumeFrom: default/alpha/7/0", "ResumeFrom: bravo/1")
	c.line()
	c.expect(`Response: Error|ActionID: 1|Message: ResumeFrom: "bravo/1" is not a position: site/node/epoch/seq; send the lines of EventCursor as they are`)
	c.gone()
	if s := f.Stats(); s.Logins != 0 || s.LoggedIn != 0 || s.Failures != 1 || s.Events != 0 {
		t.Errorf("%+v", s)
	}
}

// Before the node has joined nobody can be told where he stands, and nothing is replayed.
func TestResumeBeforeTheJoin(t *testing.T) {
	t.Parallel()
	settled := make(chan struct{})
	f := serve(t, func(c *Config) { c.Source.(*fakeStream).settled = settled })
	plain := f.login(t, "ids", "Events: user")
	resumed := f.login(t, "ids", "Events: user", "ResumeFrom: default/alpha/7/1")
	off := f.login(t, "ids", "Events: off")
	for _, c := range []*client{plain, resumed, off} {
		c.say("Action: EventCursor", "ActionID: 1")
		c.expect("Response: Error|ActionID: 1|Message: the node has not joined the cluster yet")
	}
	f.stream.mu.Lock()
	f.stream.now[alpha] = merge.Position{Node: alpha, Epoch: 7, Emitted: 2, ArrivedE: 7, Arrived: 2}
	f.stream.journal[alpha] = []merge.Event{placed(alpha, 1, userEvent("1")), placed(alpha, 2, userEvent("2"))}
	f.stream.mu.Unlock()
	close(settled)
	resumed.expectEvent(said("2", "default/alpha/7/2"))
	for _, c := range []*client{plain, resumed, off} {
		if got := c.cursor(); !slices.Equal(got, []string{"ResumeFrom: default/alpha/7/2"}) {
			t.Errorf("%q", got)
		}
	}
}

// What nobody holds any more is declared, with its end if that is known.
func TestResumeGaps(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.systems = map[merge.Node]string{bravo: "pbx-b"}
	for i := range 10 {
		f.stream.say(bravo, fmt.Sprint(i))
	}
	f.stream.journal[bravo] = slices.Delete(f.stream.journal[bravo], 2, 5)
	f.stream.restart(bravo)
	f.stream.say(bravo, "again")
	f.stream.past[bravo] = nil
	c := f.login(t, "ids", "Events: system,user", "ResumeFrom: default/bravo/7/1, x/y/1/1")
	c.expect(booted)
	c.expectEvent(said("1", "default/bravo/7/2"))
	c.expect("Event: Gap|Privilege: system,all|SystemName: pbx-b|Node: default/bravo|Epoch: 7|First: 3|Last: 5|Count: 3")
	for i := 5; i < 10; i++ {
		c.expectEvent(said(fmt.Sprint(i), fmt.Sprintf("default/bravo/7/%d", i+1)))
	}
	c.expect("Event: Gap|Privilege: system,all|SystemName: pbx-b|Node: default/bravo|Epoch: 7|First: 11")
	c.expectEvent(said("again", "default/bravo/8/1"))
	if got := c.cursor(); !slices.Equal(got, []string{"ResumeFrom: default/bravo/8/1,x/y/1/1"}) {
		t.Fatalf("%q", got)
	}
	if s := f.Stats(); s.ResumeGaps != 2 {
		t.Errorf("%+v", s)
	}
}

// A client that was at a node further on gets nothing twice; when the node turns out to have begun anew, its old end is looked for.
func TestResumeAhead(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.stream.say(alpha, "1")
	f.stream.say(bravo, "1")
	c := f.login(t, "ids", "Events: user", "ResumeFrom: default/alpha/7/3,default/bravo/7/3")
	f.stream.say(bravo, "2")
	for _, text := range []string{"2", "3", "4"} {
		f.stream.say(alpha, text)
	}
	c.expectEvent(said("4", "default/alpha/7/4"))
	if got := c.cursor(); !slices.Equal(got, []string{"ResumeFrom: default/alpha/7/4,default/bravo/7/3"}) {
		t.Fatalf("%q", got)
	}
	// The replay may still run: it must not see half of this.
	f.stream.mu.Lock()
	f.stream.journal[bravo] = append(f.stream.journal[bravo], placed(bravo, 4, userEvent("4")))
	f.stream.past[bravo] = []merge.Past{{Epoch: 7, End: 4}}
	f.stream.now[bravo] = merge.Position{Node: bravo, Epoch: 8, ArrivedE: 8}
	f.stream.mu.Unlock()
	f.stream.say(bravo, "new")
	c.expectEvent(said("4", "default/bravo/7/4"))
	c.expectEvent(said("new", "default/bravo/8/1"))
	f.stream.say(bravo, "newer")
	c.expectEvent(said("newer", "default/bravo/8/2"))
}

// A node that hears of another one only after the client has resumed enters its stream somewhere in the middle: the client does not.
func TestResumeBeforeTheNodeHearsOfIt(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.stream.say(alpha, "1")
	c := f.login(t, "ids", "Events: user", "ResumeFrom: default/alpha/7/1,default/bravo/7/2")
	until(t, "the client is in the live stream", func() bool { return f.stream.merged.Stats().Subscribers > 0 })
	f.stream.mu.Lock()
	for seq := range uint64(4) {
		f.stream.journal[bravo] = append(f.stream.journal[bravo], placed(bravo, seq+1, userEvent(fmt.Sprint(seq+1))))
	}
	f.stream.now[bravo] = merge.Position{Node: bravo, Epoch: 7, Emitted: 4, ArrivedE: 7, Arrived: 4}
	f.stream.mu.Unlock()
	for _, text := range []string{"5", "6"} {
		f.stream.say(bravo, text)
	}
	for _, seq := range []string{"3", "4", "5", "6"} {
		c.expectEvent(said(seq, "default/bravo/7/"+seq))
	}
}

// While the replay runs the stream goes on; the cursor is exact at every moment, and where it says a second client goes on.
func TestResumeWhileBusy(t *testing.T) {
	t.Parallel()
	f := serve(t, func(c *Config) { c.QueueLen = 512 })
	nodes := []merge.Node{alpha, bravo}
	for i := range 3000 {
		f.stream.say(nodes[i%2], fmt.Sprint(i))
	}
	said := 3000
	var mu sync.Mutex
	f.stream.fetching = func() {
		mu.Lock()
		defer mu.Unlock()
		if said < 3500 {
			f.stream.say(nodes[said%2], fmt.Sprint(said))
			said++
		}
	}
	from := []string{"ResumeFrom: default/alpha/7/0,default/bravo/7/0"}
	next := 0
	for session := 0; next < 3000; session++ {
		c := f.login(t, "ids", append(from, "Events: user")...)
		expect := func() bool {
			got := c.next()
			if strings.HasPrefix(got, "Response: Success|ActionID: c|") {
				from = strings.Split(got, "|")[2:]
				return false
			}
			if !strings.Contains(got, fmt.Sprintf("|UserEvent: %d|", next)) {
				t.Fatalf("session %d: want event %d, got %s", session, next, got)
			}
			next++
			return true
		}
		for i := 0; i < 10+100*session && next < 3000; i++ { // so many there are
			expect()
		}
		c.say("Action: EventCursor", "ActionID: c")
		for expect() {
		}
		c.Close()
	}
	v, err := cursor.Parse(func(yield func([]byte) bool) { yield([]byte(strings.TrimPrefix(from[0], "ResumeFrom: "))) })
	if err != nil || int(v[alpha].Seq+v[bravo].Seq) != next {
		t.Fatalf("%v, %v, after %d events", v, err, next)
	}
}

// A client that hangs up in the middle of a long replay leaves nothing behind.
func TestResumeAbandoned(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	for i := range 4000 {
		f.stream.say(alpha, fmt.Sprint(i, strings.Repeat("x", 5000)))
	}
	c := f.login(t, "ids", "ResumeFrom: default/alpha/7/0")
	c.expect(booted)
	c.next()
	c.say("Action: Events", "EventMask: on", "ResumeFrom: default/alpha/7/5")
	c.Close()
	until(t, "the session ends", func() bool { return f.Stats().Sessions == 0 })
}
