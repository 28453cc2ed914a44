package dialplan

import (
	"strings"
	"testing"
)

func TestFunctions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want, warns string }{
		{"IF(1?yes:no)", "yes", ""}, {"IF(0?yes:no)", "no", ""}, {"IF(?yes:no)", "", ""}, {"IF(0?yes)", "", ""}, {"IF(1?)", "", ""},
		{"IF( 1 ? yes : no )", "yes", ""}, {`IF(1?"a:b":c)`, "a:b", ""}, {`IF(0?a:"b")`, `"b"`, ""}, {"IF(1)", "", ""}, {"IF(a?x:y)", "x", ""},
		{"LEN(abc)", "3", ""}, {"LEN()", "0", ""}, {"LEN(ä)", "2", ""},
		{"GLOBAL(G)", "gee", ""}, {"GLOBAL(NONE)", "", ""},
		{"DB(fam/key)", "stored", ""}, {"DB(fam/none)", "", ""}, {"DB(fam)", "", "DB requires an argument"}, {"DB(fam/sub/key)", "deep", ""},
		{"DEVICE_STATE(Sim/1)", "INUSE", ""},
		{"RAND(5,5)", "5", ""}, {"RAND(1,6)", "2", ""}, {"RAND(6,1)", "2", ""}, {"RAND()", "7", ""}, {"RAND(10)", "17", ""}, {"RAND(-3,3)", "-3", ""},
		{"RAND(-2147483647,2147483647)", "-2147483640", ""},
		{"CUT(V,-,2)", "b", ""}, {"CUT(V,,2)", "b", ""}, {"CUT(V,-,2-)", "b-c-d", ""}, {"CUT(V,-,-2)", "a-b", ""}, {"CUT(V,-,2-3)", "b-c", ""},
		{"CUT(V,-,1&3)", "a-c", ""}, {"CUT(V,-,1&3-)", "a-c-d", ""}, {"CUT(V,-,9)", "", ""}, {"CUT(V,-,3&1)", "c", "already past"}, {"CUT(V,-,x)", "", "Usage: CUT"},
		{"CUT(V,-)", "", "Syntax: CUT"}, {"CUT(NONE,-,1)", "", ""}, {`CUT(COMMAS,\,,2)`, "y", ""}, {`CUT(COMMAS,\\x2c,2)`, "y", ""}, {`CUT(COMMAS,\\054,3)`, "z", ""},
		{"CUT(CALLERID(num),1,1)", "49", ""}, {"CUT(V:2,-,1)", "b", ""}, {`CUT(LINES,\\n,2)`, "two", ""}, {"CUT(SPACES, ,2)", "b", ""},
		{"STRFTIME(0,,%Y-%m-%d %H:%M:%S)", "1970-01-01 00:00:00", ""}, {"STRFTIME(,,%F %T)", "2026-03-04 15:06:07", ""},
		{"STRFTIME(${EPOCH},Test/East,%H:%M %z)", "17:06 +0200", ""}, {"STRFTIME(0,No/Where,%H)", "00", ""}, {"STRFTIME(0)", "Thu Jan  1 00:00:00 1970", ""},
		{"STRFTIME(0.25,,%S.%3q %1q %q)", "00.250 2 250", ""}, {"STRFTIME(x,,%s)", "1772636767", ""}, {"STRFTIME(,,%j %U %W %V %G %u %w)", "063 09 09 10 2026 3 3", ""},
		{"STRFTIME(,,%I %l %k %p %P %y %C %D)", "03  3 15 PM pm 26 20 03/04/26", ""}, {"STRFTIME(,,%a %A %b %B %e %n%t%%)", "Wed Wednesday Mar March  4 \n\t%", ""},
		{"STRFTIME(,,%E%)", "%E%", ""}, {"STRFTIME(,,%c|%+)", "Wed Mar  4 15:06:07 2026|Wed Mar  4 15:06:07 UTC 2026", ""},
		{"NOPE(1)", "", "Function NOPE not registered"}, {"len(abc)", "", "Function len not registered"},
	} {
		env := newEnv()
		env.rand = 7
		env.vars["V"], env.vars["COMMAS"], env.vars["LINES"], env.vars["SPACES"] = "a-b-c-d", "x,y,z", "one\ntwo", "a b c"
		env.globals["G"] = "gee"
		env.db["fam/key"], env.db["fam/sub/key"] = "stored", "deep"
		env.devices["Sim/1"] = "INUSE"
		env.functions["CALLERID(num)"] = "4912345"
		got := Substitute(env, "${"+c.in+"}")
		if got != c.want || !strings.Contains(env.warned(), c.warns) || c.warns == "" && env.warnings != nil {
			t.Errorf("%s is %q (%q), want %q (%q)", c.in, got, env.warned(), c.want, c.warns)
		}
		if strings.HasPrefix(c.in, "DB(") && got != "" && env.vars["DB_RESULT"] != got {
			t.Errorf("%s leaves DB_RESULT %q", c.in, env.vars["DB_RESULT"])
		}
	}
}

func TestSetFunctions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		ok          bool
		warns       string
	}{
		{"DB(fam/key)", "v", true, ""}, {"DB(fam)", "v", false, "DB requires"}, {"DB(fam/)", "v", true, "seems malformed"}, {"DB(fam/a//b)", "v", true, "seems malformed"},
		{"DEVICE_STATE(Custom:x)", "INUSE", true, ""}, {"DEVICE_STATE(custom:x)", "INUSE", true, ""}, {"DEVICE_STATE(Custom:x)", "WHAT", false, "invalid state value 'WHAT'"},
		{"DEVICE_STATE(Sim/1)", "INUSE", false, "only be used to set 'Custom:'"}, {"DEVICE_STATE(Custom:)", "INUSE", false, "no custom device name"},
	} {
		env := newEnv()
		if ok := Set(env, c.name, c.value); ok != c.ok || !strings.Contains(env.warned(), c.warns) || c.warns == "" && env.warnings != nil {
			t.Errorf("Set(%s=%s) is %v: %q, want %v: %q", c.name, c.value, ok, env.warned(), c.ok, c.warns)
		}
		if c.ok && env.db["fam/key"] == "" && env.devices["Custom:x"] == "" && env.db["fam/a//b"] == "" && env.db["fam/"] == "" {
			t.Errorf("Set(%s) has set nothing", c.name)
		}
	}
}
