package owner_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/owner"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/translator"
)

func number(i int) string { return strconv.Itoa(i) }

// model is the plain way: one list, walked through.
type model struct {
	now  time.Duration
	all  []*thing
	lost map[merge.Node]bool

	nodes map[merge.Node]bool // that have been heard of
}

// heard is called for whatever comes from or of a node.
func (m *model) heard(n merge.Node) {
	if !m.nodes[n] {
		m.nodes[n] = true
		m.askAgain()
	}
}

func (m *model) askAgain() { m.all = slices.DeleteFunc(m.all, func(x *thing) bool { return x.absent }) }

type thing struct {
	node     merge.Node
	id, name string // as served
	ended    time.Duration
	absent   bool
}

func (m *model) known(n merge.Node, id string) *thing {
	for _, x := range m.all {
		if !x.absent && x.node == n && x.id == id {
			return x
		}
	}
	return nil
}

func (x *thing) is(key string) (ok, unique bool) {
	bare, qualified := strings.CutPrefix(x.id, x.node.Name+"-")
	return strings.EqualFold(x.name, key) || strings.EqualFold(x.id, key) || qualified && bare == key,
		!strings.EqualFold(x.name, key) && qualified && strings.EqualFold(x.id, key)
}

func (m *model) born(n merge.Node, id, name string) {
	m.all = slices.DeleteFunc(m.all, func(x *thing) bool { return !x.absent && x.node == n && x.id == id })
	x := &thing{node: n, id: id, name: name}
	m.all = append(m.all, x)
	m.all = slices.DeleteFunc(m.all, func(y *thing) bool {
		same, _ := x.is(y.id)
		return y.absent && same
	})
}

func (m *model) find(key string) string {
	best, absent := 0, false
	var words []string
	unique := true
	for _, x := range m.all {
		if x.absent {
			absent = absent || strings.EqualFold(x.id, key)
			continue
		}
		ok, u := x.is(key)
		if !ok {
			continue
		}
		rank := 4
		if x.ended > 0 {
			rank -= 2
		}
		if m.lost[x.node] {
			rank--
		}
		switch {
		case rank > best:
			best, words, unique = rank, []string{x.node.Name}, u
		case rank == best && !slices.Contains(words, x.node.Name):
			words, unique = append(words, x.node.Name), unique && u
		}
	}
	if best == 0 {
		if absent {
			return "absent"
		}
		return ""
	}
	for word, is := range map[string]bool{"unique": unique, "ended": best < 3, "lost": best%2 == 1} {
		if is {
			words = append(words, word)
		}
	}
	return order(words)
}

