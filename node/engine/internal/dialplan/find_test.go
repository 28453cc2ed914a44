package dialplan

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// found writes what a query finds as "args" of its step, or why there is nothing.
func found(d *Dialplan, q Query) string {
	step, miss := d.Find(q)
	if step == nil {
		return fmt.Sprint("-", int(miss))
	}
	return step.Args
}

func TestFind(t *testing.T) {
	t.Parallel()
	plan := parse(t, `[main]
exten => 100,1,NoOp(own)
exten => 100,2(two),NoOp(second)
exten => 100,5,NoOp(fifth)
exten => 1-01,1,NoOp(dashed)
exten => _1XX,1,NoOp(pattern)
exten => _1XX,3(three),NoOp(pattern three)
exten => _[1-2]XX,1,NoOp(set)
exten => _X.,1,NoOp(any)
exten => 200/555,1,NoOp(from 555)
exten => 200/_5XX,1,NoOp(from 5xx)
exten => 200/,1,NoOp(from nobody)
exten => 200,1,NoOp(from others)
exten => 300/555,1,NoOp(only 555)
include => first
include => second
[first]
exten => *1,1,NoOp(first)
exten => *2,2,NoOp(first second)
include => deep
include => main
[second]
exten => *1,1,NoOp(second)
exten => *2,1,NoOp(second first)
[deep]
exten => *3,1,NoOp(deep)
include => deep
[loop]
include => loop2
[loop2]
include => loop
[empty]
`)
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{Exten: "100", Priority: 1}, "own"}, {Query{Exten: "100", Priority: 2}, "second"}, {Query{Exten: "100", Label: "two"}, "second"},
		{Query{Exten: "100", Priority: 5}, "fifth"}, {Query{Exten: "1-0-0", Priority: 1}, "own"}, {Query{Exten: "101", Priority: 1}, "dashed"},
		// What lacks the priority does not end the search.
		{Query{Exten: "100", Priority: 3}, "pattern three"}, {Query{Exten: "100", Label: "three"}, "pattern three"},
		{Query{Exten: "123", Priority: 1}, "pattern"}, {Query{Exten: "223", Priority: 1}, "set"}, {Query{Exten: "999", Priority: 1}, "any"},
		{Query{Exten: "_1XX", Priority: 1}, "pattern"},
		{Query{Exten: "*1", Priority: 1}, "first"}, {Query{Exten: "*2", Priority: 1}, "second first"}, {Query{Exten: "*3", Priority: 1}, "deep"},
		{Query{Exten: "200", Priority: 1, CallerID: "555"}, "from 555"}, {Query{Exten: "200", Priority: 1, CallerID: "556"}, "from 5xx"},
		{Query{Exten: "200", Priority: 1}, "from nobody"}, {Query{Exten: "200", Priority: 1, CallerID: "1"}, "from others"},
		{Query{Exten: "300", Priority: 1, CallerID: "555"}, "only 555"}, {Query{Exten: "300", Priority: 1, CallerID: "1"}, "any"},
		{Query{Exten: "9", Priority: 1}, "-2"}, {Query{Exten: "100", Priority: 9}, "-3"}, {Query{Exten: "100", Label: "none"}, "-4"}, {Query{Priority: 1}, "-2"},
		{Query{Context: "none", Exten: "100", Priority: 1}, "-1"}, {Query{Context: "MAIN", Exten: "100", Priority: 1}, "-1"},
		{Query{Context: "empty", Exten: "100", Priority: 1}, "-2"}, {Query{Context: "loop", Exten: "100", Priority: 1}, "-2"},
		{Query{Context: "deep", Exten: "100", Priority: 1}, "-2"}, {Query{Context: "first", Exten: "100", Priority: 1}, "own"},
	} {
		if c.q.Context == "" {
			c.q.Context = "main"
		}
		if got := found(plan, c.q); got != c.want {
			t.Errorf("%+v finds %s, want %s", c.q, got, c.want)
		}
		if plan.Exists(c.q) != (c.want[0] != '-') {
			t.Errorf("%+v exists: %v", c.q, plan.Exists(c.q))
		}
	}
}

