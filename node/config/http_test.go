package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func loadHTTP(t testing.TB, conf string) (*HTTP, Problems, error) {
	t.Helper()
	return LoadHTTP(filepath.Join(filepath.Dir(secureFiles(t, map[string]string{"http.conf": conf})), "http.conf"))
}

func TestLoadHTTP(t *testing.T) {
	t.Parallel()
	h, warnings, err := loadHTTP(t, `[general]
servername=My PBX
enabled=yes
bindaddr=127.0.0.1
bindport=8090
prefix=asterisk
sessionlimit=7
session_inactivity=1500
session_keep_alive=0
tlsenable=yes
tlsbindaddr=0.0.0.0:8443
tlscertfile=cert.pem
tlsprivatekey=key.pem
[/asterisk/manager]
type=restriction
deny=0.0.0.0/0
permit=127.0.0.0/8
[/asterisk]
type=restriction
deny=127.0.0.9
`)
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	if h.Listen != "127.0.0.1:8090" || h.TLS.Listen != "0.0.0.0:8443" || h.Prefix != "/asterisk" || h.ServerName != "My PBX" || h.SessionLimit != 7 ||
		h.Inactivity != 1500*time.Millisecond || h.KeepAlive != 0 {
		t.Errorf("%+v", h)
	}
	for request, want := range map[string]bool{
		"127.0.0.1 /asterisk/manager": true, "10.0.0.1 /asterisk/manager": false, "10.0.0.1 /asterisk/rawman": true,
		"127.0.0.9 /asterisk/manager": false, "127.0.0.9 /asterisk/rawman": false, "127.0.0.9 /": true,
	} {
		addr, path, _ := strings.Cut(request, " ")
		if got := h.Allowed(path, netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", request, got)
		}
	}
}

// TestHTTPDefaults are Asterisk's (ami/behaviour.md 11.17).
func TestHTTPDefaults(t *testing.T) {
	t.Parallel()
	h, warnings, err := loadHTTP(t, "[general]\nenabled=yes\nbindaddr=::1\n")
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	if h.Listen != "[::1]:8088" || h.TLS != nil || h.Prefix != "" || h.ServerName != "Asterisk" || h.SessionLimit != 100 ||
		h.Inactivity != 30*time.Second || h.KeepAlive != 15*time.Second {
		t.Errorf("%+v", h)
	}
	for conf, want := range map[string]string{ // listen, over TLS, prefix, server
		"bindaddr=127.0.0.1\ntlsenable=yes\ntlscertfile=both.pem\nservername=\n": "127.0.0.1:8088 127.0.0.1:8089  ",
		"tlsenable=yes\ntlsbindaddr=127.0.0.1\ntlscertfile=both.pem\n":           " 127.0.0.1:8089  Asterisk",
		"bindaddr=127.0.0.1\nprefix=/a/b/\nbindport=0\n":                         "127.0.0.1:0 - /a/b Asterisk",
	} {
		h, _, err := loadHTTP(t, "[general]\nenabled=yes\n"+conf)
		if err != nil {
			t.Fatal(err)
		}
		secure := "-"
		if h.TLS != nil {
			secure = h.TLS.Listen
		}
		if got := strings.Join([]string{h.Listen, secure, h.Prefix, h.ServerName}, " "); got != want {
			t.Errorf("%q: %q", conf, got)
		}
	}
}

