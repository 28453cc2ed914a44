package dialplan

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// parse loads a text that has to be without problems.
func parse(t testing.TB, text string) *Dialplan {
	t.Helper()
	plan, problems := Parse("extensions.conf", text, Options{})
	if problems != nil {
		t.Fatal(problems)
	}
	return plan
}

// show writes a dialplan as its contexts, extensions and steps.
func show(d *Dialplan) string {
	var b strings.Builder
	for _, c := range d.Contexts {
		fmt.Fprintf(&b, "[%s]\n", c.Name)
		for _, e := range c.Extensions {
			caller := ""
			if e.MatchCaller {
				caller = "/" + e.CallerID
			}
			for _, s := range e.Steps {
				label := ""
				if s.Label != "" {
					label = "(" + s.Label + ")"
				}
				fmt.Fprintf(&b, "%s%s,%d%s,%s|%s :%d\n", e.Name, caller, s.Priority, label, s.App, s.Args, s.At.Line)
			}
		}
		for _, in := range c.Includes {
			fmt.Fprintf(&b, "include %s\n", in.Target)
		}
		for _, p := range c.IgnorePats {
			fmt.Fprintf(&b, "ignorepat %s\n", p)
		}
	}
	return b.String()
}

func TestLoad(t *testing.T) {
	t.Parallel()
	plan := parse(t, `; a comment
[general]
static=yes
writeprotect = no
autofallthrough=no
clearglobalvars=yes
[globals]
TRUNK => Sim/trunk
BOTH=${TRUNK}&Sim/b
CTX=more
[phones]
exten => 100,hint,Sim/100&Sim/${EXTEN}
exten => 100,1(start),NoOp(${CALLERID(num)}, a\;b)
 same => n,Dial(Sim/100,20,tT)
 same => n+101(busy),Busy()
 same => n,Hangup
same=>n,Set(A=${IF($[1=1]?x:y)}) ; the end
exten=>_[1,2]XX-9,1,NoOp(\;)
exten => 1 00/(49) 123,1,NoOp(from 49123)
exten => 100/,1,NoOp(no caller)
exten => s,1,Background(a&b)
exten => s,2(start),NoOp(two)
exten => s,start+5,NoOp(seven)
exten => t,1,NoOp
exten => i,s(more),NoOp
exten => ${CTX},1,NoOp
include => ${CTX}
include => other,9:00-17:00,mon-fri,*,*
ignorepat => 9
;--
exten => 100,9,NoOp(not here)
--;
[more]
[other](!)
exten => x,1,NoOp(template)
[other](other)
exten => y,1,NoOp
[more](+)
exten => z,1,NoOp
[phones]
exten => 101,1,NoOp(again)
`)
	want := `
[other]
x,1,NoOp|template :35
y,1,NoOp| :37
[more]
z,1,NoOp| :39
[phones]
100/,1,NoOp|no caller :20
100/49123,1,NoOp|from 49123 :19
100,-1,Sim/100&Sim/100| :12
100,1(start),NoOp|${CALLERID(num)}, a;b :13
100,2,Dial|Sim/100,20,tT :14
100,104(busy),Busy| :15
100,105,Hangup| :16
100,106,Set|A=${IF($[1=1]?x:y)} :17
101,1,NoOp|again :41
i,1(more),NoOp| :25
more,1,NoOp| :26
s,1,Background|a&b :21
s,2(start),NoOp|two :22
s,7,NoOp|seven :23
t,1,NoOp| :24
_[1,2]XX-9,1,NoOp|; :18
include more
include other
ignorepat 9
`
	if got := "\n" + show(plan); got != want {
		t.Errorf("loaded%swant%s", got, want)
	}
	if want := []Global{
		{"TRUNK", "Sim/trunk", Place{"extensions.conf", 8}}, {"BOTH", "Sim/trunk&Sim/b", Place{"extensions.conf", 9}},
		{"CTX", "more", Place{"extensions.conf", 10}},
	}; !slices.Equal(plan.Globals, want) {
		t.Errorf("globals %v, want %v", plan.Globals, want)
	}
	if plan.AutoFallThrough || !plan.ClearGlobals {
		t.Errorf("[general] is %v, %v", plan.AutoFallThrough, plan.ClearGlobals)
	}
}

