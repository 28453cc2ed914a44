package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const isMain = "AMIBUS_TEST_IS_MAIN"

// TestMain lets the test binary be amibus itself: what is started with this in the environment is the program and not the tests. So
// there is nothing to build first, and with -race the processes are checked too.
func TestMain(m *testing.M) {
	if os.Getenv(isMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// amibus is a process of the program, not started yet, that is killed when the test ends.
func amibus(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), isMain+"=1")
	cmd.Dir = dir
	return cmd
}

// finish runs amibus in the directory to its end.
func finish(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := amibus(t, dir, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), errOut.String()
}

const goodConfig = `node: {name: alpha}
source: {asterisk: {address: "127.0.0.1:5039", secret_file: secret.txt}}
ami: {manager_conf: manager.conf}
`

// files writes what the tests name, into a directory of its own.
func files(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"good.yaml":       goodConfig,
		"doubt.yaml":      strings.Replace(goodConfig, "manager.conf", "doubt.conf", 1),
		"bad.yaml":        "node: {name: a.b}\nbus:\n  hold: 5ms\n  holds: 1s\nsource: {asterisk: {secret_file: secret.txt, secret: x}}\nami: {manager_conf: bad.conf}\n",
		"syntax.yaml":     "node: {name: alpha\nbus: {",
		"secret.txt":      "s3cret\n",
		"empty.txt":       "",
		"good-secret.txt": "secret\n",
		"manager.conf":    "[general]\nenabled = yes\nport = 5038\n\n[admin]\nsecret = secret\nread = all\nwrite = all\n",
		"doubt.conf":      "[general]\nenabled = yes\nwebenabled = yes\n\n[admin]\nsecret = secret\n",
		"bad.conf":        "enabled = yes\n",
		"file":            "not a directory\n",
		"bad.ami": "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: SIP/1\r\nUniqueid: 1\r\n\r\n" +
			strings.Repeat("Event: Hangup\r\nPrivilege: call,all\r\nChannel: SIP/1\r\nUniqueid: 1\r\n\r\n", 2),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCommands: arguments, exit code, and what is printed, each as a regular expression for the whole of it.
func TestCommands(t *testing.T) {
	t.Parallel()
	capture, err := filepath.Abs(captures + "/call-answered")
	if err != nil {
		t.Fatal(err)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { busy.Close() })
	for name, tt := range map[string]struct {
		args           string // CAPTURES and BUSY are replaced
		code           int
		stdout, stderr string
	}{
		"check good":  {"check good.yaml", 0, `good\.yaml: ok\n`, ``},
		"check doubt": {"check doubt.yaml", 0, `doubt\.yaml: ok\n`, `warning: doubt\.conf:3: general\.webenabled: [^\n]*\n`},
		"check bad": {"check bad.yaml", 2, ``, `bad\.yaml:1: node\.name: is "a\.b", [^\n]*\n` +
			`bad\.yaml:3: bus\.hold: is 5ms, must be [^\n]*\n` +
			`bad\.yaml:4: bus\.holds: is not a key [^\n]*\n` +
			`bad\.yaml:5: source\.asterisk\.secret: a secret does not belong [^\n]*\n` +
			`bad\.conf:1: a setting before the first \[section\]\n`},
		"check syntax":       {"check syntax.yaml", 2, ``, `syntax\.yaml:\d: this is not YAML: [^\n]*\n`},
		"check no file":      {"check none.yaml", 2, ``, `none\.yaml: cannot be read: no such file or directory\n`},
		"check directory":    {"check .", 2, ``, `\.: cannot be read: is a directory\n`},
		"check nothing":      {"check", 2, ``, `amibus: accepts 1 arg\(s\), received 0\n`},
		"run bad":            {"run --config bad.yaml", 2, ``, `(bad\.(yaml|conf):\d: [^\n]*\n){5}`},
		"run log level":      {"run --config good.yaml --log-level loud", 2, ``, `amibus: --log-level is "loud", must be one of debug, info, warn, error\n`},
		"run log format":     {"run --config good.yaml --log-format xml", 2, ``, `amibus: --log-format is "xml", must be text or json\n`},
		"demo ends early":    {"demo --for 1ns", 0, ``, ``},
		"demo for":           {"demo --for -5s", 2, ``, `amibus: --for -5s: must not be negative\n`},
		"demo calls":         {"demo --calls-per-second 101", 2, ``, `amibus: --calls-per-second 101: must be from 0 to 100\n`},
		"bench what":         {"bench bus --only nonsense", 2, ``, `amibus: --only is "nonsense", must be one of idle, path, .*\n`},
		"version":            {"version", 0, `amibus \S+( \(\S+(, modified)?\))? go\S+ \w+/\w+\n`, ``},
		"unknown command":    {"fly", 2, ``, `amibus: unknown command "fly" for "amibus"\n`},
		"unknown flag":       {"check --fast good.yaml", 2, ``, `amibus: unknown flag: --fast\n`},
		"help":               {"--help", 0, `(?s)amibus sits beside .*  check  .*  replay  .*`, ``},
		"replay instance":    {"replay --listen 127.0.0.1:0 CAPTURES delta", 2, ``, `amibus: [^\n]*delta[^\n]*alpha, charlie\n`},
		"replay directory":   {"replay --listen 127.0.0.1:0 none alpha", 2, ``, `amibus: none: [^\n]*\n`},
		"replay no listen":   {"replay CAPTURES alpha", 2, ``, `amibus: replay needs --listen ADDR; [^\n]*\n`},
		"replay bad listen":  {"replay --listen here CAPTURES alpha", 2, ``, `amibus: --listen: [^\n]*\n`},
		"replay open listen": {"replay --listen :0 CAPTURES alpha", 2, ``, `amibus: --listen :0 is beyond loopback, [^\n]* add --secret-file\n`},
		"replay busy":        {"replay --listen BUSY CAPTURES alpha", 2, ``, `amibus: --listen: [^\n]* address already in use; [^\n]*\n`},
		"replay speed":       {"replay --listen 127.0.0.1:0 --speed 0 CAPTURES alpha", 2, ``, `amibus: --speed is "0", must be max or [^\n]*\n`},
		"replay speed NaN":   {"replay --listen 127.0.0.1:0 --speed NaN CAPTURES alpha", 2, ``, `amibus: --speed is "NaN", [^\n]*\n`},
		"replay secret":      {"replay --listen 127.0.0.1:0 --secret-file empty.txt CAPTURES alpha", 2, ``, `amibus: --secret-file: secret file empty\.txt is empty\n`},
		"verify good":        {"verify --at-rest CAPTURES/alpha.ami.gz", 0, `CAPTURES/alpha\.ami\.gz: \d+ messages, 127 events of 1 node, 0 violations\n`, ``},
		"verify bad": {"verify bad.ami", 1, `bad\.ami: rule 5: Hangup of a channel after its Hangup: 1\n  #2 [^\n]*\n  #3 [^\n]*\n` +
			`bad\.ami: 3 messages, 3 events of 1 node, 1 violation\n       1 of rule 5: one Hangup for each channel\n`, `amibus: bad\.ami: 1 violation\n`},
		"verify ignore":       {"verify --ignore 5,31 bad.ami", 0, `bad\.ami: 3 messages, 3 events of 1 node, 0 violations\n`, ``},
		"verify nothing":      {"verify", 2, ``, `amibus: verify needs --address HOST:PORT or a FILE; [^\n]*\n`},
		"verify both":         {"verify --address 127.0.0.1:1 bad.ami", 2, ``, `amibus: verify takes --address or files, not both\n`},
		"verify no file":      {"verify none.ami", 2, ``, `amibus: none\.ami: no such file or directory\n`},
		"verify directory":    {"verify .", 2, ``, `amibus: \.: is a directory\n`},
		"verify no rule":      {"verify --ignore 6 bad.ami", 2, ``, `amibus: --ignore 6: there is no such rule [^\n]*\n`},
		"verify for":          {"verify --for 5s bad.ami", 2, ``, `amibus: --for, --secret-file and --secret-env go with --address\n`},
		"verify secret":       {"verify --address 127.0.0.1:1", 2, ``, `amibus: --address needs --secret-file FILE or --secret-env VARIABLE\n`},
		"verify unreachable":  {"verify --address 127.0.0.1:1 --secret-file secret.txt", 1, ``, `amibus: --address: [^\n]* connection refused\n`},
		"replay secret, none": {"replay --listen :0 --secret-file none.txt CAPTURES alpha", 2, ``, `amibus: --secret-file: secret file none\.txt cannot be read: [^\n]*\n`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(strings.NewReplacer("CAPTURES", capture, "BUSY", busy.Addr().String()).Replace(tt.args))
			code, stdout, stderr := finish(t, files(t), args...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, out := range []struct{ name, got, want string }{{"stdout", stdout, tt.stdout}, {"stderr", stderr, tt.stderr}} {
				if !regexp.MustCompile(`^` + strings.ReplaceAll(out.want, "CAPTURES", regexp.QuoteMeta(capture)) + `$`).MatchString(out.got) {
					t.Errorf("%s is\n%swant %s", out.name, out.got, out.want)
				}
			}
		})
	}
}

// TestDemo: it says how to connect, shows events of all three nodes in plain lines, and ends by itself.
func TestDemo(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := finish(t, t.TempDir(), "demo", "--for", "8s", "--calls-per-second", "5")
	if code != 0 {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
	for _, want := range []string{`(?m)^alpha +AMI on 127\.0\.0\.1:5[01]\d\d$`, `(?m)^charlie +AMI on 127\.0\.0\.1:5[23]\d\d$`,
		`user admin, secret secret`, `(?m)^[\d:.]+ alpha    Newchannel +\S+$`, `(?m)^[\d:.]+ bravo    Newchannel +\S+$`,
		`(?m)^[\d:.]+ charlie  Newchannel +\S+$`, `\n\d+ events in \S+\n$`} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("%s is not in\n%.3000s", want, stdout)
		}
	}
	if strings.ContainsAny(stdout, "\x1b\r") {
		t.Errorf("there is more than plain lines in\n%.3000q", stdout)
	}
}

// TestReplayServes: the address printed is one where an Asterisk answers, and SIGTERM ends it with 0.
func TestReplayServes(t *testing.T) {
	t.Parallel()
	cmd := amibus(t, "", "replay", "--listen", "127.0.0.1:0", "--speed", "max", captures+"/call-answered", "alpha")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	m := regexp.MustCompile(`^listening on (127\.0\.0\.1:\d+): alpha of call-answered, \d+ events, speed max, user admin\n$`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("it printed %q, %v", line, err)
	}
	conn, err := net.DialTimeout("tcp", m[1], 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, "Action: Login\r\nUsername: admin\r\nSecret: secret\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var heard strings.Builder
	for r := bufio.NewReader(conn); !strings.Contains(heard.String(), "Event: Newchannel\r\n"); {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("no call was heard: %v\n%s", err, heard.String())
		}
		heard.WriteString(line)
	}
	if !strings.HasPrefix(heard.String(), "Asterisk Call Manager/") || !strings.Contains(heard.String(), "Authentication accepted") {
		t.Errorf("heard\n%s", heard.String())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
