package pbx

import (
	"slices"
	"testing"
	"time"
)

// trail runs an extension of a dialplan and returns what its NoOps said, and the warnings.
func trail(t *testing.T, text string, digits string) (said, warned []string) {
	t.Helper()
	w := newWorld(t, Config{Dialplan: parsePlan(text), Warn: func(s string) { warned = append(warned, s) }})
	w.do(Incoming{Endpoint: "one", Context: "test", Exten: "1", CallerNum: "100"})
	for i := range digits {
		w.run(time.Second)
		w.do(PlayDTMF{Channel: "Sim/one-00000000", Digit: digits[i], Duration: 50 * time.Millisecond, Receive: true})
	}
	w.run(3 * time.Minute)
	for i := range w.events {
		if e := &w.events[i]; e.name == "Newexten" && e.get("Application") == "NoOp" {
			said = append(said, e.get("AppData"))
		}
	}
	check(t, w.text)
	return said, warned
}

func TestWhatTheDialplanDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan, digits string
		want         []string
		warnings     int
	}{
		"while in while": {"[test]\n1: Set(i=0); While($[${i}<2]); Set(j=0); While($[${j}<2]); NoOp(${i}${j}); Set(j=$[${j}+1]); EndWhile(); Set(i=$[${i}+1]); EndWhile(); NoOp(end)",
			"", []string{"00", "01", "10", "11", "end"}, 0},
		"while never":    {"[test]\n1: While(0); While(1); NoOp(in); EndWhile(); EndWhile(); NoOp(end)", "", []string{"end"}, 0},
		"while, no end":  {"[test]\n1: While(0); NoOp(in)", "", []string{"in"}, 1},
		"exit, continue": {"[test]\n1: Set(i=0); While(1); Set(i=$[${i}+1]); ExecIf($[${i}=1]?ContinueWhile); ExecIf($[${i}=3]?ExitWhile); NoOp(${i}); EndWhile(); NoOp(end)", "", []string{"2", "end"}, 0},
		"gosub": {"[test]\n1: Gosub(sub,s,1(a,\"b,c\",d)); NoOp(${GOSUB_RETVAL}${ARG1})\n[sub]\ns: Gosub(sub,two,1(x)); NoOp(${ARG1}${ARG2}${ARGC}); Return(r)\ntwo: NoOp(${ARG1}|${ARG2}|${ARGC}); Return()",
			"", []string{"x||1", `a"b,c"3`, "r"}, 0},
		"gosub nowhere": {"[test]\n1: Gosub(sub,s,1); NoOp(no)", "", nil, 1},
		"gosub if":      {"[test]\n1: GosubIf(1?sub,s,1(a:b):x); GosubIf(0?x:sub,s,1(c)); GosubIf(0?x); NoOp(end)\n[sub]\ns: NoOp(${ARG1}); Return()", "", []string{"a:b", "c", "end"}, 0},
		"stack pop":     {"[test]\n1: Gosub(sub,s,1(a)); NoOp(no)\n[sub]\ns: StackPop(); NoOp(${ARG1}x); Return()", "", []string{"x"}, 1},
		"return":        {"[test]\n1: Return(); NoOp(no)", "", nil, 1},
		"exec if":       {"[test]\n1: ExecIf(1?NoOp); ExecIf(1?Set(a=b:c)); ExecIf(0?Set(a=no):Set(d=e)); NoOp(${a}${d}); ExecIf(1,Set,x=y); NoOp(${x}); ExecIf(1?Nope()); NoOp(no)", "", []string{"b:ce", "y"}, 2},
		"conditions":    {"[test]\n1: GotoIf(00?no); GotoIf(-1?yes:no); no:NoOp(no); yes:NoOp(yes); GotoIf( x?end); NoOp(no); end:NoOp(end)", "", []string{"yes", "end"}, 0},
		"time":          {"[test]\n1: Set(TESTTIME=1795398286); GotoIfTime(1:00-2:00,mon,23,nov?yes:no); no:NoOp(no); yes:NoOp(yes); GotoIfTime(2:00-3:00,*,*,*?no:other); NoOp(no); other:NoOp(other)", "", []string{"yes", "other"}, 0},
		"zone":          {"[test]\n1: GotoIfTime(1:00-2:00,*,*,*,UTC?yes); NoOp(no); yes:NoOp(yes)", "", []string{"yes"}, 0},
		"bad time":      {"[test]\n1: Set(TESTTIME=soon); GotoIfTime(25:00-26:00,*,*,*?no); NoOp(${TESTTIME}.)", "", []string{"."}, 2},
		"mset":          {"[test]\n1: MSet(a=1,b=\"x,y\",c); NoOp(${a}${b}${c})", "", []string{"1x,y"}, 1},
		"set":           {"[test]\n1: Set(a b=1); Set(x); Set(c=d=e); NoOp(${c})", "", []string{"d=e"}, 2},
		"verbose":       {"[test]\n1: Verbose(2,text); Verbose(text); Verbose(x,text); Log(WARNING,told); Log(NOTICE,not); Log(what,x)", "", nil, 3},
		"unknown":       {"[test]\n1: Nope(x); NoOp(no)\nh: NoOp(h)", "", []string{"h"}, 1},
		"invalid":       {"[test]\n1: Goto(5,1)\ni: NoOp(${INVALID_EXTEN})", "", []string{"5"}, 0},
		"exception":     {"[test]\n1: Goto(5,1)\ne: NoOp(e)", "", []string{"e"}, 0},
		"no rule":       {"[test]\n1: Goto(5,1)", "", nil, 1},
	} {
		said, warned := trail(t, c.plan, c.digits)
		if !slices.Equal(said, c.want) || len(warned) != c.warnings {
			t.Errorf("%s: %q, want %q; warnings %q", name, said, c.want, warned)
		}
	}
}

func TestAbsoluteTimeoutGoesToT(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Dialplan: parsePlan("[test]\n1: Wait(60); NoOp(no)\nT: NoOp(T); Wait(1); NoOp(still)\nh: NoOp(h)")})
	w.do(Incoming{Endpoint: "one", Context: "test", Exten: "1"})
	w.do(AbsoluteTimeout{Channel: "Sim/one-00000000", After: time.Second})
	w.run(10 * time.Second)
	if got, want := brief(w.events), []string{"T", "still", "SoftHangupRequest", "h", "Hangup"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestAnEndpointGoesThroughStates(t *testing.T) {
	t.Parallel()
	var warned []string
	w := newWorld(t, Config{Dialplan: parsePlan("[test]\n1: Set(__SIM_STATES=Rsrvd,offhook,Dialing,Dialing Offhook,Pre-ring,Up,nonsense); Set(__SIM_RING=1); Dial(Sim/two)"),
		Warn: func(s string) { warned = append(warned, s) }})
	w.do(Incoming{Endpoint: "one", Context: "test", Exten: "1"})
	w.run(2 * time.Second)
	var states []string
	for i := range w.events {
		if e := &w.events[i]; e.name == "Newstate" && e.get("Channel") == "Sim/two-00000001" {
			states = append(states, e.get("ChannelState")+" "+e.get("ChannelStateDesc"))
		}
	}
	if want := []string{"1 Rsrvd", "2 OffHook", "3 Dialing", "8 Dialing Offhook", "9 Pre-ring", "5 Ringing", "6 Up"}; !slices.Equal(states, want) || len(warned) != 2 {
		t.Errorf("%q, %q", states, warned)
	}
}
