package manager

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
)

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
