package amiserver

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// httpDifferences are what we answer differently to the recorded requests, on purpose.
var httpDifferences = map[string]string{
	"Set-Cookie": "has SameSite=Strict, so that links on other sites cannot act in the user's name",
	"05-http10":  "the connection ends after an answer to HTTP/1.0 that does not ask for more, as HTTP/1.0 wants it",
	"08-badline": "net/http answers what is no HTTP at all, with the same status and a body of its own",
}

// TestHTTPCaptures: to the requests of a real client we answer what Asterisk answered: status, headers in any order and spelling, and body,
// but for times, addresses and random numbers, and httpDifferences.
//
//ami:same 11.1 11.2 11.7 11.8 11.9
//ami:differs 11.5 the id has 128 bits, and the cookie SameSite=Strict
func TestHTTPCaptures(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"http-rawman", "http-manager", "http-misc", "http-digest"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			f := serveHTTP(t, nil)
			f.node.stamped = true
			requests, err := filepath.Glob(filepath.Join(captures, folder, "*.req.gz"))
			if err != nil || len(requests) == 0 {
				t.Fatalf("no requests: %v", err)
			}
			ids := strings.NewReplacer() // recorded ids and nonces become ours
			var known []string
			for _, path := range requests {
				name := strings.TrimSuffix(filepath.Base(path), ".req.gz")
				f.node.run = recordedHTTP(t, f.node, folder, name)
				sent := ids.Replace(string(gunzip(t, folder, name+".req")))
				got, want := exchange(t, f.addr, withDigest(sent, name)), recordedResponse(t, folder, name)
				if a, b := idOf(want.header), idOf(got.header); a != "" && b != "" {
					known = append(known, a, b)
					ids = strings.NewReplacer(known...)
				}
				compareHTTP(t, name, got, want)
			}
		})
	}
}

type response struct {
	status int
	header http.Header
	body   string
	close  bool
}

func exchange(t *testing.T, addr, request string) response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return readResponse(t, conn, request)
}

func recordedResponse(t *testing.T, folder, name string) response {
	t.Helper()
	return readResponse(t, bytes.NewReader(gunzip(t, folder, name+".res")), string(gunzip(t, folder, name+".req")))
}

func readResponse(t *testing.T, r io.Reader, request string) response {
	t.Helper()
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(r), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := resp.ContentLength; method != "HEAD" && n >= 0 && n != int64(len(body)) {
		t.Errorf("Content-Length %d of %d bytes", n, len(body))
	}
	return response{resp.StatusCode, resp.Header, string(body), resp.Close}
}

var (
	anID       = regexp.MustCompile(`(mansession_id|nonce|opaque)="([0-9a-f]+)"`)
	httpMasked = regexp.MustCompile(`(?i)(timestamp|eventtv|sessiontv|sessionid|localaddress|remoteaddress)(: |</td><td>|=')[^\r\n<']*|()()\d+ minutes, \d+ seconds`)
)

func idOf(h http.Header) string {
	if m := anID.FindStringSubmatch(h.Get("Set-Cookie") + h.Get("WWW-Authenticate")); m != nil {
		return m[2]
	}
	return ""
}

func compareHTTP(t *testing.T, name string, got, want response) {
	t.Helper()
	if got.status != want.status {
		t.Errorf("%s: status %d, want %d", name, got.status, want.status)
	}
	for _, h := range []http.Header{got.header, want.header} {
		for _, masked := range []string{"Date", "Content-Length"} { // the latter is compared with the body
			h.Del(masked)
		}
		for _, key := range []string{"Set-Cookie", "Www-Authenticate"} {
			if v := h.Get(key); v != "" {
				h.Set(key, anID.ReplaceAllString(v, `$1="*"`))
			}
		}
	}
	if v := want.header.Get("Set-Cookie"); v != "" && httpDifferences["Set-Cookie"] != "" {
		want.header.Set("Set-Cookie", v+"; SameSite=Strict")
	}
	switch differs := httpDifferences[name] != ""; {
	case differs && name == "08-badline":
		return
	case got.close != (want.close || differs && name == "05-http10"):
		t.Errorf("%s: close is %v", name, got.close)
	}
	if g, w := fmt.Sprint(got.header), fmt.Sprint(want.header); g != w {
		t.Errorf("%s: headers\n%s\nwant\n%s", name, g, w)
	}
	if g, w := httpMasked.ReplaceAllString(got.body, "$1$2*"), httpMasked.ReplaceAllString(want.body, "$1$2*"); g != w {
		t.Errorf("%s: body\n%q\nwant\n%q", name, g, w)
	}
}

// withDigest makes the right response to our nonce where the recorded client had one to Asterisk's.
func withDigest(request, name string) string {
	uri := regexp.MustCompile(`uri="([^"]*)"`).FindStringSubmatch(request)
	nonce := regexp.MustCompile(`nonce="([^"]*)"`).FindStringSubmatch(request)
	if uri == nil || strings.Contains(name, "bad") || strings.Contains(name, "nouser") {
		return request
	}
	d := digester{user: "admin", secret: "secret", realm: "alpha", nonce: nonce[1], nc: 1}
	return regexp.MustCompile(`Authorization: [^\r]*`).ReplaceAllString(request, "Authorization: "+d.header("GET", uri[1]))
}

// recordedHTTP answers actions as the recorded Asterisk did, in plain.
func recordedHTTP(t *testing.T, node *fakeNode, folder, name string) func(context.Context, Caller, *ami.Message, func([]byte) error) error {
	plain := map[string]string{"10-amanager-list-auth": "04-arawman-list-auth", "16-amxml-list-auth": "04-arawman-list-auth"}[name]
	switch {
	case plain != "":
		name = plain
	case folder == "http-manager":
		folder = "http-rawman"
	}
	return func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		if action.IsAction("UserEvent") {
			node.Raise(raised(action))
		}
		_, answer, _ := bytes.Cut(gunzip(t, folder, name+".res"), []byte("\r\n\r\n"))
		return send(answer)
	}
}
