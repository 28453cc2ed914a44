package pbx

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/translator"
)

// ring is a world with one call that waits in [test] 1 of a dialplan.
func ring(t *testing.T, cfg Config) (*world, *channel) {
	cfg.Dialplan = parsePlan("[test]\n1: Wait(60)\ngo: Wait(1)")
	w := newWorld(t, cfg)
	w.do(Incoming{Endpoint: "one", Context: "test", Exten: "1", CallerNum: "100", CallerName: "O'Hara"})
	return w, w.p.all()[0]
}

func (c *channel) expand(text string) string { return c.p.cfg.Dialplan.Expand(text, c) }

func TestFunctionsOfTheChannel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ set, value, read, want, event string }{
		{"", "", "${CALLERID(num)} ${CALLERID(NUMBER)} ${CALLERID(name)} ${CALLERID(all)}", `100 100 O'Hara "O'Hara" <100>`, ""},
		{"CALLERID(num)", " 200", "${CALLERID(num)}", "200", "NewCallerid"},
		{"CALLERID(name)", "Jo ", "${CALLERID(all)}", `"Jo" <100>`, "NewCallerid"},
		{"CALLERID(all)", `"A \"B\"" <1-2 (3)>`, "${CALLERID(name)}|${CALLERID(num)}", `A "B"|123`, "NewCallerid"},
		{"CALLERID(all)", "Just a name", "${CALLERID(name)}|${CALLERID(num)}", "Just a name|", "NewCallerid"},
		{"CALLERID(all)", "555-1234", "${CALLERID(name)}|${CALLERID(num)}", "|5551234", "NewCallerid"},
		{"CALLERID(pres)", "prohib", "${CALLERID(pres)} ${CALLERID(num-pres)} ${CALLINGPRES}", "prohib prohib 35", ""},
		{"CALLERID(num-pres)", "32", "${CALLERID(pres)}", "prohib_not_screened", ""},
		{"CALLERID(num-valid)", "0", "${CALLERID(num)}|${CALLERID(num-valid)}", "|0", "NewCallerid"},
		{"CALLERID(ani)", "7", "${CALLERID(ani)} ${CALLERID(ani-num)} ${CALLERID(num)}", "7 7 100", ""},
		{"CALLERID(rdnis)", "8", "${CALLERID(rdnis)}", "8", ""},
		{"CALLERID(dnid)", "9", "${CALLERID(dnid)}|${CALLERID(dnid-num)}", "9|9", ""},
		{"CALLERID(tag)", "x", "${CALLERID(tag)}", "x", ""},
		{"CALLERID(ani2)", "5", "${CALLERID(ani2)} ${CALLINGANI2}", "5 5", ""},
		{"", "", `${CALLERID(name,Al <5>)}|${CALLERID(num,Al <5>)}`, "Al|5", ""},
		{"CONNECTEDLINE(num,i)", "300", "${CONNECTEDLINE(num)}", "300", "NewConnectedLine"},
		{"CONNECTEDLINE(all)", "B <2>", "${CONNECTEDLINE(all)} ${CONNECTEDLINE(source)}", `"B" <2> unknown`, "NewConnectedLine"},
		{"CONNECTEDLINE(source)", "transfer", "${CONNECTEDLINE(source)}", "transfer", ""},
		{"CHANNEL(accountcode)", "acme", "${CHANNEL(accountcode)}", "acme", "NewAccountCode"},
		{"CHANNEL(language)", "de", "${CHANNEL(Language)}", "de", ""},
		{"CHANNEL(musicclass)", "jazz", "${CHANNEL(musicclass)}", "jazz", ""},
		{"CHANNEL(parkinglot)", "lot", "${CHANNEL(parkinglot)}", "lot", ""},
		{"CHANNEL(userfield)", "u", "${CHANNEL(userfield)}", "u", ""},
		{"CHANNEL(amaflags)", "billing", "${CHANNEL(amaflags)}", "2", ""},
		{"CHANNEL(hangupsource)", "x", "${CHANNEL(hangupsource)}", "x", ""},
		{"", "", "${CHANNEL(state)} ${CHANNEL(channeltype)} ${CHANNEL(exten)}@${CHANNEL(context)} ${CHANNEL(appname)}(${CHANNEL(appdata)})", "Ring Sim 1@test Wait(60)", ""},
		{"", "", "${CHANNEL(name)} ${CHANNEL(device_name)} ${CHANNEL(onhold)}${CHANNEL(checkhangup)} ${CHANNEL(max_forwards)}", "Sim/one-00000000 Sim/one 00 20", ""},
		{"", "", "${EXTEN}@${CONTEXT}:${PRIORITY} ${CHANNEL} ${HANGUPCAUSE} ${SYSTEMNAME} ${EPOCH}", "1@test:1 Sim/one-00000000 0 alpha 1795398286", ""},
		{"", "", "${ASTETCDIR} ${LEN(${ENTITYID})} ${exten}${Channel}", "/etc/asterisk 17 ", ""},
		{"EXTEN", "other", "${EXTEN}", "1", "VarSet"},
		{"__far", "x", "${far} ${FAR}", "x ", "VarSet"},
	} {
		w, call := ring(t, Config{})
		if c.set != "" {
			w.do(SetVar{ID: 1, Channel: call.name, Name: c.set, Value: c.value})
			if w.replies[1].Error != "" {
				t.Errorf("%s=%s: refused", c.set, c.value)
			}
		}
		if got := call.expand(c.read); got != c.want {
			t.Errorf("%s=%s: %s is %q, want %q", c.set, c.value, c.read, got, c.want)
		}
		last := w.events[len(w.events)-1].name
		if c.event != "" && last != c.event || c.event == "" && last != "Newexten" {
			t.Errorf("%s=%s: said %s, want %q", c.set, c.value, last, c.event)
		}
	}
}

