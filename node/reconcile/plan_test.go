package reconcile

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/ami/verify"
)

const captures = "../../testdata/captures/"

// recorded are the events of a capture, as texts.
func recorded(t testing.TB, dir string) (texts [][]byte) {
	t.Helper()
	c, err := capture.OpenDir(captures+dir, "alpha")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Events() {
		texts = append(texts, m.Clone().Bytes())
	}
	return texts
}

// pbx is what an Asterisk would list after some events.
type pbx struct {
	view *View
	apps map[string]string
}

func after(texts [][]byte) *pbx {
	p := &pbx{NewView(), map[string]string{}}
	for _, text := range texts {
		p.view.Take(text)
		if string(nameOf(text)) == "Newexten" {
			p.apps[valueOf(string(text), "Uniqueid")] = valueOf(string(text), "Application")
		}
	}
	return p
}

func (p *pbx) channels() (items [][]byte) {
	for _, c := range p.view.channels {
		items = append(items, []byte("Event: CoreShowChannel\r\n"+c.group()+"Application: "+p.apps[c.id]+"\r\nApplicationData: \r\nDuration: 00:00:01\r\nBridgeId: "+
			c.bridge+"\r\n\r\n"))
	}
	return items
}

func (p *pbx) bridges() (items [][]byte) {
	for _, b := range p.view.bridges {
		items = append(items, []byte("Event: BridgeListItem\r\n"+withCount(b.text, p.view.count(b.id))+"\r\n"))
	}
	return items
}

// look is what is believed, without what a list cannot tell: which dials, waits and conferences began unheard.
func (v *View) look() string {
	var lines []string
	for _, c := range v.channels {
		lines = append(lines, fmt.Sprintf("%s %s state %s in %s", c.id, c.name, c.state, c.bridge))
	}
	for _, b := range v.bridges {
		lines = append(lines, fmt.Sprintf("bridge %s %d", b.id, b.members))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// dirs are the recordings that are legal by themselves; of the busy one and of those with parking, queues and transfers more cuts are tried.
func dirs(t *testing.T) map[string]int {
	t.Helper()
	seeds := map[string]int{"busy-1": 40, "parking-retrieve": 40, "queue-complete": 40, "queue-abandon": 40, "transfer-blind": 40, "local-optimization": 40,
		"call-parallel": 40, "redirect": 40}
	all, err := filepath.Glob(captures + "*/alpha.ami.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		dir := filepath.Base(filepath.Dir(file))
		if dir == "filter-action" || seeds[dir] > 0 { // the former has not all events
			continue
		}
		legal := true
		checker := verify.New(verify.Config{Report: func(verify.Violation) { legal = false }})
		events := recorded(t, dir)
		for _, text := range events {
			m, err := ami.ParseMessage(text)
			if err != nil {
				t.Fatal(err)
			}
			checker.Next(m)
		}
		if checker.End(false); legal && len(events) > 20 {
			seeds[dir] = 10
		}
	}
	if len(seeds) < 25 {
		t.Errorf("only %d recordings", len(seeds))
	}
	return seeds
}

// TestPlan: from a recorded stream a piece is not heard; the Asterisk is listened to again, lists are made at some moment, and are behind
// what is held then. What is published is legal, the rest that follows too, and what is believed is so.
func TestPlan(t *testing.T) {
	t.Parallel()
	for dir, seeds := range dirs(t) {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			all := recorded(t, dir)
			for seed := range uint64(seeds) {
				if !try(t, all, rand.New(rand.NewPCG(1, seed))) {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func try(t *testing.T, all [][]byte, random *rand.Rand) bool {
	lost := random.IntN(len(all))
	back := lost + random.IntN(min(len(all)-lost, 1500))
	listed := back + random.IntN(min(len(all)-back, 200))
	until := listed + random.IntN(min(len(all)-listed, 100))
	believed := after(all[:lost])
	now := after(all[:listed])
	made := Plan(believed.view, now.channels(), now.bridges(), all[back:until])
	ok := true
	checker := verify.New(verify.Config{Report: func(v verify.Violation) { ok = false; t.Errorf("%v", v) }})
	view := NewView()
	say := func(text []byte) {
		m, err := ami.ParseMessage(text)
		if err != nil {
			t.Fatal(err)
		}
		checker.Next(m)
		view.Take(text)
	}
	for _, text := range all[:lost] {
		say(text)
	}
	say([]byte("Event: Discontinuity\r\nPrivilege: system,all\r\nSystemName: alpha\r\nNode: default/alpha\r\nReason: link lost\r\n\r\n"))
	for _, text := range made {
		say([]byte(strings.Replace(string(text), ",all\r\n", ",all\r\nSystemName: alpha\r\n", 1)))
	}
	for _, text := range all[back:until] {
		say(text)
	}
	if got, want := view.look(), after(all[:until]).view.look(); got != want {
		t.Errorf("lost at %d, back at %d, listed at %d of %d:\n%s", lost, back, listed, until, differ(got, want))
		ok = false
	}
	for _, text := range all[until:min(until+1000, len(all))] {
		say(text)
	}
	checker.End(false)
	return ok
}

// differ returns the lines that only one of two has.
func differ(got, want string) (text string) {
	for _, side := range []struct{ sign, of, other string }{{"got  ", got, want}, {"want ", want, got}} {
		for line := range strings.SplitSeq(side.of, "\n") {
			if !slices.Contains(strings.Split(side.other, "\n"), line) {
				text += side.sign + line + "\n"
			}
		}
	}
	return text
}

// TestEnd: nothing is believed any more, and it has ended in legal order.
func TestEnd(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"busy-1", "parking-retrieve", "queue-complete", "local-optimization", "transfer-blind"} {
		all := recorded(t, dir)
		for n := len(all) / 20; n < len(all); n += max(len(all)/20, 1) {
			v := after(all[:n]).view
			checker := verify.New(verify.Config{Report: func(r verify.Violation) { t.Errorf("%s after %d: %v", dir, n, r) }})
			say := func(text []byte) {
				m, err := ami.ParseMessage(text)
				if err != nil {
					t.Fatal(err)
				}
				checker.Next(m)
			}
			for _, text := range all[:n] {
				say(text)
			}
			for _, text := range End(v) {
				v.Take(text)
				say([]byte(strings.Replace(string(text), ",all\r\n", ",all\r\nSystemName: alpha\r\n", 1)))
				if !strings.HasSuffix(string(text), "\r\nSynthetic: yes\r\n\r\n") {
					t.Errorf("%q", text)
				}
			}
			checker.End(false)
			if got := v.look(); got != "" || len(v.parked)+len(v.rooms)+len(v.moves) > 0 {
				t.Errorf("%s after %d: %s, %d parked, %d rooms, %d moves", dir, n, got, len(v.parked), len(v.rooms), len(v.moves))
			}
		}
	}
}
