package upstream_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

// TestCaptures: what a recorded Asterisk says is handed on byte for byte and in order, without the FullyBooted of the login. The
// recorded security events tell of sockets of others.
func TestCaptures(t *testing.T) {
	t.Parallel()
	for scenario, instance := range map[string]string{"boot-login": "bravo", "call-answered": "charlie", "local-optimization": "alpha"} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			c, err := capture.OpenDir(filepath.Join("..", "..", "testdata", "captures", scenario), instance)
			if err != nil {
				t.Fatal(err)
			}
			var want strings.Builder
			greetings := 0
			for _, m := range c.Events() {
				if string(m.Get("Event")) == "FullyBooted" && string(m.Line(2)[:7]) == "Uptime:" {
					greetings++
					continue
				}
				want.Write(m.Bytes())
			}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := capture.NewServer(capture.Config{Capture: c, Username: "amibus"})
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			wg.Go(func() { _ = server.Serve(ctx, ln) })
			t.Cleanup(func() { cancel(); wg.Wait() })

			var mu sync.Mutex
			var got strings.Builder
			r := start(t, ln.Addr().String(), func(c *upstream.Config) {
				c.Event = func(m *ami.Message) {
					mu.Lock()
					defer mu.Unlock()
					got.Write(m.Bytes())
				}
			}).waitUp(t)
			eventually(t, "all events come", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return got.Len() >= want.Len()
			})
			if answer, err := r.do(t.Context(), "Action", "Ping", "ActionID", "mine"); err != nil || !strings.Contains(answer, "ActionID: mine\r\n") {
				t.Errorf("Ping: %v %q", err, answer)
			}
			mu.Lock()
			defer mu.Unlock()
			if got.String() != want.String() {
				t.Errorf("%d bytes handed on, want %d", got.Len(), want.Len())
			}
			if n := r.Info().SystemName; n != c.SystemName() {
				t.Errorf("systemname %q, want %q", n, c.SystemName())
			}
			if greetings > 1 {
				t.Fatalf("the capture has %d greetings", greetings)
			}
		})
	}
}
