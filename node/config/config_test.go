package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// full is the file as the documentation shows it, every key set.
const full = `node:   {name: alpha, site: default, data_dir: ./data/alpha}
source: {kind: asterisk, asterisk: {address: "127.0.0.1:5039", username: amibus, secret_file: secret.txt}}
ami:    {manager_conf: manager.conf, acl_conf: acl.conf}
identity: {qualify: auto}
bus:
  hold: 300ms
  tick: auto
  journal: memory
  nats:   {route_listen: "127.0.0.1:6222", client_listen: "", urls: [], publish: auto}
  member: {listen: "127.0.0.1:7946", join: ["127.0.0.1:7947"], key_file: ""}
admin:  {listen: "127.0.0.1:8080"}
`

// base is what a file must at least hold.
const base = "node: {name: alpha}\nsource: {asterisk: {address: \"127.0.0.1:5039\", secret_file: secret.txt}}\nami: {manager_conf: manager.conf}\n"

// write puts the file, and the files it names, into a directory of its own.
func write(t *testing.T, yamlText string) (file string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"node.yaml":    yamlText,
		"secret.txt":   "s3cret\n",
		"manager.conf": "[general]\nenabled = yes\n\n[admin]\nsecret = secret\nread = all\nwrite = all\n",
		"acl.conf":     "",
		"raw16.key":    "0123456789abcde\n",
		"base64.key":   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
		"short.key":    "too short\n",
		"empty.txt":    "\n",
		"lines.txt":    "one\ntwo\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "node.yaml")
}

func TestLoadFull(t *testing.T) {
	t.Parallel()
	file := write(t, full)
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(file)
	if got, want := c.Node, (Node{"alpha", "default", filepath.Join(dir, "data/alpha")}); got != want {
		t.Errorf("node %v, want %v", got, want)
	}
	if got, want := c.Source.Asterisk.SecretFile, filepath.Join(dir, "secret.txt"); got != want {
		t.Errorf("secret_file %s, want %s", got, want)
	}
	if c.Bus.Hold != 300*time.Millisecond || c.Bus.Tick != 0 || c.Bus.Journal != JournalMemory {
		t.Errorf("bus %+v", c.Bus)
	}
	if got := c.Bus.Member; got.Listen != "127.0.0.1:7946" || len(got.Join) != 1 || got.Join[0] != "127.0.0.1:7947" || got.KeyFile != "" {
		t.Errorf("member %+v", got)
	}
	if secret, err := c.Source.Asterisk.Secret(); err != nil || secret != "s3cret" {
		t.Errorf("secret %q, %v", secret, err)
	}
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %v", w)
	}
}

func TestLoadKeepsDefaults(t *testing.T) {
	t.Parallel()
	file := write(t, base+"admin:\nbus:\n  # nothing but a comment\n")
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	d := Default()
	if c.Bus.Hold != d.Bus.Hold || c.Bus.NATS.Publish != Auto || c.Admin != d.Admin || c.Identity != d.Identity || c.Bus.Member.Listen != d.Bus.Member.Listen {
		t.Errorf("%+v differs from the default %+v", c, d)
	}
	if want := filepath.Join(filepath.Dir(file), "data", "alpha"); c.Node.DataDir != want {
		t.Errorf("data_dir %s, want %s", c.Node.DataDir, want)
	}
}

