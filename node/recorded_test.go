package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami/capture"
)

const captures = "../testdata/captures"

// captureDifferences are what a client of a node gets otherwise than the recorded client did, on purpose: by action, and why.
var captureDifferences = map[string]string{
	"IAXnetstats": "without a call it says nothing but an empty line, which breaks eight clients and leaves others waiting: a Response says so (4.10)",
	"QueueRule":   "its second empty line is left out: an empty message breaks eight clients (4.10, clients.md 13)",
}

// recordedItems are what the recordings show: the text has a match in what the client got.
var recordedItems = []struct{ item, recording, text string }{
	{"4.4", "list-actions-idle/alpha", `^Response: Success\r\nActionID: \S+\r\nEventList: start\r\nMessage: `},
	{"4.4", "list-actions-idle/alpha", `^ActionID: \S+\r\nEventList: Complete\r\nListItems: 1\r\n\r\n`},
	{"4.4", "list-actions-no-actionid/alpha", `^Event: CoreShowChannelsComplete\r\nEventList: Complete\r\nListItems: \d+\r\n\r\n`},
	{"4.7", "list-actions-busy/alpha", `^Event: Status\r\nPrivilege: Call\r\n`},
	{"4.7", "list-actions-busy/alpha", `^Event: CoreShowChannel\r\nActionID: `},
	{"4.13", "getvar-setvar/alpha", `^Variable: NONE\r\nValue: \r\n\r\n`},
	{"4.13", "getvar-setvar/alpha", `^Variable: SHELL\(.*\)\r\nValue: one\ntwo\n\r\n`},
	{"4.14", "config-actions/alpha", `^Message: Filename not specified\r\n`},
	{"15.1", "command-action/alpha", `^Response: Success\r\nActionID: \S+\r\nMessage: Command output follows\r\nOutput: `},
	{"15.1", "command-action/alpha", `^Response: Error\r\nActionID: \S+\r\nMessage: Command output follows\r\nOutput: No such command`},
	{"15.1", "command-action/alpha", `^Output: \r\nOutput: `},
	{"15.3", "command-action/alpha", `^Message: No command provided\r\n`},
	{"16.2", "hangup-variants/alpha", `^EventList: start\r\nMessage: Channels hung up will follow\r\n\r\nEvent: ChannelsHungupListComplete\r\n`},
	{"16.2", "voicemail/alpha", `^Message: Channels hung up will follow\r\n\r\nEvent: ChannelHungup\r\n`},
	{"16.2", "hangup-variants/alpha", `^Message: Regex compile failed on: /\(/\r\n`},
	{"16.3", "redirect/alpha", `^Message: Dual Redirect successful\r\n`},
	{"16.4", "originate-sync/alpha", `^Message: Originate failed\r\n`},
	{"16.8", "getvar-setvar/alpha", `^Message: Variable Set\r\n`},
	{"16.9", "list-actions-busy/alpha", `^Variable: CALLTYPE=.*\r\nVariable: NODE=`},
	{"16.12", "list-actions-idle/alpha", `^Message: Extension Status\r\nExten: none\r\nContext: test\r\nHint: \r\nStatus: -1\r\nStatusText: Unknown\r\n`},
	{"16.13", "list-actions-idle/alpha", `^Message: Mailbox Status\r\nMailbox: .*\r\nWaiting: 0\r\n`},
	{"16.13", "voicemail/alpha", `^Message: Mailbox Message Count\r\nMailbox: .*\r\nUrgMessages: 0\r\nNewMessages: \d+\r\nOldMessages: 0\r\n`},
	{"16.16", "config-actions/alpha", `^Category-000000: .*\r\nLine-000000-000000: `},
	{"16.17", "config-actions/alpha", `^Message: Given category does not exist\r\n`},
	{"16.19", "list-actions-busy/alpha", `^Event: CoreShowChannelsComplete\r\n`},
	{"16.20", "list-actions-busy/alpha", `^Uniqueid: alpha-\d+\.\d+\r\n`},
}

