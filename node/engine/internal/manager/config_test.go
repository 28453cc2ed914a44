package manager

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami"
)

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

// FuzzConfigActions: whatever the file and the action, nothing panics, nothing is made outside of the directory, and what says that it is
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