func TestExternalNATSEmptiesListeners(t *testing.T) {
	t.Parallel()
	c, err := Load(write(t, base+`bus: {nats: {urls: ["nats://nats.example.net:4222"], route_listen: "127.0.0.1:6222"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Bus.NATS.RouteListen != "" || c.Bus.NATS.ClientListen != "" {
		t.Errorf("%+v", c.Bus.NATS)
	}
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0].Error(), "node.yaml:4: bus.nats.route_listen: ") {
		t.Errorf("warnings: %v", w)
	}
}

// TestProblems: what is added to base, and the errors, in order: line, key and a part of the text.
func TestProblems(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		yaml string
		want []string
	}{
		"not yaml":           {base + "bus: {hold: 300ms\nadmin: x: y", []string{"4: this is not YAML: did not find expected ',' or '}'"}},
		"no indent":          {base + "bus:\n  hold: 1s\n tick: auto", []string{"6: this is not YAML: did not find expected key"}},
		"first line":         {"a: b: c", []string{"1: this is not YAML: mapping values are not allowed"}},
		"bad line of many":   {base + "admin: {}\n  bus: {}\n", []string{"5: this is not YAML: "}},
		"tab":                {base + "bus:\n\thold: 1s", []string{"5: this is not YAML: found character that cannot start any token"}},
		"two documents":      {base + "---\nbus: {}", []string{"4: a second YAML document"}},
		"no mapping":         {"- a\n- b", []string{"1: is a list, must be a section with the keys admin, ami, bus, identity, node, source"}},
		"unknown section":    {base + "nodes: {}", []string{"4: nodes: is not a key of this file; here the keys are admin, "}},
		"unknown key":        {base + "bus:\n  hold: 1s\n  holds: 1s", []string{"6: bus.holds: is not a key of this file; here the keys are hold, insecure, journal, lost_after, member, nats, tick"}},
		"merge key":          {base + "bus: &b {hold: 1s}\nadmin: {<<: *b}", []string{"5: admin.<<: is not a key"}},
		"given twice":        {base + "bus:\n  hold: 1s\n  hold: 2s", []string{"6: bus.hold: is given twice, first in line 5"}},
		"section is text":    {base + "bus: fast", []string{"4: bus: is a single value, must be a section"}},
		"text is list":       {base + "admin: {listen: [a]}", []string{"4: admin.listen: is a list, must be a single value"}},
		"list is text":       {base + "bus: {member: {join: \"127.0.0.1:1\"}}", []string{"4: bus.member.join: is a single value, must be a list"}},
		"list of lists":      {base + "bus:\n  member:\n    join:\n      - [a]\n      - b", []string{"7: bus.member.join[0]: is a list", "8: bus.member.join[1]: is \"b\", must be host:port"}},
		"names":              {strings.Replace(base, "alpha", "al.pha, site: ''", 1), []string{"1: node.name: is \"al.pha\"", "1: node.site: is \"\""}},
		"data_dir is file":   {strings.Replace(base, "alpha", "alpha, data_dir: secret.txt", 1), []string{"1: node.data_dir: "}},
		"secret in the file": {strings.Replace(base, "secret_file: secret.txt", "secret: hunter2", 1), []string{"2: source.asterisk.secret: a secret does not belong in this file", "2: source.asterisk: has no secret"}},
		"two secrets":        {strings.Replace(base, "secret_file", "secret_env: HOME, secret_file", 1), []string{"2: source.asterisk.secret_env: is set beside secret_file"}},
		"secret away":        {strings.Replace(base, "secret.txt", "none.txt", 1), []string{"2: source.asterisk.secret_file: secret file "}},
		"secret empty":       {strings.Replace(base, "secret.txt", "empty.txt", 1), []string{"2: source.asterisk.secret_file: secret file "}},
		"secret of lines":    {strings.Replace(base, "secret.txt", "lines.txt", 1), []string{"2: source.asterisk.secret_file: secret file "}},
		"secret_env not set": {strings.Replace(base, "secret_file: secret.txt", "secret_env: AMIBUS_NOT_SET", 1), []string{"2: source.asterisk.secret_env: environment variable AMIBUS_NOT_SET is not set"}},
		"kind":               {strings.Replace(base, "source: {", "source: {kind: pbx, ", 1), []string{"2: source.kind: is \"pbx\", must be asterisk, or engine, or none"}},
		"source address":     {strings.Replace(base, ":5039", ":0", 1), []string{"2: source.asterisk.address: is \"127.0.0.1:0\", must name a host and a port"}},
		"username":           {strings.Replace(base, "address:", `username: "a\r\nAction: x", address:`, 1), []string{"2: source.asterisk.username: is "}},
		"words":              {base + "identity: {qualify: yes}\nbus:\n  journal: disk\n  nats: {publish: often}", []string{"4: identity.qualify: is \"yes\", must be auto, or always, or never", "6: bus.journal: is \"disk\", must be memory, or file", "7: bus.nats.publish: is \"often\""}},
		"duration":           {base + "bus: {hold: 300, tick: soon}", []string{"4: bus.hold: is \"300\", must be a duration such as 300ms", "4: bus.tick: is \"soon\""}},
		"negative":           {base + "bus: {hold: -1s, tick: 0s}", []string{"4: bus.hold: is \"-1s\", must be a duration", "4: bus.tick: is \"0s\""}},
		"hold short":         {base + "bus: {hold: 19ms}", []string{"4: bus.hold: is 19ms, must be 20ms to 10s"}},
		"hold long":          {base + "bus: {hold: 11s}", []string{"4: bus.hold: is 11s, must be 20ms to 10s"}},
		"hold in ticks":      {base + "bus: {hold: 99ms, tick: 20ms}", []string{"4: bus.hold: is 99ms, must be at least 5 ticks (100ms at bus.tick 20ms)"}},
		"tick":               {base + "bus: {hold: 10s, tick: 1001ms}", []string{"4: bus.tick: is 1.001s, must be auto or 1ms to 1s"}},
		"beyond loopback": {base + "bus:\n  nats:\n    route_listen: 0.0.0.0:0\n    client_listen: :4222\n  member:\n    listen: node.example.net:7946\nadmin:\n  listen: '[::]:8080'", []string{
			"6: bus.nats.route_listen: is 0.0.0.0:0, must be on loopback: nothing listens beyond loopback without credentials",
			"7: bus.nats.client_listen: is :4222, must be on loopback",
			"9: bus.member.listen: is node.example.net:7946, must be on loopback: nothing listens beyond loopback without credentials, and the gossip is not encrypted; set bus.member.key_file",
			"11: admin.listen: is [::]:8080, must be on loopback"}},
		"credentials": {base + "bus:\n  insecure: maybe\n  nats:\n    route_listen: 0.0.0.0:0\n    tls: {ca_file: secret.txt}\n    users_file: none.txt\n    nkey_file: secret.txt", []string{
			"5: bus.insecure: is \"maybe\", must be true or false", "8: bus.nats.tls: needs ca_file, cert_file and key_file",
			"9: bus.nats.users_file: file ", "10: bus.nats.nkey_file: is for external servers"}},
		"no certificates":  {base + "bus: {nats: {tls: {ca_file: secret.txt, cert_file: secret.txt, key_file: secret.txt}}}", []string{"4: bus.nats.tls: "}},
		"addresses":        {base + "bus:\n  nats: {route_listen: localhost}\n  member: {listen: \"127.0.0.1:ami\"}\nadmin: {listen: \"127.0.0.1:65536\"}", []string{"5: bus.nats.route_listen: is \"localhost\", must be host:port", "6: bus.member.listen: is \"127.0.0.1:ami\", whose port must be a number", "7: admin.listen: "}},
		"same address":     {base + "admin: {listen: \"localhost:6222\"}", []string{"4: admin.listen: listens on localhost:6222, and bus.nats.route_listen on 127.0.0.1:6222;"}},
		"key":              {base + "bus: {member: {listen: \"0.0.0.0:7946\", key_file: short.key}}", []string{"4: bus.member.key_file: key file "}},
		"join port":        {base + "bus: {member: {join: [\"127.0.0.1:0\", \":7946\"]}}", []string{"4: bus.member.join[0]: ", "4: bus.member.join[1]: "}},
		"join but no way":  {base + "bus: {nats: {route_listen: \"\"}, member: {join: [\"127.0.0.1:7947\"]}}", []string{"4: bus.member.join: needs bus.nats.route_listen"}},
		"join but no ear":  {base + "bus: {member: {listen: \"\", join: [\"127.0.0.1:7947\"]}}", []string{"4: bus.member.join: needs bus.member.listen"}},
		"nats urls":        {base + "bus: {nats: {urls: [\"http://a:1\", \"nats://\", \"a\"]}}", []string{"4: bus.nats.urls[0]: ", "4: bus.nats.urls[1]: ", "4: bus.nats.urls[2]: "}},
		"nats credentials": {base + "bus: {nats: {urls: [\"nats://me:hunter2@a:4222\", \"me:hunter2@a:4222\"]}}", []string{"4: bus.nats.urls[0]: holds credentials", "4: bus.nats.urls[1]: holds credentials"}},
		"nothing":          {"", []string{"1: source.asterisk: has no secret", "1: ami.manager_conf: is missing"}},
		"manager wrong":    {strings.Replace(base, "manager.conf", "secret.txt", 1), []string{"OTHER secret.txt:1: a setting before the first [section]"}},
		"acl away":         {strings.Replace(base, "manager.conf", "manager.conf, acl_conf: none.conf", 1), []string{"3: ami.acl_conf: "}},
		"acl alone":        {strings.Replace(base, "manager_conf: manager.conf", "acl_conf: acl.conf", 1), []string{"3: ami.manager_conf: is missing"}},
		"ami and admin":    {base + "admin: {listen: \"127.0.0.1:5038\"}", []string{"3: ami.manager_conf: listens on 127.0.0.1:5038, and admin.listen on"}},
		"manager away":     {strings.Replace(base, "manager.conf", "none.conf", 1), []string{"3: ami.manager_conf: "}},
		"itself":           {strings.Replace(base, ":5039", ":5038", 1), []string{"3: ami.manager_conf: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, tt.yaml)
			c, err := Load(file)
			problems, ok := errors.AsType[Problems](err)
			if c != nil || !ok {
				t.Fatalf("Load returned %v, %v", c, err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a secret: %v", err)
			}
			got := strings.Split(problems.Error(), "\n")
			if len(got) != len(tt.want) {
				t.Fatalf("got %d problems, want %d:\n%v", len(got), len(tt.want), err)
			}
			for i, want := range tt.want {
				want := file + ":" + want
				if other, ok := strings.CutPrefix(tt.want[i], "OTHER "); ok {
					want = filepath.Join(filepath.Dir(file), other)
				}
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("problem %d:\n got %s\nwant %s…", i, got[i], want)
				}
			}
		})
	}
}

func TestLoadNoFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "none.yaml")
	_, err := Load(file)
	if err == nil || err.Error() != file+": cannot be read: no such file or directory" {
		t.Error(err)
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for name, yamlText := range map[string]string{
		"port 0 everywhere": base + "bus: {nats: {route_listen: \"127.0.0.1:0\", client_listen: \"[::1]:0\"}, member: {listen: \"localhost:0\"}}\nadmin: {listen: \"127.0.0.1:0\"}",
		"listens nowhere":   base + "bus: {nats: {route_listen: \"\"}, member: {listen: \"\"}}\nadmin: {listen: \"\"}",
		"member with key":   base + "bus: {member: {listen: \"0.0.0.0:7946\", key_file: base64.key, join: [\"bravo.example.net:7946\"]}}",
		"shortest hold":     base + "bus: {hold: 20ms, tick: 4ms}",
		"names like words":  strings.Replace(base, "alpha", "123, site: on", 1),
		"an alias":          base + "bus: {member: {listen: &a \"127.0.0.1:7946\", join: [*a]}}",
		"no source":         "node: {name: watcher}\nsource: {kind: none}\nami: {manager_conf: manager.conf}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Load(write(t, yamlText)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	file := write(t, "node: {name: a}\nsource:\n  kind: none\n  asterisk: {username: x}\nami: {manager_conf: manager.conf}\n"+
		"bus:\n  nats:\n    urls: [\"nats://127.0.0.1:4222\"]\n    client_listen: \"127.0.0.1:4222\"\n")
	conf := filepath.Join(filepath.Dir(file), "manager.conf")
	if err := os.WriteFile(conf, []byte("[general]\nenabled=yes\nbindaddr=0.0.0.0\n[admin]\nsecret=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(conf, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		file + ":4: source.asterisk: is not used with source.kind none",
		file + ":5: ami.manager_conf: " + conf + " holds a secret and everybody",
		file + ":5: ami.manager_conf: its listener, 0.0.0.0:5038, is beyond loopback",
		file + ":9: bus.nats.client_listen: is not used with bus.nats.urls",
	}
	got := c.Warnings()
	if len(got) != len(want) {
		t.Fatalf("%d warnings, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i].Error(), want[i]) {
			t.Errorf("warning %d:\n got %v\nwant %s…", i, got[i], want[i])
		}
	}
}

func TestValidateWithoutFile(t *testing.T) {
	t.Parallel()
	err := Default().Validate()
	if err == nil || strings.Contains(err.Error(), ":0:") || !strings.Contains(err.Error(), "ami.manager_conf: is missing") {
		t.Errorf("%v", err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b             string
		collide, reaches bool // reaches: who connects to a ends at a listener on b
	}{
		{"127.0.0.1:5038", "127.0.0.1:5038", true, true},
		{"localhost:5038", "127.0.0.1:5038", true, true},
		{"127.0.0.1:5038", "0.0.0.0:5038", true, true},
		{"10.0.0.7:5038", "0.0.0.0:5038", true, false}, // it may be another machine
		{"10.0.0.7:5038", "10.0.0.7:5038", true, true},
		{"127.0.0.1:5038", "127.0.0.2:5038", false, false},
		{"[::ffff:127.0.0.1]:5038", "127.0.0.1:5038", true, true},
		{"127.0.0.1:5038", "127.0.0.1:5039", false, false},
		{"127.0.0.1:0", "127.0.0.1:0", false, false},
		{"nonsense", "nonsense", false, false},
	} {
		if got := collide(tt.a, tt.b); got != tt.collide {
			t.Errorf("collide(%s, %s) = %v", tt.a, tt.b, got)
		}
		if got := reaches(tt.a, tt.b); got != tt.reaches {
			t.Errorf("reaches(%s, %s) = %v", tt.a, tt.b, got)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Setenv("AMIBUS_TEST_SECRET", "from the environment\r\n")
	if got, err := (Asterisk{SecretEnv: "AMIBUS_TEST_SECRET"}).Secret(); err != nil || got != "from the environment" {
		t.Errorf("%q, %v", got, err)
	}
	file := filepath.Join(t.TempDir(), "secret")
	for _, secret := range []string{"one", "two"} { // read anew at each use
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := (Asterisk{SecretFile: file}).Secret(); err != nil || got != secret {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := (Asterisk{}).Secret(); err == nil {
		t.Error("no secret, no error")
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	const raw16, raw32, base64key = "0123456789abcdef", "0123456789abcdef0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	for text, want := range map[string][]string{
		"0123456789abcde\n": {"0123456789abcde\n"}, // 16 bytes, of which a line break is the last
		base64key:           {raw32},
		base64key + "\n" + "!" + raw16[1:] + "\r\n":  {raw32, "!" + raw16[1:]},
		"\n" + base64key + "\n\n" + base64key + "\n": {raw32, raw32},
		base64key + "\nshort\n":                      nil,
		"\n\n":                                       nil,
		"":                                           nil,
	} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := (Member{KeyFile: file}).Keys()
		var got []string
		for _, key := range keys {
			got = append(got, string(key))
		}
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		if err != nil && strings.Contains(text, "short") && (!strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "short")) {
			t.Errorf("the error does not name the line, or tells what it holds: %v", err)
		}
	}
	if keys, err := (Member{}).Keys(); keys != nil || err != nil {
		t.Errorf("without a file: %q, %v", keys, err)
	}
}

// FuzzDecode: whatever the file holds, each problem is one line that begins with a line of the file, and what decodes without one
// sets only what the keys name.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{full, base, "", "# nothing", "a: &a [*a]", "? {a: b}\n: c", "\"a\\nb\": 1", "--- |\n x\n...\n---\n", "node: !!binary aGk=", "{node: {name: *x}}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := Default()
		for _, p := range decode(c, "f", in) {
			if line := p.Error(); strings.Contains(line, "\n") || (p.Line < 1 && !strings.Contains(line, "unknown anchor")) || !strings.HasPrefix(line, "f:") {
				t.Errorf("problem %q at line %d", line, p.Line)
			}
		}
		for key, line := range c.origin.lines {
			if line < 1 || line > 1+strings.Count(string(in), "\n")+strings.Count(string(in), "\r")+strings.Count(string(in), "\u0085")+2*strings.Count(string(in), "\u2028") {
				t.Errorf("%s at line %d", key, line)
			}
		}
	})
}
