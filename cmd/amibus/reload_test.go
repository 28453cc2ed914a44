package main

import (
	"io"
	"net"
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
