package filter_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami/filter"
)

// TestSetIsShared: the same filters are the same set, in whatever order and spelling, and a set that nobody has any more is forgotten.
func TestSetIsShared(t *testing.T) {
	t.Parallel()
	a, b := must(filter.Legacy("shared a")), must(filter.Advanced("header(B),method(exact)", "!shared"))
	again := must(filter.Advanced("method(exact),action(exclude),header(B:)", "shared"))
	if x, y := setOf(a, b), setOf(again, a, a); x != y || x.Len() != 2 {
		t.Errorf("%p has %d filters, %p %d", x, x.Len(), y, y.Len())
	}
	if setOf(a) == setOf(b) || setOf(a) == setOf(must(filter.Legacy("!shared a"))) {
		t.Error("other filters, the same set")
	}
	runtime.KeepAlive(a)

	before := filter.Interned()
	for i := range 1000 {
		setOf(must(filter.Legacy(fmt.Sprint("forgotten ", i)))).Pass(1, []byte("E"), nil)
	}
	for end := time.Now().Add(30 * time.Second); filter.Interned() > before+100; time.Sleep(time.Millisecond) {
		if runtime.GC(); time.Now().After(end) {
			t.Fatalf("%d sets, %d before", filter.Interned(), before)
		}
	}
}

// TestBounds: a set takes 1,000 filters, or expressions of a bounded size together, and says so.
func TestBounds(t *testing.T) {
	t.Parallel()
	set := filter.None()
	for i := range filter.MaxFilters + 10 {
		if set.Full() != (i >= filter.MaxFilters) {
			t.Fatalf("full with %d filters: %v", set.Len(), set.Full())
		}
		set = set.With(must(filter.Advanced(fmt.Sprintf("name(E%d)", i), "")))
	}
	if set.Len() != filter.MaxFilters || set.Pass(0, []byte("E1005"), nil) || !set.Pass(0, []byte("E999"), nil) {
		t.Errorf("%d filters", set.Len())
	}
	heavy := filter.None()
	for i := 0; !heavy.Full(); i++ {
		if i > 10 {
			t.Fatalf("%d expressions of 2,000 steps each and not full", i)
		}
		heavy = heavy.With(must(filter.Legacy(fmt.Sprintf("(.[ab]){%d}x", 990-i))))
	}
}

// TestMemo: sessions with one set ask for the same events at once, and each gets what it would get alone.
func TestMemo(t *testing.T) {
	t.Parallel()
	events := recorded()[:3000]
	set := setOf(must(filter.Legacy("Event: (VarSet|Newexten).*Channel: [A-Z0-9]+/[a-m]")),
		must(filter.Advanced("header(Priority),method(exact)", "!3")))
	want := make([]bool, len(events))
	passed := 0
	for i, e := range events {
		if want[i] = set.Pass(0, e.name, e.text); want[i] {
			passed++
		}
	}
	if passed == 0 || passed == len(events) {
		t.Fatalf("%d of %d pass", passed, len(events))
	}
	var wg sync.WaitGroup
	for session := range 8 {
		wg.Go(func() {
			for round := range 3 {
				for i, e := range events {
					id := uint64(i+1) | uint64(session%2)<<62 | uint64(session%4/2)<<63
					if got := set.Pass(id, e.name, e.text); got != want[i] {
						t.Errorf("session %d, round %d, event %d: %v", session, round, i, got)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	// An id that does not fit is not remembered for another.
	yes, no := events[slices.Index(want, true)], events[slices.Index(want, false)]
	if set.Pass(1<<63|1<<50, no.name, no.text) || !set.Pass(1<<50, yes.name, yes.text) || set.Pass(1<<63|1<<50, no.name, no.text) {
		t.Error("the result of another id")
	}
	// A result is remembered: the text does not count any more.
	const id = 1 << 40
	first := set.Pass(id, events[0].name, events[0].text)
	for _, e := range events[:20] {
		if set.Pass(id, e.name, e.text) != first {
			t.Fatal("not remembered")
		}
	}
}

// FuzzFilter: nothing panics, an error is one of the two, and a pattern means the same with what surely adds nothing.
func FuzzFilter(f *testing.F) {
	for _, p := range patterns {
		f.Add("", p, varSet)
	}
	for _, c := range []string{"name(VarSet)", "header(A:B),method(regex)", "name(", "action(exclude)header(Two)method(regex", "method(contains)"} {
		f.Add(c, "a.b", varSet)
	}
	f.Fuzz(func(t *testing.T, criteria, pattern, text string) {
		one, err := filter.Legacy(pattern)
		if criteria != "" {
			one, err = filter.Advanced(criteria, pattern)
		}
		if err != nil {
			if !isOurs(err) {
				t.Fatalf("%q, %q: %v", criteria, pattern, err)
			}
			return
		}
		set := setOf(one)
		id := ids.Add(1)
		got := set.Pass(id, []byte("VarSet"), []byte(text))
		if set.Pass(id, []byte("VarSet"), nil) != got {
			t.Errorf("%q, %q: not remembered", criteria, pattern)
		}
		// An alternative that never matches keeps the literals from being compared as such.
		if pattern = strings.TrimPrefix(pattern, "!"); criteria != "" || one.Exclude() {
			return
		}
		slow, err := filter.Legacy(pattern + "|(zq|zy)*z$z")
		if err == nil && setOf(slow).Pass(0, nil, []byte(text)) != got {
			t.Errorf("%q on %q: %v, but not with an alternative that never matches", pattern, text, got)
		}
	})
}
