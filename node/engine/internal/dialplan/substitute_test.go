package dialplan

import (
	"strings"
	"testing"
)

func TestSubstitute(t *testing.T) {
	t.Parallel()
	env := newEnv()
	for name, value := range map[string]string{
		"A": "alpha", "NAME": "A", "N": "2", "EMPTY": "", "DIGITS": "0123456789", "REF": "${A}", "A2": "second", "UTF": "äö",
	} {
		env.vars[name] = value
	}
	env.globals["G"] = "global"
	env.functions["CALLERID(num)"] = "4912345"
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"}, {"", ""}, {"$", "$"}, {"a$b$", "a$b$"}, {"$5 {x} [y]", "$5 {x} [y]"}, {"$$", "$$"}, {"$${A}", "$alpha"},
		{"${A}", "alpha"}, {"x${A}y${G}z", "xalphayglobalz"}, {"${EMPTY}", ""}, {"${NONE}", ""}, {"${}", ""},
		{"${${NAME}}", "alpha"}, {"${A${N}}", "second"}, {"${REF}", "${A}"},
		{"${DIGITS:2}", "23456789"}, {"${DIGITS:2:3}", "234"}, {"${DIGITS:-3}", "789"}, {"${DIGITS:-3:2}", "78"}, {"${DIGITS:0:-4}", "012345"},
		{"${DIGITS:-5:-2}", "567"}, {"${DIGITS:20}", ""}, {"${DIGITS:-20:2}", "01"}, {"${DIGITS:3:-9}", ""}, {"${DIGITS:0:0}", ""},
		{"${DIGITS:}", "0123456789"}, {"${DIGITS:x}", "0123456789"}, {"${DIGITS:2:x}", "23456789"}, {"${DIGITS:${N}:1}", "2"}, {"${DIGITS: 2 :1}", "23456789"},
		{"${CALLERID(num):2}", "12345"}, {"${CALLERID(num)}", "4912345"}, {"${UTF:0:2}", "ä"},
		{"$[1+${N}]", "3"}, {"${DIGITS:$[1+1]:1}", "2"}, {"$[${DIGITS:$[1+1]:1} * 2]", "4"}, {`$["${A}" = "alpha"]`, "1"}, {"$[[1]+2]", "3"},
		{"${IF($[1=1]?${A}:${G})}", "alpha"}, {"${A}}", "alpha}"}, {"${X{Y}}", ""},
		{"${EPOCH}", "1772636767"}, {"${EPOCH:-4}", "6767"},
		{"${A", "alpha"}, {"$[1+1", "2"},
	} {
		if got := Substitute(env, c.in); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
}

func TestSubstituteWarns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"${A", "missing '}'"}, {"$[1", "missing ']'"}, {"${NOPE(1)}", "Function NOPE not registered"}, {"${CALLERID(what)}", "unknown item 'what'"},
		{"${LEN(a}", "Can't find trailing parenthesis"}, {strings.Repeat("${", 20) + "A" + strings.Repeat("}", 20), "Exceeded maximum variable substitution"},
	} {
		env := newEnv()
		Substitute(env, c.in)
		if !strings.Contains(env.warned(), c.want) {
			t.Errorf("%q warns %q, want %q", c.in, env.warned(), c.want)
		}
	}
}

// TestDepth: 15 levels work, the 16th is empty.
func TestDepth(t *testing.T) {
	t.Parallel()
	nest := func(n int) string { return strings.Repeat("${IF(1?", n) + "x" + strings.Repeat(":)}", n) }
	env := newEnv()
	if got := Substitute(env, nest(15)); got != "x" {
		t.Errorf("15 levels give %q: %s", got, env.warned())
	}
	if got := Substitute(env, nest(16)); got != "" || !strings.Contains(env.warned(), "Exceeded") {
		t.Errorf("16 levels give %q: %s", got, env.warned())
	}
}

// TestLimits: neither long values nor lines that multiply themselves get out of hand.
func TestLimits(t *testing.T) {
	t.Parallel()
	env := newEnv()
	env.vars["LONG"] = strings.Repeat("x", 100_000)
	if got := Substitute(env, "${LONG}"); len(got) != maxValue {
		t.Errorf("a value has %d bytes, want %d", len(got), maxValue)
	}
	if got := Substitute(env, "${LONG}${LONG}${LONG}"); len(got) != maxResult {
		t.Errorf("a line has %d bytes, want %d", len(got), maxResult)
	}
	if got := Substitute(env, "$[${LONG} ~~ ${LONG}]"); len(got) > maxValue {
		t.Errorf("an expression has %d bytes, want at most %d", len(got), maxValue)
	}
	env.vars["BOMB"] = "CUT(" + strings.Repeat("${CUT(${BOMB},z,1)}", 20) + ",z,1)"
	if Substitute(env, "${CUT(${BOMB},z,1)}"); !strings.Contains(env.warned(), "steps") {
		t.Errorf("a line that runs itself 20^15 times warns %.200q", env.warned())
	}
}

// TestCostlyRegex: expressions that would keep a core busy for minutes are cut short.
func TestCostlyRegex(t *testing.T) {
	t.Parallel()
	env := newEnv()
	env.vars["S"] = strings.Repeat("a", 4000)
	Substitute(env, strings.Repeat(`$["${S}" =~ "(a|b|ab){100}x"]`, 200))
	if !strings.Contains(env.warned(), "steps") || strings.Contains(env.warned(), "too big") {
		t.Errorf("200 of them warn %q", env.warned())
	}
}

func TestGetSet(t *testing.T) {
	t.Parallel()
	env := newEnv()
	if !Set(env, "__V", "1") || env.vars["__V"] != "1" {
		t.Errorf("Set left %v", env.vars)
	}
	if !Set(env, "CALLERID(name)", "Ann") || env.functions["CALLERID(name)"] != "Ann" {
		t.Errorf("Set left %v", env.functions)
	}
	if !Set(env, "GLOBAL(G)", "g") || env.globals["G"] != "g" {
		t.Errorf("Set left %v", env.globals)
	}
	if Set(env, "LEN(a)", "1") || !strings.Contains(env.warned(), "LEN cannot be written to") {
		t.Errorf("LEN can be set: %s", env.warned())
	}
	if Set(env, "NOPE(a)", "1") || !strings.Contains(env.warned(), "NOPE not registered") {
		t.Errorf("a function that is not there can be set: %s", env.warned())
	}
	for name, want := range map[string]string{"G": "g", "CALLERID(name)": "Ann", "LEN(abc)": "3", "EPOCH": "1772636767"} {
		if got, ok := Get(env, name); !ok || got != want {
			t.Errorf("Get(%s) is %q, %v", name, got, ok)
		}
	}
	for _, name := range []string{"NONE", "NOPE(x)", "DB(x)"} {
		if got, ok := Get(env, name); ok || got != "" {
			t.Errorf("Get(%s) is %q, %v", name, got, ok)
		}
	}
}

func TestAssignment(t *testing.T) {
	t.Parallel()
	env := newEnv()
	if name, value, ok := Assignment(env, `A="b=c"`); !ok || name != "A" || value != `"b=c"` || env.warnings != nil {
		t.Errorf("split into %q, %q, %v (%s)", name, value, ok, env.warned())
	}
	for args, want := range map[string]string{"": "requires one variable", "A": "requires an '='", "A b=1": "unnecessary spaces"} {
		env := newEnv()
		if _, _, ok := Assignment(env, args); ok != (args == "A b=1") || !strings.Contains(env.warned(), want) {
			t.Errorf("%q is %v: %s", args, ok, env.warned())
		}
	}
}