// TestRecordedAnswers: a client of a node gets, to every action of the recordings, what the client of the recorded Asterisk got, byte for
// byte but for captureDifferences. The Asterisk of the node is the recording itself; between the two are the link to it, its actions, and
// the session. Recordings of logins and of users without rights are amiserver's.
//
//ami:same 4.4 4.6 4.7 4.13 4.14 15.1 15.3 16.2 16.3 16.4 16.8 16.9 16.12 16.13 16.16 16.17 16.20
//ami:differs 4.10 where raw text is due and there is none, a Response says so; of two empty lines one is passed on, since an empty message breaks eight clients
//ami:na 16.19 the Asterisk takes the lists, and they are passed on
//ami:client 9
func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	others := regexp.MustCompile(`^(login|malformed|events|filter|permissions|security|logoff|action-before|http|busy|stalled)`)
	readmes, err := filepath.Glob(captures + "/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, readme := range readmes {
		dir := filepath.Dir(readme)
		if others.MatchString(filepath.Base(dir)) {
			continue
		}
		instances, err := capture.Instances(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, instance := range instances {
			c, err := capture.OpenDir(dir, instance)
			if err != nil {
				t.Fatal(err)
			}
			dialogues := dialoguesOf(c)
			if len(dialogues) == 0 {
				continue
			}
			ran++
			t.Run(filepath.Base(dir)+"/"+instance, func(t *testing.T) {
				t.Parallel()
				got := compareAnswers(t, c, dialogues)
				for _, i := range recordedItems {
					if i.recording == filepath.Base(dir)+"/"+instance && !regexp.MustCompile("(?m)"+i.text).MatchString(got) {
						t.Errorf("%s: no match of %s in what the client got", i.item, i.text)
					}
				}
				if strings.Contains(got, "EventList: cancelled") {
					t.Error("4.6: a list was cancelled")
				}
			})
		}
	}
	if ran < 40 {
		t.Errorf("only %d recordings", ran)
	}
}

// TestRecordedAnswersElsewhere: what a client of another node, which has no Asterisk, gets to the same actions, is the same.
func TestRecordedAnswersElsewhere(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"list-actions-busy", "list-actions-no-actionid", "config-actions", "db-actions", "getvar-setvar", "redirect", "command-action", "hangup-variants",
		"queue-member-actions", "call-bridge-action", "agi-async"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			c, err := capture.OpenDir(captures+"/"+dir, "alpha")
			if err != nil {
				t.Fatal(err)
			}
			owner := startBeside(t, c)
			others := newTestCluster(t, 10*time.Second)
			others.join = owner.MemberAddr()
			bravo := &testNode{name: "bravo", dir: t.TempDir()}
			others.start(bravo)
			t.Cleanup(bravo.down)
			eventually(t, "bravo knows the owner", func() bool { s := bravo.sources(); return len(s) == 1 && s[0].SystemName == "alpha" && !s[0].Missing })
			dialogues := slices.DeleteFunc(dialoguesOf(c), func(d dialogue) bool { // this node answers those itself
				return regexp.MustCompile(`^(?i)Action: (Ping|ListCommands|LoggerRotate|UserEvent|CoreSettings|CoreStatus)\r`).MatchString(d.action)
			})
			for i := range dialogues {
				d := &dialogues[i]
				d.action = strings.TrimSuffix(d.action, "\r\n") + "SystemName: alpha\r\n\r\n"
			}
			client, err := login(t, bravo.AMI(), "plain", "Events: off")
			if err != nil {
				t.Fatal(err)
			}
			compareDialogues(t, client, dialogues)
		})
	}
}

