package forward_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/membus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/amibuspb"
)

// TestDrain: a node that stops finishes what it has begun for others, and refuses what comes then.
func TestDrain(t *testing.T) {
	t.Parallel()
	for _, endless := range []bool{false, true} {
		net := membus.NewNet()
		begun, finish := make(chan struct{}, 100), make(chan struct{})
		slow := &source{run: func(ctx context.Context, m *ami.Message, reply func(*ami.Message) error) error {
			begun <- struct{}{}
			select {
			case <-finish:
				return reply(ami.New("Response", "Success", "Message", "done"))
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		self := merge.Node{Site: "east", Name: "bravo"}
		limit := time.Minute
		if endless {
			limit = 50 * time.Millisecond
		}
		b := net.Bus("east/bravo")
		r := forward.New(forward.Config{Self: self, Bus: b, Source: slow, Drain: limit})
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- r.Serve(ctx) }()
		waitServed(t, net.Bus("probe"), self)
		asker := net.Bus("east/alpha")
		req, err := proto.Marshal(&amibuspb.Action{Ami: []byte("Action: Command\r\nCommand: x\r\n\r\n")})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(within time.Duration) (string, error) {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			var out bytes.Buffer
			err := asker.Request(ctx, bus.SubjectAction("east", "bravo"), req, func(p []byte) error { out.Write(p); return nil })
			return out.String(), err
		}
		type result struct {
			text string
			err  error
		}
		first := make(chan result, 1)
		go func() { text, err := ask(time.Minute); first <- result{text, err} }()
		<-begun
		stop()
		if endless {
			if got := <-first; got.err == nil && !strings.Contains(got.text, "Outcome: unknown") {
				t.Errorf("broken off: %+v", got)
			}
		} else {
			refused := ""
			for deadline := time.Now().Add(10 * time.Second); !strings.Contains(refused, "shutting down"); {
				if time.Now().After(deadline) {
					t.Fatalf("new actions are not refused: %q", refused)
				}
				refused, _ = ask(200 * time.Millisecond) // one that comes before the drain has begun waits
			}
			if !strings.Contains(refused, "Outcome: not executed") {
				t.Errorf("refused: %q", refused)
			}
			close(finish)
			if got := <-first; got.err != nil || !strings.Contains(got.text, "done") {
				t.Errorf("under way: %+v", got)
			}
		}
		select {
		case err := <-served:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("Serve does not return")
		}
		asker.Close()
		b.Close()
	}
}
