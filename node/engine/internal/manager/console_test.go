package manager

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/node/engine/internal/plan"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

const testPlan = `[globals]
[empty]
[test]
exten => ans-20,1,Answer()
 same => n,Wait(20)
exten => dial-ans-20,1,Set(CALLTYPE=out)
 same => n,Set(TENANT=t1)
 same => n,Dial(Local/ans-20@test/n,20,tTkK)
exten => 1000,hint,Custom:dev1,CustomPresence:dev1
exten => 1001,hint,Custom:agent1
exten => 1002,hint,Custom:agent2&Custom:dev1
exten => 1004,hint,park:701@parkedcalls
exten => 1005,hint,confbridge:1000
[inner]
exten => _10.,1,NoOp(inner)
include => test
ignorepat => 9
[outer]
exten => 1001/555,1,NoOp
 same => n(label),Hangup
include => inner
include => empty
`

// console is a world with a dialplan; the lines of its context subr are those of the recorded one.
func console(t *testing.T, dir string) *world {
	t.Helper()
	text := testPlan
	text += strings.Repeat("\n", 249-strings.Count(text, "\n")) +
		"[subr]\nexten => s,1,NoOp(sub ${ARG1} ${ARG2})\n same => n,Set(LOCAL(lv)=local value)\n same => n,Return(retval)\n"
	d, problems := dialplan.Parse("/etc/extensions.conf", text, dialplan.Options{})
	if d == nil {
		t.Fatal(problems)
	}
	start := time.Unix(1_700_000_000, 0).UTC()
	w := newWorld(t, pbx.Config{SystemName: "alpha", Dialplan: plan.Of(d)}, Config{
		SystemName: "alpha", Version: "22.10.1", ConfigDir: dir, Plan: func() *dialplan.Dialplan { return d },
		Started: func() (time.Time, time.Time) { return start, start },
		Now:     func() time.Time { return start.Add(8*time.Minute + 45*time.Second) },
	})
	w.run(0)
	return w
}

// answers are the texts of the answers in a recording, by ActionID, with what was asked.
func answers(t *testing.T, folder string) (asked []*ami.Message, answered []string) {
	t.Helper()
	c, err := capture.OpenDir(filepath.Join("../../../../testdata/captures", folder), "alpha")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Messages {
		if m.Action == nil || m.Action.IsAction("Login") || m.Action.IsAction("Logoff") {
			continue
		}
		var b strings.Builder
		b.Write(m.Text.Bytes())
		for _, more := range m.Rest {
			b.Write(more.Bytes())
		}
		asked, answered = append(asked, m.Action), append(answered, b.String())
	}
	if len(asked) == 0 {
		t.Fatal("an empty recording")
	}
	return asked, answered
}