func TestLoadProblems(t *testing.T) {
	t.Parallel()
	o := Options{Apps: []string{"NoOp", "set", "MSet", "Dial"}, Functions: []string{"MINE"}}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"unknown application", "[a]\nexten => 1,1,Foo(x)", []string{"x.conf:2: warning: there is no application 'Foo'"}},
		{"blank behind an application", "[a]\nexten => 1,1,NoOp (x)", []string{"x.conf:2: warning: there is no application 'NoOp '"}},
		{"known in any case", "[a]\nexten => 1,1,noop(x)\nexten => 1,2, DIAL(x)", nil},
		{"unknown function", "[a]\nexten => 1,1,NoOp(${BAR(${LEN(${foo(1)})})})", []string{"2: warning: there is no function 'BAR'", "2: warning: there is no function 'foo'"}},
		{"functions of the engine", "[a]\nexten => 1,1,NoOp(${MINE(x)}${CALLERID(num)}${CHANNEL(state)}${A:1}${B})", nil},
		{"unknown function set", "[a]\nexten => 1,1,Set(BAR(x)=1)\n same => n,MSet(A=1,BAZ(x,y)=2)", []string{"2: warning: there is no function 'BAR'", "3: warning: there is no function 'BAZ'"}},
		{"no application", "[a]\nexten => 1,1\nexten => 1,2,", []string{"2: warning: extension 1, priority 1 names no application", "3: warning: extension 1, priority 2 names no"}},
		{"same first", "[a]\nsame => n,NoOp", []string{"2: warning: No previous pattern"}},
		{"n first", "[a]\nexten => 1,n,NoOp\nexten => 1,s,NoOp", []string{"2: warning: Can't use 'n' priority", "3: warning: Can't use 's' priority"}},
		{"n behind a hint", "[a]\nexten => 1,hint,Sim/1\n same => n,NoOp", []string{"3: warning: Invalid priority 'n+'"}},
		{"bad priority", "[a]\nexten => 1,0,NoOp\nexten => 1,nowhere,NoOp\nexten => 1,-5,NoOp", []string{"2: warning: Invalid priority/label '0'", "3: warning: Invalid priority/label 'nowhere'", "4:"}},
		{"label open", "[a]\nexten => 1,1(x,NoOp", []string{"2: warning: Label missing trailing ')'"}},
		{"parenthesis open", "[a]\nexten => 1,1,NoOp(x", []string{"2: warning: No closing parenthesis found? 'NoOp(x'"}},
		{"priority twice", "[a]\nexten => 1,1,NoOp\nexten => 1,1,NoOp", []string{"3: warning: Unable to register extension '1' priority 1 in 'a', already in use at x.conf:2"}},
		{"label twice", "[a]\nexten => 1,1(x),NoOp\nexten => 1,2(x),NoOp", []string{"3: warning: Extension '1' priority 2 in 'a', label 'x' already in use at priority 1"}},
		{"nameless", "[a]\nexten => ,1,NoOp\n[]\nexten => 1,1,NoOp", []string{"2: warning: an extension without a name", "3: warning: a context without a name"}},
		{"catch-all", "[a]\nexten => _.,1,NoOp\nexten => _!,1,NoOp", []string{"2: warning: The use of '_.'", "Please use '_X!' instead"}},
		{"patterns", "[a]\nexten => _[12,1,NoOp()", []string{"2: warning: Invalid priority/label ''"}},
		{"open set", "[a]\nexten => _5[12/1],1,NoOp()", []string{"2: warning: pattern _5[12 has a set without its ]"}},
		{"behind a wildcard", "[a]\nexten => _X.5,1,NoOp\nexten => _X!X,1,NoOp", []string{"2: warning: pattern _X.5: what follows . does not count", "3: warning: pattern _X!X: what follows ! does"}},
		{"include", "[a]\ninclude => b\ninclude => c\ninclude => C\n[c]", []string{"4: warning: Context 'C' already included", "2: warning: Context 'a' tries to include nonexistent context 'b'"}},
		{"include time", "[a]\ninclude => b,25:00\n[b]", []string{`2: warning: include b: "25:00" is not a time`}},
		{"switch", "[a]\nswitch => IAX2/x\nlswitch => Loopback/y\neswitch => z", []string{"2: warning: switch is not supported", "3: warning: lswitch", "4: warning: eswitch"}},
		{"directives", "[a]\nfoo => bar\nautohints=yes\nautohints=no\nignorepat => 9\nignorepat => 9", []string{"2: warning: Unknown directive: foo", "3: warning: autohints is not", "6: warning: ignorepat '9'"}},
		{"general", "[general]\nfoo=1\noverrideswitch=x\nextenpatternmatchnew=yes\nextenpatternmatchnew=no\nuserscontext=x\npriorityjumping=yes",
			[]string{"2: warning: [general] has no setting foo", "3: warning: overrideswitch", "4: warning: extenpatternmatchnew", "6: warning: userscontext", "7: warning: priorityjumping"}},
		{"globals", "[globals]\nA=${X\nCALLERID(num)=5\nB=${NOPE(1)}\nC=${CALLERID(num)}",
			[]string{"2: warning: Error in extension logic (missing '}')", "3: warning: CALLERID(num): [globals] sets variables", "4: warning: there is no function 'NOPE'", "4: warning: Function NOPE", "5: warning: Function CALLERID: needs a channel"}},
		{"hint", "[a]\nexten => 1,hint,Sim/${EXTEN", []string{"2: warning: Error in extension logic"}},
		{"outside", "a=b\n[x]", []string{"1: error: a setting before the first [section]"}},
		{"section", "[x\na=b\n[y]z\n[z](nope)\n[z](+)", []string{"1: error: the section's name has no closing ]", "3: error: [y] is followed", "4: error: [z] inherits from [nope]", "5: error: [z](+) adds to"}},
		{"lines", "[x]\nfoo\n=b\na+=b\n#exec x\n#include\n#include y", []string{"2: error: neither", "3: error: a value without a name", "4: error: +=", "5: error: #exec is not", "6: error: #include names no", "7: error: #include cannot be used here"}},
		{"comment", "[x]\n;-- open\nfoo", []string{"3: error: a comment opened by ;-- is never closed"}},
	} {
		plan, problems := Parse("x.conf", c.text, o)
		for _, want := range c.want {
			if !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.String(), want) }) {
				t.Errorf("%s: %q is not among %q", c.name, want, problems)
			}
		}
		if len(c.want) == 0 && problems != nil {
			t.Errorf("%s: %q", c.name, problems)
		}
		fatal := slices.ContainsFunc(problems, func(p Problem) bool { return p.Fatal })
		if (plan == nil) != fatal {
			t.Errorf("%s: a plan %v, fatal %v", c.name, plan != nil, fatal)
		}
	}
}

