package conffile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var created = time.Date(2026, 11, 23, 1, 50, 45, 0, time.UTC)

// head is what every written file begins with.
func head(dir, main, file string) string {
	return fmt.Sprintf(";!\n;! Automatically generated configuration file\n;! Filename: %s (%s)\n;! Generator: Manager\n"+
		";! Creation Date: Mon Nov 23 01:50:45 2026\n;!\n", main, filepath.Join(dir, file))
}

func dirWith(t testing.TB, files map[string]string) (*Dir, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return NewDir(dir), dir
}

func update(d *Dir, name string, edit func(*File) error) error {
	return d.Update(name, name, "Manager", created, edit)
}

func content(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// listing is a file on one line: [section](templates)name=value,…
func listing(f *File, filter string) string {
	var b strings.Builder
	for _, s := range f.Matching("", filter) {
		fmt.Fprintf(&b, "[%s]", s.Name)
		if len(s.Bases()) > 0 {
			fmt.Fprintf(&b, "(%s)", strings.Join(s.Bases(), ","))
		}
		for i, l := range s.Lines {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(l.Name + "=" + l.Value)
		}
	}
	return b.String()
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"[a]\nx=1\ny => 2 ; two\n", "[a]x=1,y=2"},
		{"[a]\nx = b\\; c\n", "[a]x=b; c"},
		{"[t](!)\nx=1\n[a](t)\ny=2\n", "[a](t)x=1,y=2"},
		{"[a]\nx=1\n[a](+)\ny=2\n", "[a]x=1,y=2"},
		{"[a]\nx=1\n[a]\nx=2\n", "[a]x=1[a]x=2"},
		{"[a]\nx=1\nx+=2\n", "[a]x=12"},
		{"[a]\nx+=2\n", "[a]x=2"},
		{"[a]\n;-- x=1\ny=2\n--; z=3\n", "[a]z=3"},
		{"[a]\nx=1 ;-- not this --; and this\n", "[a]x=1  and this"},
		{"[a]\n;--- not a block\nx=1\n", "[a]x=1"},
		{"[a]\nx=1 --; y\nz=1\n", "[a]x=1 --,z=1"},
		{"\ufeff[a]\nno equals sign\nx=1", "[a]x=1"},
		{"[a]\n\\[x=1\n\\#y=2\n", "[a][x=1,#y=2"},
		{"[a]\n#exec /bin/true\nx=1\n", "[a]x=1"},
		{"[a]\n#tryinclude none.conf\nx=1\n", "[a]x=1"},
		{"[a]\n#include \"b.conf\"\nz=3\n", "[a]x=1,y=2,z=3"},
		{"[a]\n#include sub/*.conf\n", "[a][s]q=1"},
		{"[a]\n" + strings.Repeat("x", maxLine+10) + "=1\ny=2\n", "[a]y=2"},
		{"", ""},
	} {
		d, _ := dirWith(t, map[string]string{"a.conf": c.text, "b.conf": "x=1\ny=2\n", "sub/s.conf": "[s]\nq=1\n"})
		f, err := d.Load("a.conf")
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		} else if got := listing(f, ""); got != c.want {
			t.Errorf("%q is read as %q, want %q", c.text, got, c.want)
		}
	}
}