// act sends an action as it is and returns the text of the answer.
func (w *world) act(action *ami.Message) string {
	w.t.Helper()
	var out strings.Builder
	if err := w.m.Do(w.t.Context(), action, func(m *ami.Message) error { out.Write(m.Bytes()); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return out.String()
}

// command runs one and returns its output, and whether it went well.
func (w *world) command(line string) (output string, ok bool) {
	w.t.Helper()
	answer, err := ami.ParseMessage([]byte(w.do("Action", "Command", "Command", line)))
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	for l := range answer.Output() {
		lines = append(lines, string(l))
	}
	return strings.Join(lines, "\n"), string(answer.Get("Response")) == "Success"
}

// unlike are the recorded commands that the engine answers in another way, or not at all.
var unlike = []string{"core show channels", "core show channels verbose", "core show channels concise", "core show version", "iax2 show peers", "queue show", "core show application Dial",
	"manager show connected", "module show like app_", "core set verbose 0"}

func TestRecordedCommands(t *testing.T) {
	t.Parallel()
	w := console(t, "")
	w.run(time.Second)
	w.step(0, 0, pbx.DBPut{Family: "IAX", Key: "Registry/regcharlie", Value: "127.0.0.1:36569:60"},
		pbx.DBPut{Family: "pbx", Key: "UUID", Value: "3aaf3906-4f2a-4a77-9349-cc4cd124f618"})
	asked, answered := answers(t, "command-action")
	compared := 0
	for i, a := range asked {
		line := string(a.Get("Command"))
		if !a.IsAction("Command") || slices.Contains(unlike, line) {
			continue
		}
		want := answered[i]
		if line == "core show hints" { // the far end of one is IAX2, and there are no conferences
			want = regexp.MustCompile("(confbridge:.*)State:Idle       ").ReplaceAllString(want, "${1}State:Unavailable")
			want = regexp.MustCompile("Output: 1003@test.*\r\n").ReplaceAllString(strings.Replace(want, "- 6 hints", "- 5 hints", 1), "")
		}
		compared++
		if got := w.act(a); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", line, got, want)
		}
	}
	if compared < 10 {
		t.Errorf("only %d compared", compared)
	}
}

// TestRecordedChannels: the lists of channels, but for the order of the rows and what is made anew each time.
func TestRecordedChannels(t *testing.T) {
	t.Parallel()
	asked, answered := answers(t, "command-action")
	w := console(t, "")
	answer := w.act(asked[0])
	if answer != answered[0] {
		t.Errorf("Originate: %s", answer)
	}
	w.run(600 * time.Millisecond)
	id := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+|alpha-\d+\.\d+`)
	rows := func(text string) []string {
		text = regexp.MustCompile(`\d+ calls? processed`).ReplaceAllString(text, "N calls processed")
		text = strings.NewReplacer("00000065", "0000000A", "00000066", "0000000B", "00000000;", "0000000A;", "00000001;", "0000000B;").Replace(text)
		lines := strings.Split(id.ReplaceAllString(text, "ID"), "\r\n")
		slices.Sort(lines)
		return lines
	}
	for i, a := range asked {
		if !strings.HasPrefix(string(a.Get("Command")), "core show channels") {
			continue
		}
		got, want := rows(w.act(a)), rows(answered[i])
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant:\n%s", a.Get("Command"), strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if got, ok := w.command("core show channels count"); !ok || got != "4 active channels\n3 active calls\n3 calls processed" {
		t.Errorf("count: %q", got)
	}
}

func TestRecordedConfigActions(t *testing.T) {
	t.Parallel()
	asked, answered := answers(t, "config-actions")
	dir := t.TempDir()
	w := console(t, dir)
	if err := w.m.files.Seed(); err != nil {
		t.Fatal(err)
	}
	queues := &strings.Builder{}
	for i, a := range asked {
		if a.IsAction("GetConfig") && string(a.Get("Filename")) == "queues.conf" {
			for _, l := range regexp.MustCompile(`(?m)^(Category|Line)[-0-9]+: ([^\r]*)`).FindAllStringSubmatch(answered[i], -1) {
				if l[1] == "Category" {
					l[2] = "[" + l[2] + "]"
				}
				fmt.Fprintln(queues, l[2])
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "queues.conf"), []byte(queues.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, a := range asked {
		if got := w.act(a); got != answered[i] {
			t.Errorf("%s:\n%s\nwant:\n%s", a.Bytes(), got, answered[i])
		}
	}
	const written = ";!\n;! Automatically generated configuration file\n;! Filename: amitest2.conf (%s)\n;! Generator: Manager\n;! Creation Date: Tue Nov 14 22:22:05 2023\n;!\n"
	got, err := os.ReadFile(filepath.Join(dir, "amitest2.conf"))
	if want := fmt.Sprintf(written, filepath.Join(dir, "amitest2.conf")); err != nil || string(got) != want {
		t.Errorf("left is %q, %v; want %q", got, err, want)
	}
}

// TestRecordedReload: what is answered and what is raised. The engine has no modules to load, and CDR is not built.
func TestRecordedReload(t *testing.T) {
	t.Parallel()
	asked, answered := answers(t, "reload")
	w := console(t, "")
	reloads := 0
	w.m.cfg.Reload = func() error { reloads++; return nil }
	for i, a := range asked {
		module := string(a.Get("Module"))
		if a.IsAction("Ping") || module == "app_queue" || module == "cdr_manager.so" || module == "app_userevent.so" {
			continue
		}
		w.events = nil
		if got := w.act(a); got != answered[i] {
			t.Errorf("%s:\n%s\nwant:\n%s", a.Bytes(), got, answered[i])
		}
		if a.IsAction("Reload") {
			status := map[string]string{"nope": "2"}[module]
			want := "Event: Reload\r\nPrivilege: system,all\r\nSystemName: alpha\r\nModule: " + or(module, "All") + "\r\nStatus: " + or(status, "0") + "\r\n\r\n"
			if got := strings.Join(w.events, ""); got != want {
				t.Errorf("%s raises %q, want %q", a.Bytes(), got, want)
			}
		}
	}
	if reloads != 2 { // dialplan reload, and that of everything
		t.Errorf("the dialplan was read %d times", reloads)
	}
	if got := w.do("Action", "Reload", "Module", "app_dial"); !strings.Contains(got, "Module does not support reload") {
		t.Errorf("app_dial: %s", got)
	}
	w.m.cfg.Reload = func() error { return errors.New("line 3 is bad") }
	if got := w.do("Action", "Reload", "Module", "pbx_config.so"); !strings.Contains(got, "Message: An unknown error occurred") {
		t.Errorf("a dialplan that cannot be read: %s", got)
	}
	if got, ok := w.command("dialplan reload"); ok || got != "line 3 is bad\nCommand 'dialplan reload' failed." {
		t.Errorf("a dialplan that cannot be read: %q", got)
	}
	for typ, want := range map[string]string{"reload": "Success\r\nMessage: All modules reloaded", "": "Error\r\nMessage: Incomplete ModuleLoad action."} {
		w.m.cfg.Reload = nil
		if got := w.do("Action", "ModuleLoad", "LoadType", typ); got != "Response: "+want+"\r\n\r\n" {
			t.Errorf("ModuleLoad %q: %q", typ, got)
		}
	}
}

// TestRecordedLists: the answers about the dialplan, the core and the modules.
func TestRecordedLists(t *testing.T) {
	t.Parallel()
	asked, answered := answers(t, "list-actions-idle")
	w := console(t, "")
	compared := 0
	for i, a := range asked {
		want := answered[i]
		switch a.Action() {
		case "CoreSettings":
			want = strings.NewReplacer("CoreMaxFilehandles: 20000", "CoreMaxFilehandles: 0", "CDRenabled: Yes", "CDRenabled: No",
				"HTTPenabled: Yes", "HTTPenabled: No").Replace(want)
		case "CoreStatus":
			want = strings.NewReplacer("2026-11-23", "2023-11-14", "01:42:01", "22:13:20", "Calls: 118", "Calls: 0").Replace(want)
		case "ShowDialPlan":
			if string(a.Get("Context")) == "dyn" { // made by an action
				continue
			}
		case "ModuleCheck", "LoggerRotate":
		default:
			continue
		}
		compared++
		if got := w.act(a); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", a.Bytes(), got, want)
		}
	}
	if compared != 8 {
		t.Errorf("%d compared", compared)
	}
}

// TestCommands: what no recording shows, as the C code writes it.
func TestCommands(t *testing.T) {
	t.Parallel()
	w := console(t, "")
	w.step(0, 0, pbx.DBPut{Family: "a", Key: "b/c", Value: "1"}, pbx.DBPut{Family: "ab", Key: "c", Value: "2"})
	for line, want := range map[string]string{
		"core show uptime seconds": "System uptime: 525\nLast reload: 525",
		"  CORE  show\tuptime ":    "System uptime: 8 minutes, 45 seconds\nLast reload: 8 minutes, 45 seconds",
		"database show A": "/a/b/c                                            : 1                        \n" +
			"1 results found.",
		"database show a/b": "/a/b/c                                            : 1                        \n1 results found.",
		"database show a b": "/a/b/c                                            : 1                        \n1 results found.",
		"database show x":   "0 results found.",
		"database showkey c": "/a/b/c                                            : 1                        \n" +
			"/ab/c                                             : 2                        \n2 results found.",
		"dialplan show empty": "[ Context 'empty' created by 'pbx_config' ]\n\n-= 0 extensions (0 priorities) in 1 context. =-",
		"dialplan show outer": "[ Context 'outer' created by 'pbx_config' ]\n" +
			"  '1001' (CID match '555') =>  1. NoOp()                                     [extensions.conf:19]\n" +
			"     [label]        2. Hangup()                                   [extensions.conf:20]\n" +
			"  Include =>        'inner'                                       [pbx_config]\n" +
			"  Include =>        'empty'                                       [pbx_config]\n\n" +
			"-= 1 extension (2 priorities) in 1 context. =-",
		"dialplan show 1001@outer": "[ Context 'outer' created by 'pbx_config' ]\n" +
			"  '1001' (CID match '555') =>  1. NoOp()                                     [extensions.conf:19]\n" +
			"     [label]        2. Hangup()                                   [extensions.conf:20]\n" +
			"[ Included context 'inner' created by 'pbx_config' ]\n" +
			"  '_10.' =>         1. NoOp(inner)                                [extensions.conf:15]\n" +
			"[ Included context 'test' created by 'pbx_config' ]\n" +
			"  '1001' =>         hint: Custom:agent1                           [extensions.conf:10]\n\n\n\n" +
			"-= 3 extensions (4 priorities) in 3 contexts. =-",
		"core show applications like sendd": "    -= Matching Asterisk Applications =-\n              SendDTMF: Send digits.\n    -= 1 Applications Matching =-",
		"core show functions like LE": "Matching Custom Functions:\n" + strings.Repeat("-", 80) +
			"\nCALLERID              CALLERID(datatype[,CID])             The caller's number and name.\n" +
			"LEN                   LEN(string)                          The length of a text.\n2 matching custom functions installed.",
		"core show help parking":       "parking show                   -- Show a parking lot or a list of all parking lots.",
		"core show help nothing":       "No such command 'nothing'.",
		"channel request hangup none":  "none is not a known channel",
		"channel request hangup /no/":  "/no/ did not match a known channel",
		"channel request hangup Sim/*": "Sim/* did not match a known channel",
		"channel request hangup all":   "",
		"core show channels concise":   "",
		"core show channels count":     "0 active channels\n0 active calls\n0 calls processed",
	} {
		if got, ok := w.command(line); !ok || got != want {
			t.Errorf("%s (%v):\n%q\nwant:\n%q", line, ok, got, want)
		}
	}
	for line, want := range map[string]string{
		"dialplan show none":          "There is no existence of 'none' context\nCommand 'dialplan show none' failed.",
		"dialplan show 9@test":        "There is no existence of 9@test extension\nCommand 'dialplan show 9@test' failed.",
		"dialplan show 9@":            "There is no existence of '9' extension in all contexts\nCommand 'dialplan show 9@' failed.",
		"core show application X":     "Your application(s) is (are) not registered\nCommand 'core show application X' failed.",
		"core show function X":        "No function by that name registered.\nCommand 'core show function X' failed.",
		"channel redirect none 1":     "Channel 'none' not found\nCommand 'channel redirect none 1' failed.",
		"core show channels nonsense": "Usage: core show channels [concise|verbose|count]\n       Lists the channels there are. 'concise' is for programs, 'verbose' shows\n       more columns, 'count' only the numbers of channels and calls.",
		`"foo`:                        `No such command '"foo' (type 'core show help foo' for other possible commands)`,
		"dialplan":                    "No such command 'dialplan' (type 'core show help dialplan' for other possible commands)",
	} {
		if got, ok := w.command(line); ok || got != want {
			t.Errorf("%s (%v):\n%q\nwant:\n%q", line, ok, got, want)
		}
	}
	if got := w.do("Action", "Command", "Command", "Module  LOAD x"); got != "Response: Error\r\nMessage: Command blacklisted\r\n\r\n" {
		t.Errorf("a command on the black list: %q", got)
	}
	if all, ok := w.command("core show applications"); !ok || strings.Contains(all, "not available") {
		t.Errorf("applications that nothing is said about:\n%s", all)
	}
	for _, f := range functions() {
		if f.synopsis == "" {
			t.Errorf("nothing is said about the function %s", f.name)
		}
	}
	for _, line := range []string{"core show version", "manager show commands", "core show help", "core show application Dial", "core show function LEN", "dialplan show"} {
		if got, ok := w.command(line); !ok || got == "" {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// TestChannelCommands: a call is made, shown, sent elsewhere and ended.
func TestChannelCommands(t *testing.T) {
	t.Parallel()
	w := console(t, "")
	if got, ok := w.command("channel originate Local/ans-20@test/n extension dial-ans-20@test"); !ok || got != "" {
		t.Fatalf("originate: %q", got)
	}
	w.run(time.Second)
	if got, ok := w.command("core show channel Local/ans-20@test-00000000;1"); !ok || !strings.Contains(got, "\n    Application: Dial\n           Data: Local/ans-20@test/n,20,tTkK\n") ||
		!strings.Contains(got, "      Variables:\nDIALEDPEERNUMBER=ans-20@test/n\n") && !strings.Contains(got, "\nTENANT=t1\n") {
		t.Errorf("core show channel: %s", got)
	}
	to := "channel redirect Local/ans-20@test-00000000;1 test,ans-20,2"
	if got, ok := w.command(to); !ok || got != "Channel 'Local/ans-20@test-00000000;1' successfully redirected to test,ans-20,2" {
		t.Errorf("redirect: %q", got)
	}
	w.run(time.Second)
	if got, ok := w.command("channel request hangup Local/*;1"); !ok || got != "Requested Hangup on channel 'Local/ans-20@test-00000000;1'" {
		t.Errorf("hangup: %q", got)
	}
	w.run(time.Second)
	if got, _ := w.command("core show channels count"); got != "0 active channels\n0 active calls\n3 calls processed" {
		t.Errorf("afterwards: %q", got)
	}
	if got, ok := w.command("channel originate Local extension"); ok || !strings.HasPrefix(got, "*** No data provided after channel type! ***\nUsage1:") {
		t.Errorf("originate nothing: %q", got)
	}
}

func TestParkingShow(t *testing.T) {
	t.Parallel()
	w := console(t, "")
	lot := fmt.Sprintf(parkingLot, "default", 701, 720, 45)
	if got, ok := w.command("parking show"); !ok || got+"\n" != "\nParking General Options\n-----------------------\nDynamic Parking     :  no\n\n"+lot+"\n" {
		t.Errorf("all: %q", got)
	}
	if got, ok := w.command("parking show none"); !ok || got != "\nCould not find parking lot 'none'\n" {
		t.Errorf("none: %q", got)
	}
	w.do("Action", "Originate", "Channel", "Local/ans-20@test/n", "Application", "Park", "Async", "yes")
	w.run(time.Second)
	want := "\n" + lot + "Parked Calls\n------------\n  Space               :  701\n  Channel             :  Local/ans-20@test-00000000;1\n" +
		"  Parker Dial String  :  Local/ans-20@test\n\n\n"
	if got, ok := w.command("parking show default"); !ok || got+"\n" != want {
		t.Errorf("a call:\n%q\nwant:\n%q", got+"\n", want)
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int]string{0: "0 seconds", 1: "1 second", 60: "60 seconds", 61: "1 minute, 1 second", 120: "2 minutes",
		3600: "60 minutes", 86400 * 366: "1 year, 24 hours", 86400*8 + 3661: "1 week, 1 day, 1 hour, 1 minute, 1 second"} {
		if got := span(time.Duration(seconds)*time.Second, false); got != want {
			t.Errorf("%d is %q, want %q", seconds, got, want)
		}
	}
}

func TestShowDialPlan(t *testing.T) {
	t.Parallel()
	w := console(t, "")
	for query, want := range map[string]string{
		"none/":       "Message: Did not find context none",
		"/9":          "Message: Did not find extension 9 in any context",
		"test/9":      "Message: Did not find extension 9@test",
		"outer/1001":  "ListItems: 4\r\nListExtensions: 3\r\nListPriorities: 4\r\nListContexts: 4",
		"empty/":      "ListItems: 0\r\nListExtensions: 0\r\nListPriorities: 0\r\nListContexts: 1",
		"inner/":      "Context: inner\r\nIgnorePattern: 9\r\nRegistrar: pbx_config\r\n",
		"outer/":      "Context: outer\r\nIncludeContext: inner\r\nRegistrar: pbx_config\r\n",
		"test/1000":   "Context: test\r\nExtension: 1000\r\nPriority: hint\r\nApplication: Custom:dev1,CustomPresence:dev1\r\nRegistrar: pbx_config\r\n",
		"outer/1001 ": "Extension: 1001\r\nExtensionLabel: label\r\nPriority: 2\r\nApplication: Hangup\r\nAppData: \r\n",
	} {
		context, exten, _ := strings.Cut(strings.TrimSpace(query), "/")
		if got := w.do("Action", "ShowDialPlan", "Context", context, "Extension", exten); !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant:\n%s", query, got, want)
		}
	}
}

// FuzzConfigActions: whatever the file and the action, nothing panics, nothing is made outside of the directory, and what says that it is
// done can be read again.
func FuzzConfigActions(f *testing.F) {
	f.Add("[a]\nx=1\n", "a.conf", "a.conf", "Action-000000: NewCat\r\nCat-000000: b\r\nAction-000001: Append\r\nCat-000001: b\r\nVar-000001: v\r\nValue-000001: >w;")
	f.Add("[t](!)\nx=1\n[a](t)\n", "a.conf", "../b", "Action-000000: NewCat\r\nCat-000000: b\r\nOptions-000000: template, inherit=\"t\", allowdups")
	f.Add("[a]\nx=1\n", " a.conf", "b.conf", "Action-000000: Update\r\nCat-000000: a\r\nVar-000000: x\r\nMatch-000000: 1\r\nValue-000000: 2")
	f.Add("[a]\nx=1\n", "a.conf", "a.conf", "Action-000000: Insert\r\nCat-000000: a\r\nVar-000000: #exec\r\nLine-000000: -5\r\nAction-000001: Delete\r\nCat-000001: a\r\nLine-000001: 0")
	f.Add("[a]\nx=1\n", "a.conf", "a.conf", "Action-000000: RenameCat\r\nCat-000000: a\r\nValue-000000: b](\r\nAction-000001: EmptyCat\r\nCat-000001: a\r\nAction-000002: DelCat\r\nCat-000002: a")
	f.Fuzz(func(t *testing.T, text, from, to, changes string) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "etc")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, pbx.Config{}, Config{ConfigDir: dir})
		action, err := ami.ParseMessage([]byte("Action: UpdateConfig\r\n" + changes + "\r\n\r\n"))
		if err != nil {
			return
		}
		action.Add("SrcFilename", from).Add("DstFilename", to)
		done := strings.HasPrefix(w.act(action), "Response: Success")
		for _, name := range []string{from, to, "a.conf"} {
			for _, action := range []string{"GetConfig", "GetConfigJSON", "ListCategories"} {
				got := w.do("Action", action, "Filename", name, "Filter", changes, "Match", changes)
				if done && name == to && !strings.HasPrefix(got, "Response: Success") {
					t.Fatalf("%q was written, and %s says %s", to, action, got)
				}
			}
		}
		w.do("Action", "CreateConfig", "Filename", to)
		if all, err := os.ReadDir(outer); err != nil || len(all) != 1 {
			t.Fatalf("made outside: %v, %v", all, err)
		}
	})
}
