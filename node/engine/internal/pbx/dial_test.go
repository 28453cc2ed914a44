package pbx

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/translator"
)

var phones = map[string]Endpoint{
	"fast": {Talk: 6 * sec}, "slow": {Ring: 4 * sec, Talk: 6 * sec}, "busy": {Busy: true}, "jammed": {Congestion: true}, "never": {NoAnswer: true},
	"reject": {Reject: 21}, "late": {Ring: sec, Reject: 19}, "gone": {Unavailable: true}, "moved": {Forward: "Sim/fast"}, "ring": {Forward: "Sim/ring"},
	"lost": {Forward: "Sim/gone"}, "exten": {Forward: "fwd"}, "nowhere": {Forward: "nothing"}, "keys": {DTMF: "12", Talk: 6 * sec},
}

// dialStory runs extension 1 of [test], and returns what happened of dialing and bridging, and what NoOp said, by whom.
func dialStory(t *testing.T, text, digits string) (w *world, said, warned []string) {
	t.Helper()
	w = newWorld(t, Config{Dialplan: parsePlan(text), Endpoints: phones, Warn: func(s string) { warned = append(warned, s) }})
	w.do(Incoming{Endpoint: "caller", Context: "test", Exten: "1", CallerNum: "100", CallerName: "Al", Variables: []translator.Variable{{Name: "__DEEP", Value: "d"}, {Name: "_ONE", Value: "o"}}})
	for i := range digits {
		w.run(time.Second)
		w.do(PlayDTMF{Channel: "Sim/caller-00000000", Digit: digits[i], Duration: 50 * time.Millisecond, Receive: true})
	}
	w.run(3 * time.Minute)
	w.act(hangupAll{})
	w.run(time.Minute)
	if !strings.Contains(text, "10,i)") { // Asterisk says there, too, a forward that nobody begins to call
		check(t, w.text)
	}
	if s := w.p.Stats(); s.Channels > 0 || s.Bridges > 0 || len(w.p.timers.heap) > 0 {
		t.Errorf("left behind: %+v, %d timers", s, len(w.p.timers.heap))
	}
	return w, told(w.events), warned
}

func told(events []event) (said []string) {
	short := func(name string) string {
		return strings.TrimPrefix(suffix.ReplaceAllString(strings.TrimSuffix(strings.TrimSuffix(name, ";1"), ";2"), ""), "Sim/")
	}
	for i := range events {
		e := &events[i]
		who, whom := short(e.get("Channel")), short(e.get("DestChannel"))
		switch e.name {
		case "DialBegin":
			said = append(said, "dial "+whom)
		case "DialEnd":
			line := whom + " " + e.get("DialStatus")
			if to := e.get("Forward"); to != "" {
				line += " to " + to
			}
			said = append(said, line)
		case "BridgeEnter", "MusicOnHoldStart", "MusicOnHoldStop":
			said = append(said, who+" "+strings.TrimPrefix(e.name, "Bridge"))
		case "Newexten":
			if e.get("Application") == "NoOp" {
				said = append(said, who+": "+e.get("AppData"))
			}
		}
	}
	return said
}

const talked = "fast ANSWER|fast Enter|caller Enter"

