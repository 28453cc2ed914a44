package cursor

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/bus/merge"
)

var (
	alpha = merge.Node{Site: "default", Name: "alpha"}
	bravo = merge.Node{Site: "default", Name: "bravo"}
	east  = merge.Node{Site: "east", Name: "alpha"}
)

func lines(all ...string) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, l := range all {
			if !yield([]byte(l)) {
				return
			}
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	v, err := Parse(lines("default/alpha/1700000000000/12, default/bravo/3/0", "east/alpha/9223372036854775807/9223372036854775807 "))
	want := Vector{alpha: {1700000000000, 12}, bravo: {3, 0}, east: {1<<63 - 1, 1<<63 - 1}}
	if err != nil || !maps.Equal(v, want) {
		t.Fatalf("%v, %v", v, err)
	}
	if v, err := Parse(lines()); err != nil || v == nil || len(v) != 0 {
		t.Errorf("no lines: %v, %v", v, err)
	}
	for bad, why := range map[string]string{
		"":                                    `"" is not a position`,
		"default/alpha/1":                     `"default/alpha/1" is not a position`,
		"default/alpha/1/2/3":                 "is not a position",
		"default/alpha/1/2,":                  `"" is not a position`,
		"default/alpha/0/2":                   "is not a position",
		"default/alpha/1/-2":                  "is not a position",
		"default/alpha/+1/2":                  "is not a position",
		"default/alpha/1/0x2":                 "is not a position",
		"default/al pha/1/2":                  "is not a position",
		"/alpha/1/2":                          "is not a position",
		strings.Repeat("n", 64) + "/a/1/2":    "is not a position",
		"default/alpha/1/9223372036854775808": "is not a position",
		"default/alpha/1/2,east/alpha/1/2,default/alpha/1/3": "there are two positions of default/alpha",
	} {
		if _, err := Parse(lines(bad)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %s", bad, err, why)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	v := Vector{bravo: {3, 0}, alpha: {1, 12}, east: {5, 6}}
	for size, want := range map[int][]string{
		900: {"default/alpha/1/12,default/bravo/3/0,east/alpha/5/6"},
		40:  {"default/alpha/1/12,default/bravo/3/0", "east/alpha/5/6"},
		1:   {"default/alpha/1/12", "default/bravo/3/0", "east/alpha/5/6"},
	} {
		if got := v.Lines(size); !slices.Equal(got, want) {
			t.Errorf("%d: %q", size, got)
		}
	}
	if got := (Vector{}).Lines(900); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("default/alpha/1/12, default/bravo/3/0\neast/alpha/5/6")
	f.Add("a/b/9223372036854775807/0,c/d/1/1,")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(lines(strings.Split(text, "\n")...))
		if err != nil {
			return
		}
		out := v.Lines(MaxLine)
		for _, l := range out {
			if len(l) > MaxLine {
				t.Errorf("a line of %d bytes", len(l))
			}
		}
		if again, err := Parse(lines(out...)); err != nil || !maps.Equal(again, v) {
			t.Errorf("%q: %v, %v", out, again, err)
		}
	})
}

func ev(n merge.Node, epoch, seq, missing uint64) merge.Event {
	return merge.Event{Node: &n, Epoch: epoch, Seq: seq, Missing: missing}
}

func TestBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		pending []merge.Event
		want    Vector
	}{
		{"nothing", nil, Vector{alpha: {5, 20}, bravo: {7, 2}}},
		{"events", []merge.Event{ev(alpha, 5, 19, 0), ev(bravo, 7, 2, 0), ev(alpha, 5, 20, 0)}, Vector{alpha: {5, 18}, bravo: {7, 1}}},
		{"a gap counts from its first", []merge.Event{ev(alpha, 5, 20, 8)}, Vector{alpha: {5, 12}, bravo: {7, 2}}},
		{"view events have no place", []merge.Event{ev(alpha, 0, 0, 0), ev(alpha, 5, 20, 0), ev(alpha, 0, 0, 0)}, Vector{alpha: {5, 19}, bravo: {7, 2}}},
		{"over an epoch", []merge.Event{ev(bravo, 6, 30, 0), ev(bravo, 6, 40, 10), ev(bravo, 7, 1, 0), ev(bravo, 7, 2, 0)}, Vector{alpha: {5, 20}, bravo: {6, 29}}},
		{"a gap behind its place", []merge.Event{ev(bravo, 7, 2, 0), ev(bravo, 6, 40, 10)}, Vector{alpha: {5, 20}, bravo: {7, 1}}},
		{"an open gap", []merge.Event{ev(bravo, 6, 30, Open), ev(bravo, 7, 1, 0), ev(bravo, 7, 2, 0)}, Vector{alpha: {5, 20}, bravo: {6, 30}}},
		{"an open gap at the beginning", []merge.Event{ev(bravo, 6, 0, Open), ev(bravo, 7, 2, 2)}, Vector{alpha: {5, 20}, bravo: {6, 0}}},
	} {
		v := Vector{alpha: {5, 20}, bravo: {7, 2}}
		if v.Back(c.pending, nil); !maps.Equal(v, c.want) {
			t.Errorf("%s: %v, want %v", c.name, v, c.want)
		}
	}
}