func TestWhatAFunctionDoesNotHaveIsTold(t *testing.T) {
	t.Parallel()
	var said []string
	_, call := ring(t, Config{Warn: func(s string) { said = append(said, s) }})
	for _, name := range []string{"CHANNEL(nonsense)", "CALLERID(nonsense)", "CALLERID(pres)", "CONNECTEDLINE(source)", "NOPE(x)", "LOCAL(x)"} {
		if call.assign(name, "?") {
			t.Errorf("%s: was set", name)
		}
	}
	call.expand("${CHANNEL(nonsense)}${CALLERID(nonsense)}${NOPE(x)}")
	if len(said) != 9 {
		t.Errorf("%d warnings: %q", len(said), said)
	}
	said = nil
	if !call.assign("CHANNEL(txgain)", "3") || len(said) != 1 {
		t.Errorf("what is not kept is not told: %q", said)
	}
}

func TestVariablesWithoutAChannel(t *testing.T) {
	t.Parallel()
	var said []string
	w := newWorld(t, Config{Warn: func(s string) { said = append(said, s) }})
	w.do(SetVar{ID: 1, Name: "G", Value: "1"}, SetVar{ID: 2, Name: "GLOBAL(H)", Value: "2"}, SetVar{ID: 3, Name: "DB(f/k)", Value: "v"},
		SetVar{ID: 4, Name: "CALLERID(num)", Value: "5"}, SetVar{ID: 5, Name: "NOPE(x)", Value: "5"}, SetVar{ID: 6, Name: "HASH(a,b)", Value: "5"})
	for id := range uint64(6) {
		if r := w.replies[id+1]; (r.Error != "") != (id == 3 || id == 4) {
			t.Errorf("%d: %+v", id+1, r)
		}
	}
	if len(said) != 2 {
		t.Errorf("warnings: %q", said)
	}
	for expression, want := range map[string]string{
		"G": "1", "H": "2", "GLOBAL(H)": "2", "DB(f/k)": "v", "DB_RESULT": "", "LEN(abc)": "3", "EPOCH": "1795398286", "SYSTEMNAME": "alpha", "EXTEN": "",
		"CHANNEL(name)": "", "DEVICE_STATE(Custom:x)": "UNKNOWN", "none": "",
	} {
		if got, ok := w.p.Getvar("", expression); got != want || !ok {
			t.Errorf("%s: %q, want %q", expression, got, want)
		}
	}
}

