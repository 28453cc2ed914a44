package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/amibus/amibus/node/amiserver/internal/web"
)

const captures = "../../../../testdata/captures"

// exchanges returns the names of the exchanges of a folder.
func exchanges(t testing.TB, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(captures, folder, "*.req.gz"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no exchanges in %s: %v", folder, err)
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(p), ".req.gz")
	}
	return paths
}

func gunzip(t testing.TB, folder, name string) []byte {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join(captures, folder, name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func body(t testing.TB, folder, name string) string {
	t.Helper()
	_, body, ok := bytes.Cut(gunzip(t, folder, name+".res"), []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("%s/%s has no body", folder, name)
	}
	return string(body)
}

var changing = regexp.MustCompile(`\d{10}\.\d{6}|\d{4}-\d\d-\d\dT[0-9:.]+\+0000|0x[0-9a-f]+|/127\.0\.0\.1/\d+|\d+ seconds|\bh?\d+ minutes?`)

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got, want = changing.ReplaceAllString(got, "*"), changing.ReplaceAllString(want, "*"); got != want {
		t.Errorf("%s:\n%q\nwant\n%q", what, got, want)
	}
}

func render(t testing.TB, f web.Format, digest bool, query, text string) string {
	t.Helper()
	r := web.NewRenderer(f, web.Parse(query), digest, 1<<20)
	for len(text) > 0 { // however it is cut into pieces
		n := min(len(text), 7)
		if _, err := r.Write([]byte(text[:n])); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	page, err := r.Page()
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// TestPagesAsRecorded: what Asterisk answered in plain, made into HTML and XML, is what it answered there.
//
//ami:same 11.9 11.12
func TestPagesAsRecorded(t *testing.T) {
	t.Parallel()
	for _, name := range exchanges(t, "http-rawman") {
		same(t, name, render(t, web.HTML, false, "", body(t, "http-rawman", name)), body(t, "http-manager", name))
		same(t, name, render(t, web.Plain, false, "", body(t, "http-rawman", name)), body(t, "http-rawman", name))
	}
	for plain, page := range map[string]string{"02-arawman-ping-auth": "ping-auth", "04-arawman-list-auth": "list-auth"} {
		text := body(t, "http-digest", plain)
		for _, name := range exchanges(t, "http-digest") {
			switch {
			case strings.HasSuffix(name, "amanager-"+page):
				same(t, name, render(t, web.HTML, true, "", text), body(t, "http-digest", name))
			case strings.HasSuffix(name, "amxml-"+page):
				same(t, name, render(t, web.XML, true, "", text), body(t, "http-digest", name))
			}
		}
	}
}

// TestErrorPagesAsRecorded: the pages of Asterisk's HTTP server.
func TestErrorPagesAsRecorded(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]string{
		"http-misc 01-root":               web.ErrorPage(404, "Not Found", "The requested URL was not found on this server.", "Asterisk"),
		"http-misc 04-put":                web.ErrorPage(501, "Not Implemented", "Attempt to use unimplemented / unsupported method", "Asterisk"),
		"http-misc 09-long-query":         web.ErrorPage(400, "Bad Request", "Request line too long", "Asterisk"),
		"http-digest 01-arawman-ping-401": web.ErrorPage(401, "Unauthorized", "", "Asterisk"),
	} {
		folder, name, _ := strings.Cut(name, " ")
		if want := body(t, folder, name); page != want {
			t.Errorf("%s:\n%q\nwant\n%q", name, page, want)
		}
	}
}

// TestDigestAsRecorded: the recorded client knows the secret where Asterisk let it in, and does not where it was refused.
//
//ami:same 11.13
func TestDigestAsRecorded(t *testing.T) {
	t.Parallel()
	right := 0
	for _, name := range exchanges(t, "http-digest") {
		request := string(gunzip(t, "http-digest", name+".req"))
		_, header, ok := strings.Cut(request, "\r\nAuthorization: ")
		if !ok {
			continue
		}
		header, _, _ = strings.Cut(header, "\r\n")
		d, err := web.ParseDigest(header)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		accepted := bytes.HasPrefix(gunzip(t, "http-digest", name+".res"), []byte("HTTP/1.1 200"))
		if got := d.Right(web.HA1("admin", "alpha", "secret"), "GET"); got != accepted {
			t.Errorf("%s: right %v, Asterisk said %v", name, got, accepted)
		}
		if accepted {
			right++
		}
		if d.NC != 1 || !d.Auth {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if right == 0 {
		t.Error("nobody was let in")
	}
}
