package main

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReloadUsers: SIGHUP and ClusterReload change who may log in; sessions go on as they are, and a file that is wrong changes nothing.
//
//ami:same 5.12 14.4
func TestReloadUsers(t *testing.T) {
	t.Parallel()
	n := &testNode{name: "alpha", dir: t.TempDir()}
	n.run(t)
	old := dial(t, n.addr.AMI)
	configured, err := os.ReadFile(filepath.Join(n.dir, "manager.conf"))
	if err != nil {
		t.Fatal(err)
	}
	without, _, _ := strings.Cut(string(configured), "[admin]")
	user := func(name string) string { return "[" + name + "]\nsecret = secret\nread = all\nwrite = all\n" }

	n.write(t, "manager.conf", without+user("late"))
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the users are reloaded", func() bool { return strings.Contains(n.log.String(), "users reloaded") })
	late := dialAs(t, n.addr.AMI, "late")
	if got := tryLogin(t, n.addr.AMI, "admin"); !strings.Contains(got, "Authentication failed") {
		t.Errorf("a user who is gone: %q", got)
	}
	old.send("Action: Ping\r\nActionID: p\r\n\r\n")
	old.answer("p")

	n.write(t, "manager.conf", without+user("later")+"permit = nonsense\n")
	late.send("Action: ClusterReload\r\nActionID: r\r\n\r\n")
	if m := late.answer("r"); string(m.Get("Response")) != "Error" || !strings.Contains(string(m.Get("Message")), "manager.conf:9: later.permit") {
		t.Errorf("%q", m.Bytes())
	}
	dialAs(t, n.addr.AMI, "late")

	n.write(t, "manager.conf", without+user("later"))
	late.send("Action: ClusterReload\r\nActionID: r2\r\n\r\n")
	if m := late.answer("r2"); string(m.Get("Message")) != "Configuration reloaded" {
		t.Errorf("%q", m.Bytes())
	}
	dialAs(t, n.addr.AMI, "later")
}

// TestReloadWeb: SIGHUP and ClusterReload read http.conf anew; its listeners stay, and a file that is wrong changes nothing.
func TestReloadWeb(t *testing.T) {
	t.Parallel()
	n := &testNode{name: "alpha", dir: t.TempDir(), web: true, general: "webenabled = yes\n"}
	n.run(t)
	admin := dial(t, n.addr.AMI)
	client := &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	status := func(path string) (code int, server string) {
		t.Helper()
		for _, base := range []string{"http://" + n.addr.HTTP, "https://" + n.addr.HTTPS} {
			resp, err := client.Get(base + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if code != 0 && code != resp.StatusCode {
				t.Errorf("%s: %d over HTTP, %d over HTTPS", path, code, resp.StatusCode)
			}
			code, server = resp.StatusCode, resp.Header.Get("Server")
		}
		return code, server
	}
	wants := func(path string, want int) {
		t.Helper()
		if code, _ := status(path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	reload := func(id, want string) {
		t.Helper()
		admin.send("Action: ClusterReload\r\nActionID: " + id + "\r\n\r\n")
		if m := admin.answer(id); !strings.Contains(string(m.Get("Message")), want) {
			t.Errorf("%q, want %q", m.Bytes(), want)
		}
	}
	wants("/asterisk/rawman", 200)
	configured, err := os.ReadFile(filepath.Join(n.dir, "http.conf"))
	if err != nil {
		t.Fatal(err)
	}
	file := strings.Replace(string(configured), "prefix = asterisk", "prefix = pbx\nservername = mine", 1)
	n.write(t, "http.conf", file+"[/pbx/mxml]\ntype = restriction\ndeny = 0.0.0.0/0\n")
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "http.conf is reloaded", func() bool { return strings.Contains(n.log.String(), "http.conf reloaded") })
	wants("/asterisk/rawman", 404)
	wants("/pbx/rawman", 200)
	wants("/pbx/mxml", 403)
	if _, server := status("/pbx/rawman"); server != "mine" {
		t.Errorf("Server: %q", server)
	}

	n.write(t, "http.conf", strings.Replace(file, "pbx", "a?b", 1))
	reload("bad", "http.conf:5: general.prefix")
	wants("/pbx/rawman", 200)
	wants("/pbx/mxml", 403)

	n.write(t, "http.conf", strings.Replace(file, "bindport = 0", "bindport = 1\nsession_keep_alive = 1", 1))
	reload("moved", "Configuration reloaded")
	if log := n.log.String(); !strings.Contains(log, "stay as they are until a restart") {
		t.Error(log)
	}
	wants("/pbx/mxml", 200)

	n.write(t, "http.conf", strings.Replace(file, "enabled = yes", "enabled = no", 1))
	reload("off", "Configuration reloaded")
	wants("/pbx/rawman", 404)
	n.write(t, "http.conf", file)
	reload("on", "Configuration reloaded")
	wants("/pbx/rawman", 200)
}

// tryLogin returns all that the node says to a login.
func tryLogin(t *testing.T, addr, user string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, "Action: Login\r\nUsername: "+user+"\r\nSecret: secret\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}