// TestAnswersOfTheSource: what no recording has. Whatever the Asterisk answers is passed on as it is.
//
//ami:same 4.9 15.2 15.3 15.4 16.1 16.3 16.4 16.9 16.14 16.16 16.18 16.20
//ami:differs 3.8 the answer is passed on, and the session stays
//ami:differs 4.3 the id on the way to the Asterisk is a short one of ours, so nothing of the client's is cut, nor glued to the next header
//ami:client 8 12
func TestAnswersOfTheSource(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("i", 1000)
	list := func(id, action, message, items string, n int) dialogue {
		return dialogue{"Action: " + action + "\nActionID: " + id, "Response: Success\nActionID: " + id + "\nEventList: start\nMessage: " + message + "\n\n" + items +
			"Event: " + action + "Complete\nActionID: " + id + "\nEventList: Complete\nListItems: " + strconv.Itoa(n) + "\n\n"}
	}
	answer := func(id, text string) string { return strings.Replace(text, "\n", "\nActionID: "+id+"\n", 1) + "\n\n" }
	dialogues := []dialogue{
		list(long, "CoreShowChannels", "Channels will follow", "Event: CoreShowChannel\nActionID: "+long+"\nChannel: SIP/1\n\n", 1), // 4.3
		{"Action: QueuePause\nActionID: 3.8", answer("3.8", "Response: Error\nMessage: Permission denied")},
		{"Action: Park\nActionID: 4.9\nChannel: SIP/1", answer("4.9", "Response: Success\nMessage: Park successful\a")},
		{"Action: Command\nActionID: 15.2\nCommand: x", "Response: Follows\nPrivilege: Command\nActionID: 15.2\none\a\a  two\a--END COMMAND--\n\n"},
		{"Action: Command\nActionID: 15.3\nCommand: module  LOAD x", answer("15.3", "Response: Error\nMessage: Command blacklisted")},
		{"Action: Command\nActionID: 15.4\nCommand: x", answer("15.4", "Response: Success\nMessage: Command output follows\nOutput: a\x1b\r"+strings.Repeat("x", 5000))},
		{"Action: Hangup\nActionID: 16.1\nChannel: ALPHA-1700000000.1", answer("16.1", "Response: Success\nMessage: Channel Hungup")},
		{"Action: Redirect\nActionID: 16.3", answer("16.3", "Response: Error\nMessage: Channel not specified")},
		{"Action: Redirect\nActionID: 16.3b\nChannel: x", answer("16.3b", "Response: Error\nMessage: Context not specified")},
		{"Action: Originate\nActionID: 16.4\nChannel: SIP/1\nPriority: x", answer("16.4", "Response: Error\nMessage: Invalid priority")},
		{"Action: Originate\nActionID: 16.4b\nChannel: SIP", answer("16.4b", "Response: Error\nMessage: Invalid channel")},
		{"Action: Originate\nActionID: 16.4c\nChannel: SIP/1\nChannelId: " + strings.Repeat("x", 150),
			answer("16.4c", "Response: Error\nMessage: Uniqueid length exceeds maximum of 149\a")},
		list("16.9", "Status", "Channel status will follow",
			"Event: Status\nPrivilege: Call\nActionID: 16.9\nChannel: SIP/1\nVariable: b=2\nVariable: a=1\nVariable: ALL=x\n\n", 1),
		{"Action: PresenceState\nActionID: 16.14\nProvider: x", answer("16.14", "Response: Success\nMessage: Presence State\nState: available\nMessage: Here")},
		{"Action: GetConfig\nActionID: 16.16\nFilename: /etc/passwd", answer("16.16", "Response: Error\nMessage: File requires escalated privileges")},
		list("16.18", "BridgeList", "Bridge listing will follow", "", 0),
		{"Action: Getvar\nActionID: 16.20\nChannel: x\nVariable: CHANNEL(uniqueid)", answer("16.20", "Response: Success\nVariable: CHANNEL(uniqueid)\nValue: alpha-1700000000.1;2")},
	}
	wire := strings.NewReplacer("\n", "\r\n", "\a", "\n")
	stream := wire.Replace("Asterisk Call Manager/11.0.0\nResponse: Success\nMessage: Authentication accepted\n\n")
	sent := wire.Replace("Action: Login\nUsername: admin\nSecret: secret\n\n")
	for i := range dialogues {
		d := &dialogues[i]
		d.action, d.answer = wire.Replace(d.action+"\n\n"), wire.Replace(d.answer)
		sent, stream = sent+d.action, stream+d.answer
	}
	c, err := capture.Open(fstest.MapFS{
		"x.ami": {Data: []byte(stream)}, "x.sent": {Data: []byte(sent)},
		"x.reads.jsonl": {Data: fmt.Appendf(nil, "{\"t\": 1.0, \"off\": 0, \"len\": %d}\n", len(stream))},
	}, "x")
	if err != nil {
		t.Fatal(err)
	}
	compareAnswers(t, c, dialogues)
}

// dialogue is an action and all that is sent in answer to it.
type dialogue struct{ action, answer string }

// dialoguesOf are the actions of a recording that are not about its session.
func dialoguesOf(c *capture.Capture) (all []dialogue) {
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.Kind != capture.Answer || m.Action == nil || strings.HasSuffix(c.Instance, "-driver") && m.Action.IsAction("UserEvent") {
			continue
		}
		switch strings.ToLower(m.Action.Action()) {
		case "", "login", "logoff", "challenge", "events":
			continue
		}
		d := dialogue{string(m.Action.Bytes()), string(m.Text.Bytes())}
		for _, r := range m.Rest {
			d.answer += string(r.Bytes())
		}
		all = append(all, d)
	}
	return all
}