func TestReadFails(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing before":      "x=1\n",
		"open head":           "[a\n",
		"open list":           "[a](b\n",
		"no base":             "[a](b)\n",
		"itself":              "[a](a)\n",
		"adds to nothing":     "[a](+)\n",
		"missing":             "#include none.conf\n",
		"outside":             "#include ../x.conf\n",
		"elsewhere":           "#include /etc/hostname\n",
		"escape of nothing":   "[a]\n\\ \n",
		"templates that grow": "[t](!)\nx=" + strings.Repeat("v", 4000) + "\n" + strings.Repeat("[t](+,t)\n", 40),
	} {
		d, _ := dirWith(t, map[string]string{"a.conf": text})
		if _, err := d.Load("a.conf"); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want that it is invalid", name, err)
		}
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	d, _ := dirWith(t, map[string]string{"a.conf": "[t](!)\nk=one\n[a](t)\n[b]\nk=two\n"})
	f, err := d.Load("a.conf")
	if err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]string{
		"":                         "[a](t)k=one[b]k=two",
		"k=one":                    "[a](t)k=one",
		"k=^t":                     "[b]k=two",
		"TEMPLATES=include":        "[t]k=one[a](t)k=one[b]k=two",
		"TEMPLATES=restrict":       "[t]k=one",
		"TEMPLATES=include, k=one": "[t]k=one[a](t)k=one",
		"k":                        "", "k=": "", "k=(": "", "TEMPLATES=x": "",
	} {
		if got := listing(f, filter); got != want {
			t.Errorf("%q finds %q, want %q", filter, got, want)
		}
	}
}