// A gap that is declared late, of an incarnation before the last one, must not lead back over the last one.
func TestBackOverLateGaps(t *testing.T) {
	t.Parallel()
	past := []merge.Past{{Epoch: 3, End: 30}, {Epoch: 4, End: 40}, {Epoch: 5, End: 0}, {Epoch: 6, End: 60}}
	for _, c := range []struct {
		name    string
		now     uint64
		pending []merge.Event
		want    Pos
	}{
		{"at its place", 7, []merge.Event{ev(alpha, 6, 60, 5), ev(alpha, 7, 1, 0)}, Pos{6, 55}},
		{"two back", 7, []merge.Event{ev(alpha, 4, 40, 10), ev(alpha, 7, 1, 0)}, Pos{7, 0}},
		{"two back, and nothing said yet", 7, []merge.Event{ev(alpha, 4, 40, 10)}, Pos{7, 0}},
		{"two back, among others", 7, []merge.Event{ev(alpha, 6, 60, 0), ev(alpha, 4, 40, 10), ev(alpha, 7, 1, 0)}, Pos{6, 59}},
		{"two back, before the end", 7, []merge.Event{ev(alpha, 4, 40, 10), ev(alpha, 6, 60, 5), ev(alpha, 7, 1, 0)}, Pos{6, 55}},
		{"two back, the one between was empty", 6, []merge.Event{ev(alpha, 4, 40, 10), ev(alpha, 6, 1, 0)}, Pos{4, 30}},
		{"more and more", 6, []merge.Event{ev(alpha, 4, 30, 5), ev(alpha, 4, 40, 10), ev(alpha, 6, 1, 0)}, Pos{4, 25}},
	} {
		v := Vector{alpha: {c.now, 0}}
		if last := c.pending[len(c.pending)-1]; last.Epoch == c.now {
			v[alpha] = Pos{c.now, last.Seq}
		}
		if v.Back(c.pending, map[merge.Node][]merge.Past{alpha: past}); v[alpha] != c.want {
			t.Errorf("%s: %v, want %v", c.name, v[alpha], c.want)
		}
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                   string
		e                      merge.Event
		left, replay, stillHas bool
		missing                uint64
	}{
		{"had", ev(alpha, 5, 20, 0), false, false, true, 0},
		{"new", ev(alpha, 5, 21, 0), true, false, false, 0},
		{"older incarnation", ev(alpha, 4, 99, 3), false, false, true, 3},
		{"newer incarnation", ev(alpha, 6, 1, 0), false, true, true, 0},
		{"gap had", ev(alpha, 5, 20, 10), false, false, true, 10},
		{"gap half had", ev(alpha, 5, 25, 10), true, false, false, 5},
		{"gap next", ev(alpha, 5, 23, 3), true, false, false, 3},
		{"gap beyond", ev(alpha, 5, 25, 3), false, true, true, 3},
		{"beyond", ev(alpha, 5, 22, 0), false, true, true, 0},
		{"other node", ev(bravo, 1, 1, 0), true, false, true, 0},
		{"view event", ev(alpha, 0, 0, 0), true, false, true, 0},
	} {
		v := Vector{alpha: {5, 20}}
		left, replay := v.Trim(&c.e)
		if _, has := v[alpha]; left != c.left || replay != c.replay || has != c.stillHas || c.e.Missing != c.missing {
			t.Errorf("%s: %v, %v, %v, missing %d", c.name, left, replay, v, c.e.Missing)
		}
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	past := []merge.Past{{Epoch: 3, End: 30}, {Epoch: 5, End: 50}, {Epoch: 6, End: 0}, {Epoch: 7, End: 70}, {Epoch: 9, End: 90}}
	for _, c := range []struct {
		name     string
		from, to Pos
		want     []span
	}{
		{"nothing", Pos{8, 5}, Pos{8, 5}, nil},
		{"ahead", Pos{8, 6}, Pos{8, 5}, nil},
		{"future", Pos{9, 1}, Pos{8, 5}, nil},
		{"same", Pos{8, 5}, Pos{8, 9}, []span{{8, 6, 9}}},
		{"older", Pos{5, 40}, Pos{8, 9}, []span{{5, 41, 50}, {7, 1, 70}, {8, 1, 9}}},
		{"older, complete", Pos{5, 50}, Pos{8, 0}, []span{{7, 1, 70}}},
		{"older, ahead of its end", Pos{5, 55}, Pos{8, 1}, []span{{7, 1, 70}, {8, 1, 1}}},
		{"no known end", Pos{4, 2}, Pos{5, 9}, []span{{4, 3, noEnd}, {5, 1, 9}}},
	} {
		if got := plan(c.from, c.to, past); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
