package chaos

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// event is what a client was sent, reduced to what is compared.
type event struct {
	from   int    // which Asterisk said it
	number uint32 // as the Asterisk counts
	text   uint64 // hash of all bytes
}

// link is what an Asterisk wrote to one connection of its node: first to last, without a hole.
type link struct {
	first, last uint32
	killed      bool // the node's end was killed: the end of the range may be missing
}

// source is all that an Asterisk wrote.
type source struct {
	links []link
	text  func(number uint32) uint64
}

func (s source) last() uint32 {
	if len(s.links) == 0 {
		return 0
	}
	return s.links[len(s.links)-1].last
}

// span is a range of numbers.
type span struct{ first, last uint32 }

func (s span) String() string { return fmt.Sprintf("%d…%d", s.first, s.last) }

// compare checks what a client got from one Asterisk against what that wrote. With whole set the client must have got it from the very
// beginning, else from its first event on. It returns the ends of killed links that are missing, and everything that is wrong.
func compare(got []event, from int, s source, whole bool) (missing []span, wrong []string) {
	at, next := 0, uint32(0) // in s.links, and the number expected
	if len(s.links) > 0 {
		next = s.links[0].first
	}
	skip := func(to uint32) { // until number to is expected
		for ; at < len(s.links) && s.links[at].last < to; at++ {
			l := s.links[at]
			if first := max(next, l.first); first <= l.last {
				if l.killed {
					missing = append(missing, span{first, l.last})
				} else {
					wrong = append(wrong, fmt.Sprintf("lost: %v", span{first, l.last}))
				}
			}
		}
		if at < len(s.links) {
			if first := max(next, s.links[at].first); first < to {
				wrong = append(wrong, fmt.Sprintf("lost: %v", span{first, to - 1}))
			}
		}
	}
	started := whole
	for _, e := range got {
		if e.from != from {
			continue
		}
		if !started {
			next, started = e.number, true
			for at < len(s.links)-1 && s.links[at].last < next {
				at++
			}
		}
		if e.number < next {
			wrong = append(wrong, fmt.Sprintf("again or out of order: %d, when %d was next", e.number, next))
			continue
		}
		skip(e.number)
		switch {
		case at >= len(s.links) || e.number < s.links[at].first || e.number > s.links[at].last:
			wrong = append(wrong, fmt.Sprintf("never said to this node: %d", e.number))
		case s.text(e.number) != e.text:
			wrong = append(wrong, fmt.Sprintf("changed on its way: %d", e.number))
		}
		next = e.number + 1
	}
	if started {
		skip(s.last() + 1)
	}
	return missing, wrong
}

// difference is the first index at which two sequences differ, -1 if they do not.
func difference(a, b []event) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return n
	}
	return -1
}

func TestCompare(t *testing.T) {
	t.Parallel()
	numbers := func(from, to uint32) (s []event) {
		for n := from; n <= to; n++ {
			s = append(s, event{number: n, text: uint64(n)})
		}
		return s
	}
	s := source{links: []link{{first: 1, last: 10, killed: true}, {first: 15, last: 17}, {first: 18, last: 20}},
		text: func(n uint32) uint64 { return uint64(n) }}
	all := slices.Concat(numbers(1, 10), numbers(15, 20))
	edited := func(edit func([]event) []event) []event { return edit(slices.Clone(all)) }
	for _, tt := range []struct {
		name    string
		got     []event
		part    bool
		missing string
		wrong   string
	}{
		{name: "all", got: all},
		{name: "between others", got: slices.Concat(all[:3], []event{{from: 1, number: 1}}, all[3:])},
		{name: "end of a killed link", got: slices.Concat(numbers(1, 7), numbers(15, 20)), missing: "8…10"},
		{name: "all of a killed link", got: numbers(15, 20), missing: "1…10"},
		{name: "end of a link that lives", got: all[:14], wrong: "lost: 19…20"},
		{name: "nothing", missing: "1…10", wrong: "lost: 15…17; lost: 18…20"},
		{name: "within a killed link", got: edited(func(s []event) []event { return slices.Delete(s, 4, 6) }), wrong: "lost: 5…6"},
		{name: "beginning of a link", got: edited(func(s []event) []event { return slices.Delete(s, 10, 12) }), wrong: "lost: 15…16"},
		{name: "first of all", got: all[1:], wrong: "lost: 1…1"},
		{name: "a client that came later", got: all[3:], part: true},
		{name: "one that came during the second link", got: all[12:], part: true},
		{name: "one that got nothing of it", part: true},
		{name: "twice", got: edited(func(s []event) []event { return slices.Insert(s, 4, s[3]) }), wrong: "again or out of order: 4, when 5 was next"},
		{name: "swapped", got: edited(func(s []event) []event { s[3], s[4] = s[4], s[3]; return s }),
			wrong: "lost: 4…4; again or out of order: 4, when 6 was next"},
		{name: "said to nobody", got: slices.Concat(numbers(1, 11), numbers(15, 20)), wrong: "never said to this node: 11"},
		{name: "changed", got: edited(func(s []event) []event { s[2].text++; return s }), wrong: "changed on its way: 3"},
		{name: "beyond the end", got: append(slices.Clone(all), numbers(21, 21)...), wrong: "never said to this node: 21"},
	} {
		missing, wrong := compare(tt.got, 0, s, !tt.part)
		var spans []string
		for _, m := range missing {
			spans = append(spans, m.String())
		}
		if got := strings.Join(spans, "; "); got != tt.missing {
			t.Errorf("%s: missing %q, want %q", tt.name, got, tt.missing)
		}
		if got := strings.Join(wrong, "; "); got != tt.wrong {
			t.Errorf("%s: wrong %q, want %q", tt.name, got, tt.wrong)
		}
	}
}

func TestDifference(t *testing.T) {
	t.Parallel()
	a := []event{{number: 1}, {number: 2}, {number: 3}}
	for _, tt := range []struct {
		b    []event
		want int
	}{
		{slices.Clone(a), -1},
		{a[:2], 2},
		{[]event{{number: 1}, {number: 3}, {number: 2}}, 1},
		{[]event{{number: 1}, {number: 2}, {number: 3, text: 1}}, 2},
	} {
		if got := difference(a, tt.b); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.b, got, tt.want)
		}
	}
}
