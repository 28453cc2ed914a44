package conformance

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../../../.."

// TestDocument: every item is shown by a test, nothing contradicts itself, and the document is what the tests say.
func TestDocument(t *testing.T) {
	t.Parallel()
	r, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems() {
		t.Error(p)
	}
	got, err := os.ReadFile(filepath.Join(root, Path))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, r.Document()) {
		t.Errorf("%s is not what the tests say: run make docs", Path)
	}
	if n := len(r.items()); n != 165 {
		t.Errorf("behaviour.md has %d items, want 165", n)
	}
	if n := len(r.Points); n != 17 {
		t.Errorf("clients.md has %d points, want 17", n)
	}
}

// TestProblems: what is wrong with directives is named.
func TestProblems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("testdata/ami/behaviour.md", "# x\n\n## 1 One\n\n1. First. m:7\n2. Second. cfg\n3. Third.\n4. Fourth.\n5. Fifth.\n\n## 2 Empty\n\nText.\n")
	write("testdata/ami/clients.md", "1. **One**: text\n2. Two\n")
	write("node/amiserver/internal/conformance/pending.txt", "1.3\n1.4\n9.9\n")
	write("a_test.go", `package a

// TestA: text.
//
//ami:same 1.1 1.7
//ami:differs 1.2 because | so
//ami:na 1.2 no
//ami:client 1 3
//ami:differs 1.1
//ami:odd 1.1
//ami:same
func TestA(t *testing.T) {}

//ami:same 1.1
func Testing() {}

//ami:same 1.3
func FuzzA(f *testing.F) {}

var captureDifferences = map[string]string{"a": "reason", "b": x}
`)
	write("a.go", "package a\n\n//ami:same 1.5\n")
	r, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a_test.go: an entry of captureDifferences is not two string literals",
		"a_test.go:9: a reason is missing behind the item",
		`a_test.go:10: "odd" is none of same, differs, na, client`,
		"a_test.go:11: an item is missing",
		"a_test.go:14: the directive is not in the doc comment of a test",
		"a_test.go: TestA: //ami:same 1.7: there is no such item",
		"a_test.go: TestA: //ami:client 3: there is no such item",
		"pending.txt: there is no item 9.9",
		"item 1.2 does not apply by one test, and does by another",
		"item 1.3 is shown: strike it off pending.txt",
		"item 1.5 is shown by no test: Fifth.",
		"point 2 of clients.md is shown by no test: Two",
	}
	if got := r.Problems(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	text := string(r.Document())
	for _, line := range []string{
		"Of 5 items 2 are the same, 1 different on purpose, 0 not applicable, 2 not shown yet.",
		"Of the 2 points that clients lean on 1 are kept.",
		"- 1.2: because | so; no",
		"- a: reason",
		`| 1.2 | Second. | **different on purpose**: because \| so; no | [TestA](../a_test.go) |`,
		"| 1.3 | Third. | same | [FuzzA](../a_test.go) |",
		"| 1.4 | Fourth. | *not shown yet* |  |",
		"| 1 | **One**: text | kept | [TestA](../a_test.go) |",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%q is not in\n%s", line, text)
		}
	}
}

// TestShorten: a text is cut at the end of a sentence or a word, and never within a quotation.
func TestShorten(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 40)
	for in, want := range map[string]string{
		"short":                              "short",
		long[:70] + "end. " + long:           long[:70] + "end.",
		long[:140] + "`in a quotation` x":    long[:139] + " …",
		long[:140] + "**bold words here** x": long[:139] + " …",
	} {
		if got := shorten(in); got != want {
			t.Errorf("%q\ngives %q\nwant  %q", in, got, want)
		}
	}
}
