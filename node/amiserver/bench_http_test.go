package amiserver

import (
	"io"
	"net/http"
	"testing"
)

// BenchmarkHTTPPing is one action over a connection that stays, the client's side and the kernel included.
func BenchmarkHTTPPing(b *testing.B) {
	f := serveHTTP(b, nil)
	client := f.browser(b)
	client.login("admin", "")
	for b.Loop() {
		resp, err := client.Get(f.url + "/rawman?action=ping")
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n == 0 || resp.StatusCode != http.StatusOK {
			b.Fatalf("%d bytes, status %d, %v", n, resp.StatusCode, err)
		}
		resp.Body.Close()
	}
}
