package bustest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/amibus/amibus/bus"
)

// testClose: a request under way ends with ErrClosed, and so does everything after it.
func testClose(t *testing.T, start Start) {
	all := buses(t, start, 2)
	began, ended := make(chan struct{}), make(chan error, 1)
	told := make(chan error, 1)
	h := endless(told, false)
	serve(t, all[1], "close", func(ctx context.Context, req []byte, send func([]byte) error) error {
		close(began)
		return h(ctx, req, send)
	})
	awaitWanted(t, "close", all[0])
	go func() { ended <- all[0].Request(t.Context(), "close", nil, nil) }()
	receive(t, "handler starts", began)
	if err := all[0].Close(); err != nil {
		t.Error(err)
	}
	if err := receive(t, "end of the request", ended); err != bus.ErrClosed {
		t.Errorf("request under way: got %v, want ErrClosed", err)
	}
	receive(t, "the handler is told", told)

	if err := all[0].Publish("close", nil); err != bus.ErrClosed {
		t.Errorf("Publish: got %v, want ErrClosed", err)
	}
	if _, err := all[0].Subscribe("close", func(bus.Msg) {}); err != bus.ErrClosed {
		t.Errorf("Subscribe: got %v, want ErrClosed", err)
	}
	if _, err := all[0].Serve("close", h); err != bus.ErrClosed {
		t.Errorf("Serve: got %v, want ErrClosed", err)
	}
	if err := all[0].Request(t.Context(), "close", nil, nil); err != bus.ErrClosed {
		t.Errorf("Request: got %v, want ErrClosed", err)
	}
}

// testCloseAnswering: the asker of a bus that is closed learns that the answer broke off.
func testCloseAnswering(t *testing.T, start Start) {
	all := buses(t, start, 2)
	began, ended := make(chan struct{}), make(chan error, 1)
	serve(t, all[1], "answering", func(ctx context.Context, _ []byte, send func([]byte) error) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	})
	awaitWanted(t, "answering", all[0])
	go func() { ended <- all[0].Request(t.Context(), "answering", nil, nil) }()
	receive(t, "handler starts", began)
	if err := all[1].Close(); err != nil {
		t.Error(err)
	}
	if err := receive(t, "end of the request", ended); !errors.Is(err, bus.ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
	await(t, "nobody serves", func() bool {
		_, err := ask(all[0], "answering", "")
		return errors.Is(err, bus.ErrNoResponder)
	})
}

// testLastWords: what was published right before Close arrives.
func testLastWords(t *testing.T, start Start) {
	const count = 500
	all := buses(t, start, 2)
	got := collect(t, all[1], "last")
	awaitWanted(t, "last", all[0])
	for i := range count {
		publish(t, all[0], "last", fmt.Sprint(i))
	}
	if err := all[0].Close(); err != nil {
		t.Error(err)
	}
	for i := range count {
		if m := receive(t, fmt.Sprintf("message %d", i), got); string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", m.Data, i)
		}
	}
}
