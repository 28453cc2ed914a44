package pbx

import (
	"regexp"
	"strings"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
)

// plan is a dialplan for tests: contexts of extensions, each a list of steps. Labels are written label:App(args).
type plan map[string]map[string][]planStep

type planStep struct {
	Step
	label string
}

// parsePlan reads lines "[context]" and "exten: App(args); App(args)".
func parsePlan(text string) plan {
	p, context := plan{}, ""
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case line[0] == '[':
			context = strings.Trim(line, "[]")
			p[context] = map[string][]planStep{}
		default:
			exten, rest, _ := strings.Cut(line, ": ")
			for _, s := range strings.Split(rest, "; ") {
				step := planStep{}
				if m := labelled.FindStringSubmatch(s); m != nil {
					step.label, s = m[1], m[2]
				}
				name, args, _ := strings.Cut(s, "(")
				step.App, step.Args = name, strings.TrimSuffix(args, ")")
				p[context][exten] = append(p[context][exten], step)
			}
		}
	}
	return p
}

var labelled = regexp.MustCompile(`^(\w+):(\w+\(.*)$`)

func (p plan) Find(q Query) (Step, bool) {
	steps := p[q.Context][q.Exten]
	for i, s := range steps {
		if q.Label != "" && s.label == q.Label || q.Label == "" && i+1 == q.Priority {
			s.Priority = i + 1
			return s.Step, true
		}
	}
	return Step{}, false
}

func (p plan) More(q Query) bool {
	for e := range p[q.Context] {
		if len(e) > len(q.Exten) && strings.HasPrefix(e, q.Exten) {
			return true
		}
	}
	return false
}

func (p plan) Expand(text string, vars Vars) string { return dialplan.Substitute(vars, text) }

func (p plan) Get(name string, vars Vars) (string, bool) { return dialplan.Get(vars, name) }

func (p plan) Set(name, value string, vars Vars) bool { return dialplan.Set(vars, name, value) }

// office is the dialplan the captures were made with, as far as they show it.
var office = parsePlan(`
[test]
h: NoOp(hangup ${HANGUPCAUSE})
moh: Answer(); MusicOnHold(default,60)
echo: Answer(); Echo()
ans-1: Answer(); Wait(1); Hangup()
ans-2: Answer(); Wait(2); Hangup()
ans-20: Answer(); Wait(20); Hangup()
ans-30: Answer(); Wait(30); Hangup()
ans-60: Answer(); Wait(60); Hangup()
ring-1: Ringing(); Wait(1); Answer(); Wait(1); Hangup()
ring-2: Ringing(); Wait(1); Answer(); Wait(2); Hangup()
ring-3: Ringing(); Wait(1); Answer(); Wait(3); Hangup()
ring-5: Ringing(); Wait(1); Answer(); Wait(5); Hangup()
noanswer: Ringing(); Wait(60)
busy: Busy(3)
congestion: Congestion(3)
cause-1: Hangup(1)
cause-17: Hangup(17)
cause-21: Hangup(21)
cause-34: Hangup(34)
cause-38: Hangup(38)
cause-127: Hangup(127)
play: Answer(); Playback(tt-monkeys); Hangup()
dial-ring-3: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/ring-3@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial-busy: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/busy@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial-congestion: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/congestion@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial-ans-60: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/ans-60@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial-cause-1: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/cause-1@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial-cause-17: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/cause-17@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial-cause-21: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/cause-21@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial-cause-34: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/cause-34@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial-cause-38: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/cause-38@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial-cause-127: Set(CALLTYPE=out); Set(TENANT=t1); Dial(Local/cause-127@test/n,20,tTkK); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
dial2s-noanswer: Dial(Local/noanswer@test/n,2); NoOp(${DIALSTATUS}); Hangup()
nopeer: Dial(Sim/nosuchpeer,5); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Dial(Local/nonexistent@nowhere/n,5); NoOp(${DIALSTATUS} ${HANGUPCAUSE}); Hangup()
par: Dial(Local/ring-5@test/n&Local/noanswer@test/n&Local/busy@test/n,20); Hangup()
parfail: Dial(Local/busy@test/n&Local/cause-21@test/n,20); NoOp(${DIALSTATUS}); Hangup()
dialopt-play: Dial(Local/play@test,20,tT); Hangup()
park: Answer(); Park(default,s); Hangup()
senddtmf: Answer(); Wait(1); SendDTMF(0123456789*#ABCD,100,120); Wait(2); Hangup()
dtmf: Answer(); Read(DIGITS,,6,,1,10); NoOp(got ${DIGITS}); SendDTMF(159#,100,150); Wait(1); Hangup()
hello: Answer(); UserEvent(Hello,Node: alpha,Caller: ${CALLERID(num)}); Wait(5); Hangup()
uevents: Answer(); UserEvent(Plain); UserEvent(WithBody,Key: value,Key: second,Other: x); UserEvent(Ünïcode,Text: Grüße ☎ 日本語,Emoji: 😀); UserEvent(Colons,Time: 12:34:56,NoColonHere,Url: http://x/y?z=1); UserEvent(Empty,Blank:,Space: ); UserEvent(Clash,Event: Fake,Privilege: root\,all,Uniqueid: 1.1,ActionID: 77,Channel: Local/x,SystemName: other); Hangup()
named: Set(CALLERID(name)=Zoë “Quoted” Müller); Set(CALLERID(num)=+49 30 901820); Set(CALLTYPE=named); Set(TENANT=Bäckerei & Söhne); Answer(); Wait(1); Hangup()
simbravo-hello: Dial(Sim/bravo/hello,20,tT); Hangup()
optbravo-play: Dial(Local/iaxbravo-play@test,20); Hangup()
iaxbravo-play: Dial(Sim/bravo,20,tT); Hangup()
vars: Answer(); Set(i=0); While($[${i} < 50]); Set(V${i}=value ${i} of ${CHANNEL}); Set(__INH${i}=inherit;with\,comma); Set(i=$[${i} + 1]); EndWhile(); Set(EMPTY=); Set(JSON={"a":[1,2],"b":"x: y"}); Set(SPACED=  lead and trail  ); Set(COLON=a: b: c); Set(GLOBAL(LASTVARS)=${UNIQUEID}); Set(HASH(color,red)=1); Set(ARRAY(A1,A2,A3)=one\,two\,three); MSet(M1=1,M2=2); Gosub(subr,s,1(arg one,arg2)); Hangup()
[subr]
s: NoOp(sub ${ARG1} ${ARG2}); Set(LOCAL(lv)=local value); Return(retval)
[transfer]
h: NoOp(hangup ${HANGUPCAUSE})
2000: Answer(); Wait(30); Hangup()
`)