// compareAnswers sends actions to a node whose Asterisk is c, compares, and returns what the client got.
func compareAnswers(t *testing.T, c *capture.Capture, dialogues []dialogue) string {
	t.Helper()
	client, err := login(t, startBeside(t, c).AMI(), "admin", "Events: off")
	if err != nil {
		t.Fatal(err)
	}
	return compareDialogues(t, client, dialogues)
}

func compareDialogues(t *testing.T, client *amiClient, dialogues []dialogue) string {
	t.Helper()
	var actions, want, got bytes.Buffer
	for _, d := range dialogues {
		actions.WriteString(d.action)
		want.WriteString(differently(d))
	}
	go func() { _, _ = client.Write(append(actions.Bytes(), "Action: Logoff\r\n\r\n"...)) }() // who breaks off is noticed below
	for {
		m, err := client.Decode()
		if err != nil {
			t.Fatalf("%v behind %.2000q", err, got.Bytes()[max(0, got.Len()-2000):])
		}
		if string(m.Get("Response")) == "Goodbye" {
			break
		}
		got.Write(m.Bytes())
	}
	g, w := messages(got.String()), messages(want.String())
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("message %d of %d, want %d:\ngot  %.1500q\nwant %.1500q", i, len(g), len(w), g[min(i, len(g)):], w[min(i, len(w)):])
		}
	}
	return got.String()
}

// differently is the answer as captureDifferences make it.
func differently(d dialogue) string {
	name := regexp.MustCompile(`(?im)^Action: *(\w+)\r$`).FindStringSubmatch(d.action)
	if name == nil || captureDifferences[name[1]] == "" {
		return d.answer
	}
	if name[1] == "QueueRule" {
		return strings.TrimSuffix(d.answer, "\r\n")
	}
	if strings.TrimSpace(d.answer) != "" {
		return d.answer
	}
	return "Response: Success\r\n" + regexp.MustCompile(`(?m)^ActionID: .*\r\n`).FindString(d.action) + "\r\n"
}

var (
	pong       = regexp.MustCompile(`(Ping: Pong\r\nTimestamp: )[\d.]+`)
	ownActions = regexp.MustCompile(`(?m)^(Cluster\w+|EventCursor): .*  \(Priv: .*\)\r\n`) // in ListCommands
)

func messages(stream string) []string {
	return slices.DeleteFunc(strings.SplitAfter(ownActions.ReplaceAllString(pong.ReplaceAllString(stream, "$1*"), ""), "\r\n\r\n"), func(m string) bool { return m == "" })
}

// startBeside starts a node whose Asterisk is a recording.
func startBeside(t *testing.T, c *capture.Capture) *Node {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := make(chan error, 1)
	go func() { server <- capture.NewServer(capture.Config{Capture: c}).Serve(ctx, ln) }()
	t.Cleanup(func() { cancel(); <-server })

	dir := t.TempDir()
	manager, secret := filepath.Join(dir, "manager.conf"), filepath.Join(dir, "secret")
	text := "[general]\nbindaddr=127.0.0.1\nport=0\n[admin]\nsecret=secret\nread=all\nwrite=all\nwritetimeout=600000\n"
	if err := errors.Join(os.WriteFile(manager, []byte(text), 0o600), os.WriteFile(secret, []byte("secret"), 0o600)); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Node.Name, cfg.Node.DataDir = "alpha", filepath.Join(dir, "data")
	cfg.Source.Kind = config.KindAsterisk
	cfg.Source.Asterisk = config.Asterisk{Address: ln.Addr().String(), Username: "admin", SecretFile: secret}
	cfg.AMI.ManagerConf, cfg.Admin.Listen, cfg.Bus.Hold, cfg.Identity.Qualify = manager, "", 5*time.Second, config.Never
	cfg.Bus.NATS.RouteListen, cfg.Bus.Member.Listen = "127.0.0.1:0", "127.0.0.1:0"
	n, err := New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the node has its Asterisk", func() bool { return n.upstream.Up() && n.upstream.Info().AsteriskVersion != "" })
	return n
}