func TestCanMatch(t *testing.T) {
	t.Parallel()
	plan := parse(t, `[main]
exten => 1,1,NoOp
exten => 123,1,NoOp
exten => _2XX,1,NoOp
exten => _3!,1,NoOp
exten => 31,1,NoOp
exten => _4.,1,NoOp
exten => 99,2,NoOp
exten => 7/555,1,NoOp
include => more
[more]
exten => 19,1,NoOp
exten => 35,1,NoOp
exten => 8,1,NoOp
`)
	for _, c := range []struct {
		dialled   string
		can, more bool
	}{
		{"", true, true}, {"1", true, true}, {"12", true, true}, {"123", true, false}, {"124", false, false}, {"1234", false, false}, {"2", true, true},
		{"20", true, true}, {"200", true, false}, {"3", true, true}, {"31", true, false}, {"35", true, false}, {"4", true, true}, {"45", true, true},
		{"456", true, true}, {"8", true, false}, {"9", false, false}, {"7", false, false}, {"19", true, false},
	} {
		q := Query{Context: "main", Exten: c.dialled, Priority: 1}
		if can, more := plan.CanMatch(q), plan.MatchMore(q); can != c.can || more != c.more {
			t.Errorf("%q can match %v, more %v, want %v, %v", c.dialled, can, more, c.can, c.more)
		}
	}
	if q := (Query{Context: "main", Exten: "7", Priority: 1, CallerID: "555"}); !plan.CanMatch(q) || plan.MatchMore(q) {
		t.Error("the caller id does not count")
	}
	if q := (Query{Context: "none", Exten: "1", Priority: 1}); plan.CanMatch(q) || plan.MatchMore(q) {
		t.Error("a context that is not there matches")
	}
}

func TestTimedInclude(t *testing.T) {
	t.Parallel()
	plan := parse(t, `[main]
include => day,9:00-17:00,mon-fri,*,*
include => night
include => zone,9:00-17:00,*,*,*,Test/East
[day]
exten => 1,1,NoOp(day)
[night]
exten => 1,1,NoOp(night)
[zone]
exten => 2,1,NoOp(zone)
`)
	at := func(hour int) time.Time { return time.Date(2026, 3, 4, hour, 0, 0, 0, time.UTC) }
	zone := newEnv().Location
	for _, c := range []struct {
		exten string
		at    time.Time
		zone  func(string) *time.Location
		want  string
	}{
		{"1", at(12), nil, "day"}, {"1", at(20), nil, "night"}, {"1", time.Time{}, nil, "day"},
		{"2", at(7), nil, "-2"}, {"2", at(7), zone, "zone"}, {"2", at(16), zone, "-2"}, {"2", at(16), nil, "zone"},
	} {
		q := Query{Context: "main", Exten: c.exten, Priority: 1, Time: c.at, Location: c.zone}
		if got := found(plan, q); got != c.want {
			t.Errorf("%s at %v is %s, want %s", c.exten, c.at, got, c.want)
		}
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	plan := parse(t, `[globals]
TECH=Sim
[main]
exten => 100,hint,${TECH}/100&Custom:${EXTEN}
exten => 100,1,NoOp
exten => 101,hint,Sim/101(Ann)
exten => _2XX,hint,Sim/${EXTEN:1}&Custom:${CONTEXT}
include => more
[more]
exten => 300,hint,Sim/300
`)
	env := newEnv()
	for exten, want := range map[string]string{
		"100": "Sim/100&Custom:100|", "101": "Sim/101|Ann", "234": "Sim/34&Custom:main|", "300": "Sim/300|", "400": "", "1": "",
	} {
		got := ""
		if step := plan.Hint("main", exten); step != nil {
			devices, name := HintText(env, step, exten)
			got = devices + "|" + name
		}
		if got != want {
			t.Errorf("the hint of %s is %q, want %q", exten, got, want)
		}
	}
}

func TestIgnorePattern(t *testing.T) {
	t.Parallel()
	plan := parse(t, "[main]\nignorepat => 9\nignorepat => _8X\n")
	for dialled, want := range map[string]bool{"9": true, "91": false, "81": true, "": false} {
		if plan.IgnorePattern("main", dialled) != want {
			t.Errorf("%q is ignored: %v", dialled, !want)
		}
	}
	if plan.IgnorePattern("none", "9") {
		t.Error("a context that is not there ignores")
	}
}

// TestManyIncludes: one search looks into 128 contexts at most, as in Asterisk.
func TestManyIncludes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "[c%d]\nexten => %d,1,NoOp\ninclude => c%d\n", i, i, i+1)
	}
	b.WriteString("[c200]\n")
	plan := parse(t, b.String())
	for i, want := range map[int]bool{0: true, 127: true, 128: false} {
		if got := plan.Exists(Query{Context: "c0", Exten: fmt.Sprint(i), Priority: 1}); got != want {
			t.Errorf("context %d is looked into: %v", i, got)
		}
	}
}
