package owner_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/owner"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

var (
	alpha   = merge.Node{Site: "east", Name: "alpha"}
	bravo   = merge.Node{Site: "east", Name: "bravo"}
	charlie = merge.Node{Site: "west", Name: "charlie"}
)

// event makes an event of a node as every node serves it. What is said is separated by |, as an Asterisk of that systemname writes it.
func event(t testing.TB, n *merge.Node, systemname, said string) merge.Event {
	t.Helper()
	m, err := ami.ParseMessage([]byte("Event: " + strings.ReplaceAll(said, "|", "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return entry(t, n, &translator.Origin{Node: n.Name, Systemname: systemname}, m)
}

func entry(t testing.TB, n *merge.Node, o *translator.Origin, m *ami.Message) merge.Event {
	t.Helper()
	raw, err := o.AppendEntry(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	e, err := wire.ParseEntry(raw)
	if err != nil {
		t.Fatal(err)
	}
	return merge.Event{Node: n, Epoch: 1, Seq: 1, Entry: e}
}

// group is a channel's headers, with a prefix.
func group(prefix, name, id string) string {
	return fmt.Sprintf("%[1]sChannel: %[2]s|%[1]sChannelState: 4|%[1]sChannelStateDesc: Ring|%[1]sCallerIDNum: 1000|%[1]sUniqueid: %[3]s|%[1]sLinkedid: %[3]s",
		prefix, name, id)
}

// feed gives a registry what the Asterisk of a node says; it has no systemname.
type feed struct {
	t   testing.TB
	r   *owner.Registry
	now time.Duration
}

func newFeed(t testing.TB, cfg owner.Config) *feed { return &feed{t: t, r: owner.New(cfg)} }

func (f *feed) say(n merge.Node, said ...string) {
	f.t.Helper()
	for _, s := range said {
		f.r.Add(f.now, []merge.Event{event(f.t, &n, "", s)})
	}
}

func (f *feed) born(n merge.Node, name, id string) {
	f.t.Helper()
	f.say(n, "Newchannel|Privilege: call,all|"+group("", name, id))
}

// see compares what is found with names of nodes, and "unique", "ended", "lost", "absent".
func (f *feed) see(key, want string) {
	f.t.Helper()
	if got := describe(f.r.Channel([]byte(key))); got != want {
		f.t.Errorf("channel %q: %q, want %q", key, got, want)
	}
}

func (f *feed) seeBridge(key, want string) {
	f.t.Helper()
	if got := describe(f.r.Bridge([]byte(key))); got != want {
		f.t.Errorf("bridge %q: %q, want %q", key, got, want)
	}
}

func describe(found owner.Found) string {
	var words []string
	for _, n := range found.Owners {
		words = append(words, n.Name)
	}
	for word, is := range map[string]bool{"unique": found.Unique, "ended": found.Ended, "lost": found.Lost, "absent": found.Absent} {
		if is {
			words = append(words, word)
		}
	}
	return order(words)
}

func order(words []string) string {
	var all []string
	for _, w := range []string{"alpha", "bravo", "charlie", "unique", "ended", "lost", "absent"} {
		for _, have := range words {
			if have == w {
				all = append(all, w)
			}
		}
	}
	return strings.Join(all, " ")
}