func TestDial(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan, digits, want string
		warnings           int
	}{
		"answered":         {"1: Dial(Sim/fast,10); NoOp(no)", "", "dial fast|" + talked, 0},
		"g":                {"1: Dial(Sim/fast,10,g); NoOp(${DIALSTATUS} ${DIALEDPEERNUMBER} ${DIALEDTIME})", "", "dial fast|" + talked + "|caller: ANSWER fast 6", 0},
		"busy":             {"1: Dial(Sim/busy); NoOp(${DIALSTATUS} ${HANGUPCAUSE})", "", "dial busy|busy BUSY|caller: BUSY 17", 0},
		"congestion":       {"1: Dial(Sim/jammed); NoOp(${DIALSTATUS})", "", "dial jammed|jammed CONGESTION|caller: CONGESTION", 0},
		"rejected":         {"1: Dial(Sim/reject); NoOp(${DIALSTATUS} ${HANGUPCAUSE})", "", "dial reject|reject NOANSWER|caller: CHANUNAVAIL 21", 0},
		"not there":        {"1: Dial(Sim/gone); NoOp(${DIALSTATUS} ${HANGUPCAUSE})", "", "caller: CHANUNAVAIL 20", 1},
		"no tech":          {"1: Dial(SIP/x); NoOp(${DIALSTATUS} ${HANGUPCAUSE})", "", "caller: CHANUNAVAIL 66", 2},
		"nobody":           {"1: Dial(); NoOp(${DIALSTATUS})", "", "caller: CHANUNAVAIL", 0},
		"no resource":      {"1: Dial(Sim/fast&Sim/,10); NoOp(no)\nh: NoOp(${DIALSTATUS})", "", "caller: INVALIDARGS", 1},
		"no answer":        {"1: Dial(Sim/never,2.5); NoOp(${DIALSTATUS} ${RINGTIME})", "", "dial never|never NOANSWER|caller: NOANSWER 0", 0},
		"a bad timeout":    {"1: Dial(Sim/fast,soon,g); NoOp(${DIALSTATUS})", "", "dial fast|" + talked + "|caller: ANSWER", 1},
		"no sign of life":  {"1: Dial(Local/mute@test,9^2); NoOp(${DIALSTATUS})\nmute: Wait(5); Ringing(); Wait(9)", "", "dial Local/mute@test|Local/mute@test CHANUNAVAIL|caller: CHANUNAVAIL", 0},
		"a sign of life":   {"1: Dial(Sim/never,4^2); NoOp(${DIALSTATUS})", "", "dial never|never NOANSWER|caller: NOANSWER", 0},
		"busy and away":    {"1: Dial(Sim/busy&Sim/late); NoOp(${DIALSTATUS})", "", "dial busy|dial late|busy BUSY|late NOANSWER|caller: NOANSWER", 0},
		"busy and rejects": {"1: Dial(Sim/reject&Sim/busy); NoOp(${DIALSTATUS})", "", "dial reject|dial busy|busy BUSY|reject NOANSWER|caller: BUSY", 0},
		"the first wins":   {"1: Dial(Sim/never&Sim/fast,,Q(USER_BUSY)); NoOp(no)", "", "dial never|dial fast|never CANCEL|" + talked, 0},
		"forwarded":        {"1: Dial(Sim/moved,10); NoOp(no)", "", "dial moved|moved CANCEL to Sim/fast|dial fast|" + talked, 0},
		"forwarded home":   {"1: Dial(Sim/exten,10); NoOp(${DIALSTATUS})\n[default]\nfwd: NoOp(${DEEP}${ONE}); Dial(Sim/busy)", "", "dial exten|exten CANCEL to Local/fwd@default|dial Local/fwd@default|Local/fwd@default: do|dial busy|busy BUSY|Local/fwd@default BUSY|caller: BUSY", 0},
		"forwarded away":   {"1: Dial(Sim/nowhere,10); NoOp(${DIALSTATUS})", "", "dial nowhere|nowhere CONGESTION|caller: CHANUNAVAIL", 2},
		"forwarded, gone":  {"1: Dial(Sim/lost,10); NoOp(${DIALSTATUS})", "", "dial lost|lost BUSY|caller: CHANUNAVAIL", 1},
		"no forwards":      {"1: Dial(Sim/moved,10,i); NoOp(${DIALSTATUS})", "", "dial moved|moved CANCEL to Sim/fast|moved BUSY|caller: BUSY", 0},
		"m":                {"1: Dial(Sim/slow,10,m(jazz)); NoOp(no)", "", "dial slow|caller MusicOnHoldStart|slow ANSWER|caller MusicOnHoldStop|slow Enter|caller Enter", 0},
		"d":                {"1: Dial(Sim/never,10,d); NoOp(no)\n5: NoOp(5 ${DIALSTATUS})", "45", "dial never|never CANCEL|caller: 5 CANCEL", 0},
		"d elsewhere":      {"1: Set(EXITCONTEXT=other); Dial(Sim/never,10,d); NoOp(no)\n[other]\n4: NoOp(4)", "4", "dial never|never CANCEL|caller: 4", 0},
		"B and b": {"1: Dial(Sim/fast&Sim/busy,10,B(pre^c^1(x^y))b(pre^s^1(${EXTEN}))); NoOp(no)\n[pre]\nc: NoOp(${ARG1}${ARG2}); Return()\ns: NoOp(${ARG1} ${CHANNEL(state)} ${DEEP}${ONE}); Return()", "",
			"caller: xy|fast: 1 Down do|busy: 1 Down do|dial fast|dial busy|busy BUSY|" + talked, 0},
		"U":          {"1: Dial(Sim/fast,10,U(sub^a^b)); NoOp(no)\n[sub]\ns: NoOp(${ARG1}${ARG2} ${CHANNEL(state)}); Return(r)", "", "dial fast|fast: ab Up|" + talked, 0},
		"U, busy":    {"1: Dial(Sim/fast,10,U(sub)); NoOp(${DIALSTATUS} ${GOSUB_RETVAL})\n[sub]\ns: Set(GOSUB_RESULT=BUSY); Return(r)", "", "dial fast|fast BUSY|caller: BUSY r", 0},
		"U, abort":   {"1: Dial(Sim/fast,10,U(sub)); NoOp(no)\nh: NoOp(h ${DIALSTATUS})\n[sub]\ns: Set(GOSUB_RESULT=ABORT); Return()", "", "dial fast|fast ABORT|caller: h ANSWER", 0},
		"U, go on":   {"1: Dial(Sim/fast,10,U(sub)); NoOp(next)\n[sub]\ns: Set(GOSUB_RESULT=CONTINUE); Return()", "", "dial fast|fast CONTINUE|caller: next", 0},
		"U, goto":    {"1: Dial(Sim/fast,10,U(sub)); NoOp(no)\n2: NoOp(two)\n[sub]\ns: Set(GOSUB_RESULT=GOTO:test^2^1); Return()", "", "dial fast|fast GOTO:test^2^1|caller: two", 0},
		"U, waits":   {"1: Dial(Sim/fast,10,U(sub)); NoOp(no)\n[sub]\ns: Wait(2); Return()", "", "dial fast|" + talked, 0},
		"U, hung up": {"1: Dial(Sim/fast,10,U(sub)g); NoOp(${DIALSTATUS})\n[sub]\ns: Wait(20); Return()", "", "dial fast|fast ANSWER|fast Enter|caller Enter|caller: ANSWER", 1},
		"G":          {"1: Dial(Sim/fast,10,G(test^both^1)); NoOp(no)\nboth: NoOp(caller); NoOp(called ${CHANNEL(state)})", "", "dial fast|fast ANSWER|fast: called Up|caller: caller|caller: called Ring", 0},
		"F":          {"1: Dial(Sim/slow,10,F(test^2^1)S(2)); NoOp(no)\n2: NoOp(no: hung up)", "", "dial slow|slow ANSWER|slow Enter|caller Enter", 0},
		"e":          {"1: Dial(Sim/fast,10,e); NoOp(no)\nh: NoOp(h)", "", "dial fast|" + talked + "|fast: h|caller: h", 0},
		"L":          {"1: Dial(Sim/fast,10,L(2000:1000)g); NoOp(${ANSWEREDTIME})", "", "dial fast|" + talked + "|caller: 2", 0},
		"S":          {"1: Dial(Sim/fast,10,S(3)g); NoOp(${ANSWEREDTIME})", "", "dial fast|" + talked + "|caller: 3", 0},
		"bad L":      {"1: Dial(Sim/fast,10,L(x)); NoOp(no)\nh: NoOp(${DIALSTATUS})", "", "caller: INVALIDARGS", 1},
		"open":       {"1: Dial(Sim/fast,10,U(x); NoOp(no)\nh: NoOp(${DIALSTATUS})", "", "caller: INVALIDARGS", 1},
		"A":          {"1: Dial(Sim/fast,10,A(x:y)); NoOp(no)", "", "dial fast|" + talked, 0},
	} {
		_, said, warned := dialStory(t, "[test]\n"+c.plan, c.digits)
		if got := strings.Join(said, "|"); got != c.want || len(warned) != c.warnings {
			t.Errorf("%s:\n got %s\nwant %s\n%q", name, got, c.want, warned)
		}
	}
}

