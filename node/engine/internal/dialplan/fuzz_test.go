package dialplan

import (
	"strings"
	"testing"
	"time"
)

// FuzzSubstitute: a line neither panics, nor runs on, nor grows, whatever its variables hold.
func FuzzSubstitute(f *testing.F) {
	for _, line := range []string{
		"${A}", "$[${A} + 1]", "${A:1:-1}", "${IF($[1]?${A}:b)}", "${CUT(A,-,1-)}", `$["x" =~ "(${A})"]`, "${STRFTIME(${A},Test/East,%c)}", "${CUT(${A},,)}",
		"$[1 ? 2 :: ${A}]", "${RAND(${A})}", "$[POW(9,999) * -1 % 3]", "$[!!--((((1))))]", "${DB(${A}/x)}", "${${${A}}}", "$[EXP10(4000)/3]",
	} {
		f.Add(line, "B-C")
		f.Add(line, "${A}${CUT(${A},x,1)}")
		f.Add(line, "9223372036854775807")
	}
	f.Fuzz(func(t *testing.T, line, value string) {
		env := newEnv()
		env.vars["A"] = value
		begun := time.Now()
		if got := Substitute(env, line); needsWork(line) && len(got) > maxResult {
			t.Errorf("%d bytes", len(got))
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		if len(env.warnings) > 3*maxSteps {
			t.Errorf("%d warnings", len(env.warnings))
		}
	})
}

// FuzzLoad: whatever a file holds, there is a dialplan that can be searched, or a fatal problem.
func FuzzLoad(f *testing.F) {
	f.Add("[a]\nexten => _X.,1(x),NoOp(${A})\n same => n,Dial(Sim/1)\ninclude => b,9:00-17:00\n", "12")
	f.Add("[general]\nstatic=yes\n[globals]\nA=${B}\n[t](!)\nexten => 1/2,hint,Sim/${EXTEN}\n[a](t)\ninclude => a\n", "1")
	f.Add("[a]\nexten => _[1-3]X!,1,NoOp\nexten => _[,1,x\nexten => s,1+5(l,NoOp\n;-- x --;\n", "-_[1")
	f.Fuzz(func(t *testing.T, text, dialled string) {
		plan, problems := Parse("f", text, Options{Apps: []string{"NoOp"}})
		if plan == nil {
			if len(problems) == 0 {
				t.Error("neither a plan nor a problem")
			}
			return
		}
		for _, c := range plan.Contexts {
			q := Query{Context: c.Name, Exten: dialled, Priority: 1, CallerID: dialled}
			step, miss := plan.Find(q)
			if (step == nil) == (miss == Found) {
				t.Errorf("%v and %v", step, miss)
			}
			if step != nil && !plan.CanMatch(q) && !strings.HasPrefix(dialled, "_") {
				t.Errorf("%q fits %s but cannot", dialled, step.Exten)
			}
			plan.MatchMore(q)
			if hint := plan.Hint(c.Name, dialled); hint != nil {
				HintText(newEnv(), hint, dialled)
			}
			for i, e := range c.Extensions {
				if i > 0 && compareExtensions(c.Extensions[i-1], e) >= 0 {
					t.Errorf("%s does not come before %s", c.Extensions[i-1].Name, e.Name)
				}
			}
		}
	})
}

// FuzzTiming: no time specification panics, and every minute is inside or outside.
func FuzzTiming(f *testing.F) {
	f.Add("9:00-17:00&20:00,mon-fri,1-15&31,jan,Europe/Berlin", int64(1772636767))
	f.Fuzz(func(t *testing.T, spec string, at int64) {
		timing, _ := ParseTiming(spec)
		timing.Match(time.Unix(at, 0).UTC())
	})
}
