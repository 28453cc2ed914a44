package standby

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	a := Node{Site: "s", Name: "a", Epoch: 2, Mark: "m1", Systemname: "pbx"}
	with := func(n Node, edit func(*Node)) Node { edit(&n); return n }
	older := with(a, func(n *Node) { n.Name, n.Epoch = "b", 1 })
	younger := with(a, func(n *Node) { n.Name, n.Epoch = "c", 3 })
	publishing := func(n Node) Node { n.Publishing = true; return n }
	marked := func(n Node, mark string) Node { n.Mark = mark; return n }
	for _, tt := range []struct {
		name   string
		self   Node
		others []Node
		want   Verdict
		about  string
	}{
		{"alone", a, nil, Publish, ""},
		{"begins with an older one", a, []Node{older}, StandBy, "b"},
		{"begins with a younger one", a, []Node{younger}, Publish, ""},
		{"a younger one publishes", a, []Node{publishing(younger)}, StandBy, "c"},
		{"of two that publish the lower stays", publishing(a), []Node{publishing(younger)}, Publish, ""},
		{"of two that publish the higher stops", publishing(a), []Node{publishing(older)}, StandBy, "b"},
		{"the publisher goes on", publishing(a), []Node{older, younger}, Publish, ""},
		{"the publisher is named, not who stands by", a, []Node{older, publishing(younger)}, StandBy, "c"},
		{"same epoch, by name", a, []Node{with(older, func(n *Node) { n.Epoch = 2 })}, Publish, ""},
		{"without a mark nobody knows", marked(a, ""), []Node{publishing(marked(older, ""))}, Publish, ""},
		{"the other has lost its link", a, []Node{marked(older, "")}, Publish, ""},
		{"another Asterisk of that name", a, []Node{publishing(marked(younger, "m2"))}, Conflict, "c"},
		{"this one was first", publishing(a), []Node{marked(older, "m2")}, Publish, ""},
		{"both begin: the older", a, []Node{marked(older, "m2")}, Conflict, "b"},
		{"standing by comes first", a, []Node{publishing(marked(younger, "m2")), publishing(older)}, StandBy, "b"},
		{"names do not matter", with(a, func(n *Node) { n.Systemname = "" }), []Node{publishing(marked(older, "m2"))}, Publish, ""},
	} {
		v, about := Decide(tt.self, tt.others)
		if v != tt.want || about.Name != tt.about {
			t.Errorf("%s: verdict %d about %q, want %d about %q", tt.name, v, about.Name, tt.want, tt.about)
		}
	}
}

// TestOnePublishes lets nodes on one Asterisk come, go and gossip in random order. When all have heard all, exactly one of those with a
// link publishes; and nobody takes over from one that publishes.
func TestOnePublishes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		var nodes [4]Node
		var view [4][4]Node // what each has heard of each
		for i := range nodes {
			nodes[i] = Node{Site: "s", Name: fmt.Sprint(i), Epoch: r.Uint64N(2)}
		}
		decide := func(i int) {
			if nodes[i].Mark == "" {
				return
			}
			var others []Node
			for j := range view[i] {
				if j != i {
					others = append(others, view[i][j])
				}
			}
			v, _ := Decide(nodes[i], others)
			nodes[i].Publishing = v == Publish
		}
		for range 50 {
			i, j := r.IntN(4), r.IntN(4)
			switch r.IntN(3) {
			case 0: // the link comes or goes
				nodes[i].Mark, nodes[i].Publishing = []string{"m", ""}[r.IntN(2)], false
			default:
				view[i][j] = nodes[j]
				decide(i)
			}
		}
		for range 4 { // gossip has time to settle
			for i := range nodes {
				view[i] = nodes
				decide(i)
			}
		}
		linked, publishing := 0, 0
		for _, n := range nodes {
			if n.Mark != "" {
				linked++
			}
			if n.Publishing {
				publishing++
			}
		}
		if publishing != min(linked, 1) {
			t.Fatalf("seed %d: %d of %d publish: %+v", seed, publishing, linked, nodes)
		}
		before := nodes
		for i := range nodes {
			view[i] = nodes
			decide(i)
		}
		if nodes != before {
			t.Fatalf("seed %d: not at rest: %+v, then %+v", seed, before, nodes)
		}
	}
}