func TestWhomAChannelThatIsDialledShows(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]string{
		"": "1 <unknown> 100 Al", "o": "100 Al 100 Al", "o(Bo <7>)": "7 Bo 100 Al", "f(Cy <8>)": "1 <unknown> 8 Cy",
	} {
		w, _, _ := dialStory(t, "[test]\n1: Dial(Sim/fast,10,"+options+")", "")
		i := slices.IndexFunc(w.events, func(e event) bool { return e.name == "DialBegin" })
		e := &w.events[i]
		if got := strings.Join([]string{e.get("DestCallerIDNum"), e.get("DestCallerIDName"), e.get("DestConnectedLineNum"), e.get("DestConnectedLineName")}, " "); got != want {
			t.Errorf("%q: %s, want %s", options, got, want)
		}
	}
}

func TestACallGoesRoundSoOftenOnly(t *testing.T) {
	t.Parallel()
	_, said, warned := dialStory(t, "[test]\n1: Dial(Sim/ring,10); NoOp(${DIALSTATUS})", "")
	if n := len(said); n != 43 || said[n-1] != "caller: BUSY" || len(warned) != 1 {
		t.Errorf("%d: %q, %q", n, said, warned)
	}
	_, said, warned = dialStory(t, "[test]\n1: Dial(Local/1@test,30); NoOp(${DIALSTATUS})", "")
	if n := len(warned); n != 1 || !strings.Contains(warned[0], "Max forwards exceeded") {
		t.Errorf("%q, %q", said, warned)
	}
}