// TestModel: whatever happens in whatever order, the registry says what a list would say.
func TestModel(t *testing.T) {
	t.Parallel()
	nodes := []merge.Node{alpha, bravo, charlie}
	for seed := range uint64(16) {
		t.Run(number(int(seed)), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 1))
			f, m := newFeed(t, owner.Config{Seed: seed}), &model{lost: map[merge.Node]bool{}, nodes: map[merge.Node]bool{}}
			names, ids := 1+rnd.IntN(40), 1+rnd.IntN(40)
			name := func() string { return []string{"X/a-", "x/A-", "Local/y@z-"}[rnd.IntN(3)] + number(rnd.IntN(names)) }
			id := func() string { // as the Asterisk has it; it has no systemname
				if rnd.IntN(3) == 0 {
					return "chosen" + number(rnd.IntN(ids))
				}
				return "17." + number(rnd.IntN(ids)) + []string{"", ";1", ";2"}[rnd.IntN(3)]
			}
			served := func(n merge.Node, id string) string {
				if strings.HasPrefix(id, "17.") {
					return n.Name + "-" + id
				}
				return id
			}
			key := func() string {
				switch rnd.IntN(3) {
				case 0:
					return name()
				case 1:
					return id()
				}
				return served(nodes[rnd.IntN(3)], id())
			}
			for range 1500 {
				n, i := nodes[rnd.IntN(3)], id()
				action := rnd.IntN(20)
				if action <= 13 {
					m.heard(n)
				}
				switch action {
				case 0, 1, 2, 3, 4, 5:
					c := name()
					f.born(n, c, i)
					m.born(n, served(n, i), c)
				case 6, 7, 8, 9, 10:
					f.say(n, "Hangup|Privilege: call,all|"+group("", "whatever", i))
					if x := m.known(n, served(n, i)); x != nil && x.ended == 0 {
						x.ended = max(m.now, 1)
					}
				case 11, 12:
					c := name()
					f.say(n, "Rename|Privilege: call,all|Channel: whatever|Newname: "+c+"|Uniqueid: "+i)
					if x := m.known(n, served(n, i)); x == nil || x.ended == 0 {
						m.born(n, served(n, i), c)
					}
				case 13:
					c := name()
					f.say(n, "Newexten|Privilege: dialplan,all|"+group("", c, i))
					if m.known(n, served(n, i)) == nil {
						m.born(n, served(n, i), c)
					}
				case 14, 15:
					k := key()
					f.r.AbsentChannel(f.now, []byte(k))
					if m.find(k) == "" {
						m.all = append(m.all, &thing{id: k, absent: true, ended: max(m.now, 1)})
					}
				case 16:
					lost := rnd.IntN(2) == 0
					f.r.SetLost(n, lost)
					m.heard(n)
					if m.lost[n] && !lost {
						m.askAgain()
					}
					m.lost[n] = lost
				case 17:
					if rnd.IntN(20) == 0 {
						f.r.Remove(n)
						m.all = slices.DeleteFunc(m.all, func(x *thing) bool { return !x.absent && x.node == n })
						delete(m.lost, n)
						delete(m.nodes, n)
					}
				case 18:
					f.now += time.Duration(rnd.IntN(20)) * time.Second
					m.now = f.now
				}
				f.r.Forget(f.now)
				m.all = slices.DeleteFunc(m.all, func(x *thing) bool { return x.ended > 0 && x.ended+time.Minute <= m.now })
				for range 4 {
					if k := key(); describe(f.r.Channel([]byte(k))) != m.find(k) {
						t.Fatalf("%q: %q, want %q", k, describe(f.r.Channel([]byte(k))), m.find(k))
					}
				}
			}
			s, want := f.r.Stats(), owner.Stats{}
			for _, x := range m.all {
				switch {
				case x.absent:
					want.Absent++
				case x.ended > 0:
					want.Ended++
				default:
					want.Channels++
				}
			}
			if s.Channels != want.Channels || s.Ended != want.Ended || s.Absent != want.Absent || s.Refused+s.Evicted != 0 {
				t.Errorf("%+v, want %+v", s, want)
			}
		})
	}
}