func TestHTTPWarningsAndErrors(t *testing.T) {
	t.Parallel()
	for conf, want := range map[string]string{ // the keys of warnings; an error begins with !
		"[general]\n": "general.enabled", "": "general.enabled", "[general]\nenabled=no\nbindaddr=::\ntlsenable=yes\n": "general.enabled",
		"[general]\nenabled=yes\nbindaddr=::\nenable_static=yes\nredirect=/ /x\nenable_status=no\nenablestatic=1\n": "general.enable_static general.redirect general.enablestatic",
		"[general]\nenabled=yes\nbindaddr=::\nsessionlimit=0\nsession_inactivity=0\nsession_keep_alive=-1\nx=y\n":   "general.sessionlimit general.session_inactivity general.session_keep_alive general.x",
		"[general]\nenabled=yes\nbindaddr=::\n[post_mappings]\nuploads=/tmp\n[t](!)\ntype=restriction\n":            "post_mappings",
		"[general]\nenabled=yes\n":                                                     "!:1: general.bindaddr: is missing",
		"[general]\nenabled=yes\nbindaddr=alpha\n":                                     `!:3: general.bindaddr: "alpha" is not an address`,
		"[general]\nenabled=yes\nbindaddr=::\nbindport=x\n":                            `!:4: general.bindport: "x" is not a port`,
		"[general]\nenabled=yes\nbindaddr=::\nprefix=a b\n":                            `!:4: general.prefix: "a b" is not a path`,
		"[general]\nenabled=yes\nbindaddr=::\ntlsenable=yes\n":                         "!:1: general.tlscertfile: is missing",
		"[general]\nenabled=yes\ntlsenable=yes\ntlscertfile=both.pem\n":                "!:1: general.tlsbindaddr: is missing",
		"[general]\nenabled=yes\nbindaddr=::\n[/x]\ntype=restriction\ndeny=y\n":        `!:6: /x.deny: "y" is not an address`,
		"[general]\nenabled=yes\nbindaddr=::\n[/x]\ntype=restriction\nacl=local\n":     "!:6: /x.acl: named lists are not supported here",
		"[general]\nenabled=yes\nbindaddr=::\n[/x]\ntype=restriction\n#include none\n": "!:6: #include ",
	} {
		h, warnings, err := loadHTTP(t, conf)
		if text, isError := strings.CutPrefix(want, "!"); isError {
			if err == nil || h != nil || !strings.Contains(err.Error(), "http.conf"+text) {
				t.Errorf("%q: %v", conf, err)
			}
			continue
		}
		var keys []string
		for _, w := range warnings {
			keys = append(keys, w.Key)
		}
		if got := strings.Join(keys, " "); err != nil || got != want {
			t.Errorf("%q: %v %v", conf, warnings, err)
		}
	}
}

// TestHTTPConf: the file is found, judged and warned of by way of the YAML file.
func TestHTTPConf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		general, http string
		warnings      []string
		err           string
	}{
		"good":         {"webenabled=yes\n", "enabled=yes\nbindaddr=127.0.0.1\n", nil, ""},
		"open":         {"webenabled=yes\n", "enabled=yes\nbindaddr=0.0.0.0\n", []string{"node.yaml:3: ami.http_conf: its listener, 0.0.0.0:8088, is beyond loopback"}, ""},
		"not enabled":  {"", "enabled=yes\nbindaddr=127.0.0.1\n", []string{"node.yaml:3: ami.http_conf: nothing is served there"}, ""},
		"off":          {"webenabled=yes\n", "", []string{"http.conf: general.enabled: is not yes"}, ""},
		"odd":          {"webenabled=yes\n", "enabled=yes\nbindaddr=127.0.0.1\ncolour=red\n", []string{"http.conf:4: general.colour: not known"}, ""},
		"wrong":        {"", "enabled=yes\n", nil, "http.conf:1: general.bindaddr: is missing"},
		"two on one":   {"port=8088\n", "enabled=yes\nbindaddr=127.0.0.1\n", nil, "node.yaml:3: ami.http_conf: listens on 127.0.0.1:8088, and ami.manager_conf on"},
		"the Asterisk": {"", "enabled=yes\nbindaddr=127.0.0.1\nbindport=5039\n", nil, "node.yaml:3: ami.http_conf: its listener, 127.0.0.1:5039, is the address of source.asterisk"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, strings.Replace(base, "manager.conf", "manager.conf, http_conf: http.conf", 1))
			dir := filepath.Dir(file)
			for name, text := range map[string]string{
				"manager.conf": "[general]\n" + c.general + "[u]\nsecret=s\n", "http.conf": "[general]\n" + c.http,
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			conf, err := Load(file)
			if c.err != "" {
				if err == nil || err.Error() != "" && !strings.HasPrefix(err.Error(), filepath.Join(dir, c.err)) {
					t.Errorf("%v\nwant %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := conf.Warnings()
			if len(got) != len(c.warnings) {
				t.Fatalf("%v", got)
			}
			for i, want := range c.warnings {
				if !strings.HasPrefix(got[i].Error(), filepath.Join(dir, want)) {
					t.Errorf("%v\nwant %s", got[i], want)
				}
			}
		})
	}
	if _, err := Load(write(t, strings.Replace(base, "manager.conf", "manager.conf, http_conf: none.conf", 1))); err == nil ||
		!strings.Contains(err.Error(), "node.yaml:3: ami.http_conf: ") {
		t.Error(err)
	}
}

func FuzzLoadHTTP(f *testing.F) {
	f.Add("[general]\nenabled=yes\nbindaddr=::1\nprefix=a\ntlscipher=HIGH:!x+y\n[/x]\ntype=restriction\ndeny=::/0\n")
	f.Fuzz(func(t *testing.T, conf string) {
		h, _, err := LoadHTTP(filepath.Join(filepath.Dir(managerFiles(t, map[string]string{"http.conf": conf})), "http.conf"))
		if h != nil && err != nil {
			t.Fatal(h, err)
		}
	})
}
