package dialplan

import (
	"fmt"
	"strings"
	"testing"
)

// office is a dialplan as an office has: numbers, patterns, three contexts included.
func office(b *testing.B) *Dialplan {
	b.Helper()
	var text strings.Builder
	text.WriteString("[internal]\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "exten => %d,hint,Sim/%d\nexten => %d,1(start),NoOp(${CALLERID(num)})\n same => n,Dial(Sim/%d,20,t)\n same => n,Hangup()\n", 1000+i, i, 1000+i, i)
	}
	text.WriteString("include => features\ninclude => outbound\n[features]\n")
	for i := range 20 {
		fmt.Fprintf(&text, "exten => *%d,1,NoOp()\n", 10+i)
	}
	text.WriteString("[outbound]\nexten => _0[1-9].,1,Dial(Sim/trunk/${EXTEN:1})\nexten => _00.,1,Dial(Sim/trunk/${EXTEN:2})\nexten => _NXXXXXX,1,NoOp()\n")
	return parse(b, text.String())
}

func BenchmarkFind(b *testing.B) {
	plan := office(b)
	for _, c := range []struct {
		name string
		q    Query
	}{
		{"number", Query{Context: "internal", Exten: "1500", Priority: 2}},
		{"label", Query{Context: "internal", Exten: "1500", Label: "start"}},
		{"pattern in an include", Query{Context: "internal", Exten: "0301234567", Priority: 1}},
		{"nothing", Query{Context: "internal", Exten: "h", Priority: 1}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				plan.Find(c.q)
			}
		})
	}
	b.Run("more digits", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plan.MatchMore(Query{Context: "internal", Exten: "15", Priority: 1})
		}
	})
}

func BenchmarkSubstitute(b *testing.B) {
	env := newEnv()
	env.vars["EXTEN"], env.vars["A"], env.vars["N"] = "0301234567", "alpha", "5"
	env.functions["CALLERID(num)"] = "1500"
	for _, line := range []string{
		"Sim/1500,20,t", "Sim/trunk/${EXTEN:1}", "A=${A}-${N}-${EXTEN}", "$[${N} + 1]", `$["${A}" = "alpha" & ${N} > 3]?yes,1:no,1`, "${IF($[${N} > 3]?${A}:none)}",
		"${CUT(EXTEN,2,1)}", "${CALLERID(num)}", `$["${EXTEN}" =~ "^0([0-9]+)"]`, "$[10 / 3]",
	} {
		b.Run(line, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Substitute(env, line)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("[a]\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "exten => %d,1,NoOp(x)\n", i*7919%10_000)
	}
	for b.Loop() {
		Parse("x", text.String(), Options{})
	}
}