// handled is a dialplan whose channels have handlers.
var handled = parsePlan(`
[test]
h: NoOp(h of ${EXTEN})
two: Set(CHANNEL(hangup_handler_push)=bye,s,1(first)); Set(CHANNEL(hangup_handler_push)=bye,s,1(second)); Answer(); Wait(1); Hangup(17)
pop: Set(CHANNEL(hangup_handler_push)=bye,s,1(first)); Set(CHANNEL(hangup_handler_pop)=bye,s,1(other)); Hangup()
wipe: Set(CHANNEL(hangup_handler_push)=bye,s,1); Set(CHANNEL(hangup_handler_push)=bye,s,1); Set(CHANNEL(hangup_handler_wipe)=); Hangup()
here: Set(CHANNEL(hangup_handler_push)=wait,1); Hangup()
wait: Wait(10); NoOp(never)
lost: Set(CHANNEL(hangup_handler_push)=nowhere,s,1); Hangup()
more: Set(CHANNEL(hangup_handler_push)=bye,add,1); Hangup()
[bye]
s: NoOp(${ARG1} ${HANGUPCAUSE}); Return()
add: Set(CHANNEL(hangup_handler_push)=bye,s,1(added)); Return()
`)

// brief is what was said of handlers and what they ran.
func brief(events []event) (out []string) {
	for i := range events {
		switch e := &events[i]; e.name {
		case "HangupHandlerPush", "HangupHandlerPop", "HangupHandlerRun":
			out = append(out, strings.TrimPrefix(e.name, "HangupHandler")+" "+e.get("Handler"))
		case "Newexten":
			if e.get("Application") == "NoOp" {
				out = append(out, e.get("AppData"))
			}
		case "SoftHangupRequest", "Hangup":
			out = append(out, e.name)
		}
	}
	return out
}

func TestHangupHandlers(t *testing.T) {
	t.Parallel()
	for exten, want := range map[string][]string{
		"two":  {"Push bye,s,1(first)", "Push bye,s,1(second)", "SoftHangupRequest", "h of h", "Run bye,s,1(second)", "second 17", "Run bye,s,1(first)", "first 17", "Hangup"},
		"pop":  {"Push bye,s,1(first)", "Pop bye,s,1(first)", "Push bye,s,1(other)", "SoftHangupRequest", "h of h", "Run bye,s,1(other)", "other 16", "Hangup"},
		"wipe": {"Push bye,s,1", "Push bye,s,1", "Pop bye,s,1", "Pop bye,s,1", "SoftHangupRequest", "h of h", "Hangup"},
		"here": {"Push test,wait,1", "SoftHangupRequest", "h of h", "Run test,wait,1", "Hangup"},
		"lost": {"Push nowhere,s,1", "SoftHangupRequest", "h of h", "Run nowhere,s,1", "Hangup"},
		"more": {"Push bye,add,1", "SoftHangupRequest", "h of h", "Run bye,add,1", "Push bye,s,1(added)", "Run bye,s,1(added)", "added 16", "Hangup"},
	} {
		w := newWorld(t, Config{Dialplan: handled})
		w.do(Incoming{Endpoint: "one", Context: "test", Exten: exten})
		w.run(5 * time.Second)
		if got := brief(w.events); !slices.Equal(got, want) {
			t.Errorf("%s: %q", exten, got)
		}
		check(t, w.text)
	}
}

// A channel without a dialplan has handlers too: they run before its last event, and nobody can use it meanwhile.
func TestAHandlerOfAChannelThatRunsNoDialplan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Dialplan: handled})
	w.do(Originate{Channel: "Sim/one", Application: "Wait", Data: "60", Async: true, Variables: []translator.Variable{{Name: "CHANNEL(hangup_handler_push)", Value: "bye,s,1(x)"}}})
	w.run(time.Second)
	w.do(Hangup{Channel: w.p.all()[0].name, Cause: 21})
	w.run(time.Second)
	if got, want := brief(w.events), []string{"Push bye,s,1(x)", "Run bye,s,1(x)", "x 21", "Hangup"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