func TestDialSendsDigits(t *testing.T) {
	t.Parallel()
	w, _, _ := dialStory(t, "[test]\n1: Dial(Local/2@test/n,20,D(1w2:3))\n2: Answer(); Read(D,,2); NoOp(${D})", "")
	var digits, said []string
	for i := range w.events {
		switch e := &w.events[i]; {
		case e.name == "DTMFEnd":
			digits = append(digits, e.get("Digit"))
		case e.name == "Newexten" && e.get("Application") == "NoOp":
			said = append(said, e.get("AppData"))
		}
	}
	if !slices.Equal(said, []string{"12"}) || !slices.Contains(digits, "1") {
		t.Errorf("%q, %q", digits, said)
	}
}

// A handler that b puts on a called channel runs when it ends, whoever ends it.
func TestHandlersOfADialledChannel(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"fast", "busy", "never", "reject"} {
		w, _, _ := dialStory(t, "[test]\n1: Dial(Sim/"+endpoint+",3,b(pre^s^1))\n[pre]\ns: Set(CHANNEL(hangup_handler_push)=pre,bye,1); Return()\nbye: NoOp(bye); Return()", "")
		got := brief(w.events)
		if i := slices.Index(got, "Run pre,bye,1"); i < 0 || got[i+1] != "bye" {
			t.Errorf("%s: %q", endpoint, got)
		}
	}
}

func TestTheCalledOneGoesOn(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]string{"F(test^2^1)": "fast: two", "F": "fast: next", "F(nowhere^1)": "", "": ""} {
		w := newWorld(t, Config{Dialplan: parsePlan("[test]\n1: Dial(Sim/fast,10," + options + "); NoOp(next)\n2: NoOp(two)"), Endpoints: phones})
		w.do(Incoming{Endpoint: "caller", Context: "test", Exten: "1"})
		w.run(sec)
		w.do(HangupFar{Channel: "Sim/caller-00000000"})
		w.run(time.Minute)
		said := told(w.events)
		if last := said[len(said)-1]; last != want && !(want == "" && last == "caller Enter") {
			t.Errorf("%q: %q", options, said)
		}
		check(t, w.text)
	}
}
