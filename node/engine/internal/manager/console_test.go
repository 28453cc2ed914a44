package manager

import (
	"errors"
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
// TestChannelCommands: a call is made, shown, sent elsewhere and ended.
// done can be read again.
