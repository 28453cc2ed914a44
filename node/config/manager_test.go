package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// managerFiles writes files into a directory and returns the path of manager.conf in it.
func managerFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "manager.conf")
}

func loadManager(t testing.TB, managerConf string) *Manager {
	t.Helper()
	m, err := LoadManager(managerFiles(t, map[string]string{"manager.conf": managerConf}), "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLoadManager: users, templates, named lists and what a user has who does not say.
//
//ami:same 5.1 13.3 14.2
func TestLoadManager(t *testing.T) {
	t.Parallel()
	path := managerFiles(t, map[string]string{
		"manager.conf": `; the manager
[general]
enabled = yes
webenabled = no
port = 5039
bindaddr = 0.0.0.0
displayconnects = no
authtimeout = 10
authlimit = 7
timestampevents = no
channelvars =
allowmultiplelogin = no

[base](!)
read => system,call
write=originate
deny=0.0.0.0/0.0.0.0
permit=127.0.0.1/255.255.255.0

;-- [ghost]
secret = boo ;-- nested --;
--;
[Admin](base)
secret = a\;b ; not part of it
read = all
writetimeout = 500
lifecycle = all
eventid = yes
order = arrival
allowmultiplelogin = yes
acl = office
#include "more.conf"
[plain](+)
write = user
`,
		"more.conf": "[plain](base)\nsecret=x=y\n",
		"acl.conf":  "[office]\ndeny=0.0.0.0/0\npermit=127.0.0.0/8,!127.0.0.9\n",
	})
	m, err := LoadManager(path, filepath.Join(filepath.Dir(path), "acl.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Warnings) > 0 {
		t.Errorf("warnings: %v", m.Warnings)
	}
	if m.Listen != "0.0.0.0:5039" || m.AuthTimeout != 10*time.Second || m.AuthLimit != 7 {
		t.Errorf("general: %+v", m)
	}
	if n := len(m.Users()); n != 2 {
		t.Fatalf("%d users, want 2", n)
	}
	admin, _ := m.User("ADMIN")
	if admin == nil || admin.Secret != "a;b" || admin.Read != ami.ClassAll || admin.Write != ami.ClassOriginate ||
		admin.WriteTimeout != 500*time.Millisecond || !admin.Lifecycle || !admin.EventID || !admin.Arrival || !admin.AllowMultipleLogin || admin.DisplayConnects {
		t.Errorf("Admin: %+v", admin)
	}
	plain, _ := m.User("plain")
	if plain == nil || plain.Secret != "x=y" || plain.Read != ami.ClassSystem|ami.ClassCall || plain.Write != ami.ClassUser ||
		plain.WriteTimeout != 100*time.Millisecond || plain.Lifecycle || plain.EventID || plain.Arrival || plain.AllowMultipleLogin {
		t.Errorf("plain: %+v", plain)
	}
	for addr, want := range map[string]bool{"127.0.0.1": true, "127.0.0.9": false, "127.0.1.1": false, "10.0.0.1": false} {
		if got := admin.Allowed(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Admin from %s: %v", addr, got)
		}
	}
}

// TestManagerListen: bindaddr and port.
//
//ami:differs 1.1 loopback unless bindaddr says otherwise: what nobody configured must not be open to the network; port 0 takes any
func TestManagerListen(t *testing.T) {
	t.Parallel()
	for general, want := range map[string]string{
		"":                            "",
		"port=5040":                   "127.0.0.1:5040",
		"bindaddr=::1":                "[::1]:5038",
		"bindaddr=10.0.0.1\nport=0":   "10.0.0.1:0",
		"bindaddr=[fe80::1]\nport=99": "[fe80::1]:99",
	} {
		if m := loadManager(t, "[general]\n"+general+"\n[u]\nsecret=s\n"); m.Listen != want {
			t.Errorf("%q: %q, want %q", general, m.Listen, want)
		}
	}
}

// TestManagerErrors: every error is reported, with its place, and no secret is part of one.
//
//ami:differs 13.6 a rule that cannot be parsed is an error, at a reload too, and the old users stay: Asterisk drops the user and goes on
func TestManagerErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ conf, want string }{
		"disabled":   {"[general]\nenabled=no\n[u]\nsecret=s\n", "manager.conf:2: general.enabled: the file says that nobody is served"},
		"port":       {"[general]\nport=99999\n[u]\nsecret=s\n", `manager.conf:2: general.port: "99999" is not a port`},
		"bindaddr":   {"[general]\nbindaddr=localhost\n[u]\nsecret=s\n", "manager.conf:2: general.bindaddr: "},
		"no users":   {"[general]\n", "there is no user"},
		"no section": {"secret=hunter2\n[u]\n", "manager.conf:1: a setting before the first [section]"},
		"no equals":  {"[u]\nsecret hunter2\n", "manager.conf:2: neither [section], #include nor name = value"},
		"no name":    {"[u]\n= hunter2\n", "manager.conf:2: a value without a name"},
		"twice":      {"[u]\n[U]\n", "[U] is there already, at "},
		"unclosed":   {"[u\n", "manager.conf:1: the section's name has no closing ]"},
		"options":    {"[u](!\n", "manager.conf:1: [u] is followed by something that is not a (list)"},
		"template":   {"[u](x)\n", "manager.conf:1: [u] inherits from [x], which is not defined above it"},
		"plus":       {"[u](+)\n", "manager.conf:1: [u](+) adds to a section that is not there yet"},
		"comment":    {"[u]\nsecret=s\n;-- \n", "manager.conf:3: a comment opened by ;-- is never closed"},
		"exec":       {"#exec /bin/true\n[u]\n", "manager.conf:1: #exec is not supported: no program is run"},
		"include":    {"#include none.conf\n[u]\n", "there is no such file"},
		"no include": {"#include\n[u]\n", "manager.conf:1: #include names no file"},
		"loop":       {"#include manager.conf\n[u]\n", "the file would include itself"},
		"deny":       {"[u]\ndeny=300.0.0.0/8\n", `manager.conf:2: u.deny: "300.0.0.0/8" is not an address`},
		"mask":       {"[u]\npermit=1.2.3.4/255.0.255.0\n", "the mask has holes"},
		"bits":       {"[u]\npermit=1.2.3.4/33\n", "the mask is neither a number of bits up to 32 nor an address"},
		"secret":     {"[u]\nsecret=$argon2i$hunter2\n", "manager.conf:2: u.secret: is not $argon2id$"},
		"nodes":      {"[u]\nnodes=alpha,a b\n", `manager.conf:2: u.nodes: "a b" is neither the name of a node nor site/node`},
		"actions":    {"[u]\nactions=Ping,\n", `manager.conf:2: u.actions: "" is not the name of an action`},
		"endings":    {"[u]\nendings=all\n", `manager.conf:2: u.endings: "all" is neither yes nor no`},
		"ambiguous":  {"[u]\nambiguous=yes\n", `manager.conf:2: u.ambiguous: "yes" is neither error nor own`},
		"device":     {"[u]\n#include /dev/zero\n", "manager.conf:2: #include /dev/zero: is not a regular file"},
		"condition":  {"[u]\n[u](+a=b)\n", "manager.conf:2: [u](+…): a condition is not supported"},
		"lone \\":    {"[u]\n\\ a=b\n", `manager.conf:2: nothing that a \ could be for`},
		"tls off":    {"[general]\ntlsenable=yes\n[u]\nsecret=s\n", "manager.conf:1: general.tlscertfile: is missing"},
		"scope":      {"[u]\nscope=nobody\n", `manager.conf:2: u.scope: "nobody" is neither cluster, site nor node`},
		"lifecycle":  {"[u]\nlifecycle=some\n", `manager.conf:2: u.lifecycle: "some" is not all`},
		"eventid":    {"[u]\neventid=perhaps\n", `manager.conf:2: u.eventid: "perhaps" is neither yes nor no`},
		"order":      {"[u]\norder=Merged\n", `manager.conf:2: u.order: "Merged" is neither merged nor arrival`},
		"long name":  {"[" + strings.Repeat("u", 80) + "]\n", "a user's name has 1 to 79 printable bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := LoadManager(managerFiles(t, map[string]string{"manager.conf": c.conf}), "")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
	chain := map[string]string{"manager.conf": "[u]\nsecret=s\n#include f0"}
	for i := range 11 {
		chain[fmt.Sprint("f", i)] = fmt.Sprint("#include f", i+1)
	}
	if _, err := LoadManager(managerFiles(t, chain), ""); err == nil || !strings.Contains(err.Error(), "f9:1: #include nests deeper than 10 files") {
		t.Errorf("a long chain: %v", err)
	}
	_, err := LoadManager(managerFiles(t, map[string]string{"manager.conf": "[a]\ndeny=x\npermit=y\n[b\n"}), "/none/acl.conf")
	if problems := (Problems)(nil); !errors.As(err, &problems) || len(problems) != 4 {
		t.Errorf("want all four problems: %v", err)
	}
}

// TestManagerWarnings: what is read and not used is told with its line.
//
//ami:differs 14.1 timestampevents, channelvars and disabledevents shape the events of the built-in engine only (an Asterisk makes its own), debug does nothing; enabled may be left out
//ami:na 14.3 Asterisk 22 has no users.conf any more
func TestManagerWarnings(t *testing.T) {
	t.Parallel()
	m := loadManager(t, `[general]
authlimit=0
tlsenable=no
colour=red
channelvars=A,B
debug=off
disabledevents=Cdr
[u]
read = call, user,cal
writetimeout=5
setvar=A
setvar==B
eventfilter(=x
eventfilter=[
endings=yes
ambiguous=own
actions=Ping, orignate,ClusterNodes
acl=office
`)
	want := []string{"general.authlimit", "general.colour",
		"u.read", "u.read", "u.writetimeout", "u.setvar", "u.setvar", "u.eventfilter(", "u.eventfilter",
		"u.actions", "u.acl", "u"}
	var got []string
	for _, w := range m.Warnings {
		got = append(got, w.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("warnings about %v, want %v", got, want)
	}
	if len(m.EngineOnly) != 2 || m.EngineOnly[0].Key != "general.channelvars" || m.EngineOnly[1].Key != "general.disabledevents" {
		t.Errorf("about the engine alone: %v", m.EngineOnly)
	}
	if e := m.Events; e.Timestamps || !slices.Equal(e.ChannelVars, []string{"A", "B"}) || !slices.Equal(e.Disabled, []string{"Cdr"}) {
		t.Errorf("events: %+v", e)
	}
	if m.Warnings[3].Line != 9 || m.AuthLimit != 50 {
		t.Errorf("%+v", m)
	}
	if text := m.Warnings[9].Text; !strings.Contains(text, "did you mean Originate?") {
		t.Errorf("actions: %s", text)
	}
	u, _ := m.User("u")
	if u.Read != ami.ClassCall || u.WriteTimeout != 100*time.Millisecond {
		t.Errorf("%+v", u)
	}
	if u.Allowed(netip.MustParseAddr("127.0.0.1")) {
		t.Error("a list that is missing must deny")
	}
}

// TestParseClasses: names count only as a whole.
//
//ami:differs 6.3 prefixes of names and empty items grant more than is written in Asterisk, and nothing here
func TestParseClasses(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]ami.Class{
		"all": ami.ClassAll, "": 0, "none": 0, "call": ami.ClassCall, "c,user": ami.ClassUser, ",user": ami.ClassUser,
		"system,call,nonsense": ami.ClassSystem | ami.ClassCall, "Call": 0, "call, user": ami.ClassCall, "message": ami.ClassMessage,
	} {
		if got, _ := ParseClasses(list); got != want {
			t.Errorf("%q: %#x, want %#x", list, got, want)
		}
	}
}

func FuzzLoadManager(f *testing.F) {
	f.Add("[a](!)\nsecret=x\n[b](a)\nread=all\n;-- x --;\n#include b\n")
	f.Add("[u]\npermit=::1/ffff::,10.0.0.0/8,!1.2.3.4\neventfilter(a)=b\n[u](+)\n")
	f.Fuzz(func(t *testing.T, conf string) {
		m, err := LoadManager(managerFiles(t, map[string]string{"manager.conf": conf}), "")
		if (m == nil) == (err == nil) {
			t.Fatalf("%v, %v", m, err)
		}
	})
}