// TestCaptures: at each moment of each recording every channel and bridge that lives is found, under its name and its id, and nothing
// else is alive. Whoever joins in the middle knows all that is spoken of, and at the end nothing that has ended before.
func TestCaptures(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/captures/*/*.ami.gz")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d recordings: %v", len(files), err)
	}
	total := 0
	for _, file := range files {
		c, err := capture.Open(os.DirFS(filepath.Dir(file)), strings.TrimSuffix(filepath.Base(file), ".ami.gz"))
		if err != nil {
			t.Fatal(err)
		}
		events := c.Events()
		o := &translator.Origin{Node: "alpha", Systemname: c.SystemName()}
		f, late := newFeed(t, owner.Config{}), newFeed(t, owner.Config{})
		live, seen := map[string]string{}, map[string]bool{}
		for i, m := range events {
			e := entry(t, &alpha, o, m)
			f.r.Add(0, []merge.Event{e})
			if i >= len(events)/2 {
				late.r.Add(0, []merge.Event{e})
			}
			text, err := ami.ParseMessage(e.Entry.AMI())
			if err != nil {
				t.Fatal(err)
			}
			id, channel := string(text.Get("Uniqueid")), string(text.Get("Channel"))
			switch string(e.Entry.Name()) {
			case "Newchannel":
				live[id], seen[id] = channel, true
			case "Hangup":
				delete(live, id)
			case "Rename":
				live[id] = string(text.Get("Newname"))
			}
			for id, name := range live {
				if i%16 > 0 && i < len(events)-1 {
					break
				}
				if a, b := f.r.Channel([]byte(id)), f.r.Channel([]byte(name)); len(a.Owners) != 1 || a.Ended || len(b.Owners) != 1 || b.Ended {
					t.Fatalf("%s, event %d: %s, %s: %+v, %+v", file, i, id, name, a, b)
				}
			}
			total++
		}
		lives := 0
		for id := range seen {
			found := f.r.Channel([]byte(id))
			if lives += len(found.Owners); found.Ended {
				lives--
			}
			if _, ok := live[id]; ok == found.Ended || len(found.Owners) > 1 {
				t.Errorf("%s: %s: %+v", file, id, found)
			}
			if ended := late.r.Channel([]byte(id)); live[id] == "" && len(ended.Owners) > 0 && !ended.Ended {
				t.Errorf("%s: %s has ended and lives", file, id)
			}
		}
		if s := f.r.Stats(); s.Refused != 0 || len(live) > s.Channels {
			t.Errorf("%s: %+v, want %d", file, s, len(live))
		}
	}
	if total < 5000 {
		t.Errorf("%d events: not what the recordings hold", total)
	}
}

// TestReaders: who looks while the feeder is at work finds whatever lives all the time, wherever it is put meanwhile.
func TestReaders(t *testing.T) {
	t.Parallel()
	f := newFeed(t, owner.Config{})
	const stable = 200
	for i := range stable {
		f.born(alpha, "X/stable-"+number(i), "1."+number(i))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for r := range 3 {
		wg.Go(func() {
			for i := r; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Appendf(nil, "alpha-1.%d", i%stable)
				if got := f.r.Channel(id); len(got.Owners) != 1 || got.Ended {
					t.Errorf("%s: %+v", id, got)
					return
				}
				if name := fmt.Appendf(nil, "X/stable-%d", i%stable); i%2 == 0 && i%stable >= stable/2 {
					if got := f.r.Channel(name); len(got.Owners) != 1 {
						t.Errorf("%s: %+v", name, got)
						return
					}
				}
			}
		})
	}
	for round := range 30 {
		for i := range 300 {
			f.born(bravo, "X/other-"+number(i), number(round)+"."+number(i))
			f.say(alpha, "Rename|Privilege: call,all|Channel: x|Newname: X/renamed-"+number(round)+"-"+number(i)+"|Uniqueid: 1."+number(i%(stable/2)))
			f.r.AbsentChannel(f.now, []byte("nobody"+number(i)))
		}
		f.r.SetLost(bravo, round%2 == 0)
		for i := range 300 {
			f.say(bravo, "Hangup|Privilege: call,all|"+group("", "x", number(round)+"."+number(i)))
		}
		f.now += 61 * time.Second
		f.r.Forget(f.now)
		if round%5 == 0 {
			f.r.Remove(bravo)
		}
	}
	close(stop)
	wg.Wait()
	if s := f.r.Stats(); s.Channels != stable {
		t.Errorf("%+v", s)
	}
}

// FuzzAdd: no event, however mean, makes more of it than one record for each group.
func FuzzAdd(f *testing.F) {
	b, err := os.ReadFile("../../testdata/ami/behaviour.md")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("Newchannel\r\nChannel: x\r\nUniqueid: 1.1"))
	f.Add([]byte("Rename\r\nNewname: \r\nUniqueid: "))
	f.Add([]byte("DialBegin\r\nDestUniqueid: 1\r\nDestChannel: \nUniqueid: 2\r\nChannel: \x00"))
	f.Add(b[:200])
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ami.ParseMessage(append(append([]byte("Event: "), b...), "\r\n\r\n"...))
		if err != nil {
			return
		}
		raw, err := (&translator.Origin{Node: "alpha"}).AppendEntry(nil, m)
		if err != nil {
			return
		}
		r := newFeed(t, owner.Config{Max: 100})
		r.r.Add(0, []merge.Event{entry(t, &alpha, &translator.Origin{Node: "alpha"}, m)})
		r.r.Add(0, []merge.Event{entry(t, &alpha, &translator.Origin{Node: "alpha"}, m)})
		if s := r.r.Stats(); s.Channels+s.Bridges+s.Ended > bytes.Count(raw, []byte("niqueid: ")) {
			t.Errorf("%+v", s)
		}
		for i := range m.Len() {
			_, v, _ := m.Field(i)
			if got := r.r.Channel(v); len(got.Owners) > 1 {
				t.Errorf("%+v", got)
			}
		}
	})
}