// write puts files into a directory and returns the path of the first.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

func TestLoadFiles(t *testing.T) {
	t.Parallel()
	path := write(t, "extensions.conf", "[a]\n#include \"sub/*.conf\"\n#tryinclude nowhere.conf\nexten => 1,1,NoOp\n",
		"sub/b.conf", "exten => 2,1,NoOp\n#include c.inc\n", "sub/c.inc", "exten => 3,1,Nope\n", "sub/d.conf", "exten => 4,1,NoOp\n")
	plan, problems := Load(path, Options{Apps: []string{"NoOp"}})
	if len(problems) != 1 || !strings.HasSuffix(problems[0].At.File, "c.inc") || problems[0].At.Line != 1 {
		t.Errorf("problems: %v", problems)
	}
	if got, want := show(plan), "[a]\n1,1,NoOp| :4\n2,1,NoOp| :1\n3,1,Nope| :1\n4,1,NoOp| :1\n"; got != want {
		t.Errorf("loaded\n%swant\n%s", got, want)
	}
	for _, c := range []struct{ body, want string }{
		{"[a]\n#include nowhere.conf\n", "extensions.conf:2: error: #include"}, {"[a]\n#include extensions.conf\n", "would include itself"},
		{"[a]\n#include [\n", "syntax error in pattern"},
	} {
		path := write(t, "extensions.conf", c.body)
		plan, problems := Load(path, Options{})
		if plan != nil || len(problems) != 1 || !strings.Contains(problems[0].String(), c.want) {
			t.Errorf("%q: %v", c.body, problems)
		}
	}
	if plan, problems := Load(filepath.Join(t.TempDir(), "none.conf"), Options{}); plan != nil || len(problems) != 1 ||
		!strings.Contains(problems[0].String(), "none.conf: error: cannot be read: no such file") {
		t.Errorf("a file that is not there: %v", problems)
	}
	deep := []string{"extensions.conf", "[a]\n#include 1.conf\n"}
	for i := range maxInclude + 1 {
		deep = append(deep, fmt.Sprintf("%d.conf", i+1), fmt.Sprintf("#include %d.conf\n", i+2))
	}
	if _, problems := Load(write(t, deep...), Options{}); len(problems) != 1 || !strings.Contains(problems[0].Text, "deeper than") {
		t.Errorf("too deep: %v", problems)
	}
}

// TestLoadEnv: globals that were set at run time are there when the file is read again.
func TestLoadEnv(t *testing.T) {
	t.Parallel()
	env := newEnv()
	env.globals["OLD"], env.globals["NEW"] = "old", "wrong"
	env.db["cfg/x"] = "stored"
	plan, problems := Parse("x", "[globals]\nNEW=${OLD}-${DB(cfg/x)}-${EPOCH}\n[${NEW}]\n[a]\nexten => ${OLD},1,NoOp\ninclude => ${NEW}\n", Options{Env: env})
	if plan == nil || plan.Globals[0].Value != "old-stored-1772636767" || plan.Contexts[0].Extensions[0].Name != "old" {
		t.Errorf("%v: %v", plan, problems)
	}
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "nonexistent context 'old-stored-1772636767'") {
		t.Errorf("problems: %v", problems)
	}
	if env.globals["NEW"] != "wrong" || len(env.vars) != 0 || env.warnings != nil {
		t.Errorf("loading has changed %v, %v, %v", env.globals, env.vars, env.warnings)
	}
}

func TestAnApplicationChecksItsArguments(t *testing.T) {
	t.Parallel()
	_, problems := Parse("extensions.conf", "[a]\nexten => 1,1,NoOp(fine)\n same => n,Dial(x,,Z)\nexten => 1,hint,Dial\n", Options{
		Check: func(app, args string) []string {
			if app == "Dial" {
				return []string{app + " does not like " + args}
			}
			return nil
		}})
	if len(problems) != 1 || problems[0].String() != "extensions.conf:3: warning: Dial does not like x,,Z" {
		t.Errorf("%v", problems)
	}
}