// TestKeeps: comments, empty lines, includes and what is no setting stay where they are.
func TestKeeps(t *testing.T) {
	t.Parallel()
	body := `; about a
[a] ; beside

; about x
x = 1  ; one
y => 2
;-- a
 block --;

#include "b.conf"
#exec /bin/true
; about t
[t](!)
k = v\; w
[h](!,t)
; the end
; really
`
	d, dir := dirWith(t, map[string]string{"a.conf": body, "b.conf": "; in b\nz = 3\n"})
	for range 2 { // what is written is written the same again
		if err := update(d, "a.conf", func(*File) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if got, want := content(t, dir, "a.conf"), head(dir, "a.conf", "a.conf")+body; got != want {
			t.Fatalf("written:\n%s\nwant:\n%s", got, want)
		}
		if got, want := content(t, dir, "b.conf"), head(dir, "a.conf", "b.conf")+"; in b\nz = 3\n"; got != want {
			t.Fatalf("written:\n%s\nwant:\n%s", got, want)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "a.conf")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's rights are %v, %v", info.Mode(), err)
	}
	if all, _ := os.ReadDir(dir); len(all) != 2 {
		t.Errorf("left behind: %v", all)
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	const before = "[t](!)\nk = v\n\n[a](t)\nx = 1\ny = 2\n"
	for name, c := range map[string]struct {
		edit func(f *File, a *Section)
		want string
	}{
		"append":           {func(f *File, a *Section) { f.Append(a, "z", "b; c", false) }, "[t](!)\nk = v\n\n[a](t)\nx = 1\ny = 2\nz = b\\; c\n"},
		"insert":           {func(f *File, a *Section) { f.Insert(a, "z", "3", "2") }, "[t](!)\nk = v\n\n[a](t)\nx = 1\nz = 3\ny = 2\n"},
		"update inherited": {func(f *File, a *Section) { f.Update(a, "K", "w", "", true) }, "[t](!)\nk = v\n\n[a](t)\nK => w\nx = 1\ny = 2\n"},
		"update match":     {func(f *File, a *Section) { f.Update(a, "x", "9", "1", false) }, "[t](!)\nk = v\n\n[a](t)\nx = 9\ny = 2\n"},
		"remove":           {func(_ *File, a *Section) { a.Remove("x", "", "") }, "[t](!)\nk = v\n\n[a](t)\n\ny = 2\n"},
		"remove a number":  {func(_ *File, a *Section) { a.Remove("", "", "2") }, "[t](!)\nk = v\n\n[a](t)\nx = 1\n"},
		"rename template":  {func(f *File, _ *Section) { f.Sections[0].Rename("u") }, "[u](!)\nk = v\n\n[a](u)\nx = 1\ny = 2\n"},
		"delete template":  {func(f *File, _ *Section) { f.Delete(f.Sections[:1:1]) }, "\n\n\n[a]\nk = v\nx = 1\ny = 2\n"},
		"odd names":        {func(f *File, a *Section) { f.Append(a, "[n", "1", false); f.Append(a, "#n;", "", false) }, "[t](!)\nk = v\n\n[a](t)\nx = 1\ny = 2\n\\[n = 1\n\\#n\\; = \n"},
		"new":              {func(f *File, _ *Section) { f.Add("n", false, f.Sections[:1], "") }, before + "[n](t)\n"},
		"new before":       {func(f *File, _ *Section) { f.Add("n", true, nil, "A") }, "[t](!)\nk = v\n[n](!)\n\n[a](t)\nx = 1\ny = 2\n"},
	} {
		d, dir := dirWith(t, map[string]string{"a.conf": before})
		if err := update(d, "a.conf", func(f *File) error { c.edit(f, f.Sections[1]); return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := strings.TrimPrefix(content(t, dir, "a.conf"), head(dir, "a.conf", "a.conf")); got != c.want {
			t.Errorf("%s:\n%q\nwant:\n%q", name, got, c.want)
		}
	}
}

// TestRefuses: what could not be read again as it is meant is not written.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		edit func(f *File)
	}{
		"a bracket in a name":       {"[a]\n", func(f *File) { f.Sections[0].Rename("a]b") }},
		"a comment in a name":       {"[a]\n", func(f *File) { f.Sections[0].Rename("a;b") }},
		"equals in a name":          {"[a]\n", func(f *File) { f.Append(f.Sections[0], "a=b", "c", false) }},
		"a line end":                {"[a]\n", func(f *File) { f.Append(f.Sections[0], "a", "c\n[evil]", false) }},
		"a template that is behind": {"[t](!)\n", func(f *File) { f.Add("a", false, f.Sections[:1], "t") }},
		"a line too long":           {"[a]\n", func(f *File) { f.Append(f.Sections[0], "a", strings.Repeat("v", maxLine), false) }},
		"an include twice":          {"[a]\n#include b.conf\n#include b.conf\n", func(*File) {}},
		"a broken include":          {"[a]\n#include c.conf\n", func(*File) {}},
		"an open comment":           {"[a]\n;-- x\n", func(*File) {}},
	} {
		d, dir := dirWith(t, map[string]string{"a.conf": c.text, "b.conf": "[b]\n", "c.conf": "[c]\n[d\n[e]\n"})
		if err := update(d, "a.conf", func(f *File) error { c.edit(f); return nil }); !errors.Is(err, ErrSave) {
			t.Errorf("%s: %v", name, err)
		}
		if got := content(t, dir, "a.conf"); got != c.text {
			t.Errorf("%s: it was written all the same: %q", name, got)
		}
	}
}

func TestNeverOutside(t *testing.T) {
	t.Parallel()
	outer := t.TempDir()
	secret := filepath.Join(outer, "secret.conf")
	if err := os.WriteFile(secret, []byte("[secret]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(outer, "etc")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"link.conf": "../secret.conf", "abs.conf": secret, "up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "in.conf"), []byte("[a]\n#tryinclude up/secret.conf\n#tryinclude up/*.conf\n#tryinclude link.conf\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := NewDir(dir)
	for _, name := range []string{"link.conf", "abs.conf", "up", "up/secret.conf", "../secret.conf", secret, "..", ".", "", " ", "a\x00b", `a\b`} {
		if f, err := d.Load(name); err == nil {
			t.Errorf("%q is read: %q", name, listing(f, ""))
		}
		if err := d.Update("in.conf", name, "Manager", created, func(*File) error { return nil }); err == nil {
			t.Errorf("%q is written", name)
		}
		if err := d.Create(name); err == nil && !strings.HasSuffix(name, ".conf") {
			t.Errorf("%q is made", name)
		}
	}
	if f, err := d.Load("in.conf"); err != nil || listing(f, "") != "[a]" {
		t.Errorf("includes lead outside: %v", err)
	}
	if got := content(t, outer, "secret.conf"); got != "[secret]\n" {
		t.Errorf("the file outside is now %q", got)
	}
	if all, _ := os.ReadDir(outer); len(all) != 2 {
		t.Errorf("made outside: %v", all)
	}
}

func TestSeedAndBounds(t *testing.T) {
	t.Parallel()
	d, dir := dirWith(t, nil)
	for range 2 {
		if err := d.Seed(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := d.Load(Example)
	const want = "[general]setting=value,setting=value2,path=/some/where[derived](section-one)key1=one,key2=two words here,key3=three,emp="
	if err != nil || listing(f, "") != want {
		t.Errorf("the example is %q, %v", listing(f, ""), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "big.conf"), make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Load("big.conf"); err == nil {
		t.Error("a file that is too big is read")
	}
	for i := range maxInDir - 3 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("f", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Create("last.conf"); err != nil {
		t.Error(err)
	}
	if err := d.Create("more.conf"); err == nil {
		t.Error("files can be made without end")
	}
	if err := d.Update(Example, "another.conf", "Manager", created, func(*File) error { return nil }); !errors.Is(err, ErrSave) {
		t.Errorf("another file: %v", err)
	}
}

// FuzzUpdate: nothing panics, and whatever is written says what was meant.
func FuzzUpdate(f *testing.F) {
	f.Add("[a]\nx=1\n", "b", "n", "v", uint16(0))
	f.Add("[t](!)\nx=1\n[a](t)\ny=2 ;-- c\n--; z=3\n#include b.conf\n", "t", "[n", "v;w", uint16(0x1234))
	f.Add("[a]\n#include b.conf\n#tryinclude \"b*\"\n[b](+)\n", "a]", "", " ", uint16(0xffff))
	f.Fuzz(func(t *testing.T, text, cat, name, value string, ops uint16) {
		d, dir := dirWith(t, map[string]string{"a.conf": text, "b.conf": "; b\nq=1\n[b]\nr=2\n"})
		var meant string
		err := update(d, "a.conf", func(f *File) error {
			for ; ops > 0; ops >>= 4 {
				var s *Section
				if n := len(f.Sections); n > 0 {
					s = f.Sections[int(ops>>2)%n]
				}
				switch op := ops & 7; {
				case op == 0:
					f.Add(cat, ops&8 != 0, f.Matching("", "TEMPLATES=restrict"), "")
				case s == nil:
				case op == 1:
					s.Rename(cat)
				case op == 2:
					f.Delete([]*Section{s})
				case op == 3 && name != "":
					f.Append(s, name, value, ops&8 != 0)
				case op == 4 && name != "":
					f.Insert(s, name, value, "1")
				case op == 5 && name != "" && len(s.Lines) > 0:
					f.Update(s, s.Lines[0].Name, value, "", false)
				case op == 6:
					s.Remove("", "", "0")
				case op == 7:
					f.Add(cat, false, nil, cat)
				}
			}
			meant = effective(f)
			return nil
		})
		if err != nil {
			if got := content(t, dir, "a.conf"); got != text {
				t.Fatalf("refused with %v, but the file is now %q", err, got)
			}
			return
		}
		again, err := d.Load("a.conf")
		if err != nil {
			t.Fatalf("written and not readable: %v\n%s", err, content(t, dir, "a.conf"))
		}
		if got := effective(again); got != meant {
			t.Fatalf("written is\n%s\nmeant was\n%s", got, meant)
		}
	})
}

// effective is what sections without templates say: one that inherits has what it inherits first when it is read again.
func effective(f *File) string {
	var b strings.Builder
	byName := map[string]string{}
	var names []string
	for _, s := range f.Sections {
		if _, there := byName[s.Name]; !there {
			names = append(names, s.Name)
		}
		if len(s.Bases()) == 0 {
			for _, l := range s.Lines {
				byName[s.Name] += fmt.Sprintf(" %q=%q", strip(l.Name), strip(l.Value))
			}
		}
		byName[s.Name] += ";"
	}
	slices.Sort(names)
	for _, n := range names {
		fmt.Fprintf(&b, "[%s]%s\n", n, byName[n])
	}
	return b.String()
}
