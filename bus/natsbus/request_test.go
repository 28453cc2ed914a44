package natsbus

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amibus/amibus/bus"
)

// TestOwnerDies: the server of the one who answers is gone without a word.
func TestOwnerDies(t *testing.T) {
	t.Parallel()
	all := mesh(t, 2)
	began := make(chan struct{})
	serve(t, all[1], "r", func(ctx context.Context, _ []byte, _ func([]byte) error) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	})
	await(t, "served", func() bool { return all[0].Wanted("r") })
	ended := make(chan error, 1)
	go func() { ended <- all[0].Request(t.Context(), "r", nil, nil) }()
	<-began
	all[1].server.Shutdown()
	select {
	case err := <-ended:
		if !errors.Is(err, bus.ErrLost) {
			t.Errorf("got %v, want ErrLost", err)
		}
	case <-time.After(3 * time.Second):
		t.Error("not noticed within 3 s")
	}
}

// TestAskerDies: the handler is told when the server of the asker is gone without a word.
func TestAskerDies(t *testing.T) {
	t.Parallel()
	all := mesh(t, 2)
	began, told := make(chan struct{}), make(chan error, 1)
	serve(t, all[1], "r", func(ctx context.Context, _ []byte, _ func([]byte) error) error {
		close(began)
		<-ctx.Done()
		told <- context.Cause(ctx)
		return ctx.Err()
	})
	await(t, "served", func() bool { return all[0].Wanted("r") })
	go func() { _ = all[0].Request(t.Context(), "r", nil, nil) }()
	<-began
	all[0].server.Shutdown()
	select {
	case err := <-told:
		if err != errAskerGone {
			t.Errorf("got %v, want %v", err, errAskerGone)
		}
	case <-time.After(5 * time.Second):
		t.Error("not noticed within 5 s")
	}
}

// TestBrokenAnswers: what a peer may send, and how the request ends.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Name: "default/a", ClientListen: "127.0.0.1:0", Trusting: true})
	b.maxSilent = 300 * time.Millisecond
	peer, err := nats.Connect("nats://" + b.ClientAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	chunk := func(n string) nats.Header { return nats.Header{headChunk: {n}} }
	end := func(n string) nats.Header { return nats.Header{headEnd: {n}} }
	for name, tt := range map[string]struct {
		answer []nats.Header
		want   error
	}{
		"whole":              {[]nats.Header{chunk("1"), chunk("2"), end("2")}, nil},
		"signs of life":      {[]nats.Header{{headAlive: {"1"}}, chunk("1"), {headAlive: {"1"}}, end("1")}, nil},
		"chunk missing":      {[]nats.Header{chunk("1"), chunk("3"), end("3")}, bus.ErrLost},
		"chunk twice":        {[]nats.Header{chunk("1"), chunk("1"), end("1")}, bus.ErrLost},
		"last chunk missing": {[]nats.Header{chunk("1"), end("2")}, bus.ErrLost},
		"no end":             {[]nats.Header{chunk("1")}, bus.ErrLost},
		"nothing":            {nil, bus.ErrLost},
		"no header":          {[]nats.Header{nil}, bus.ErrLost},
		"nonsense":           {[]nats.Header{chunk("x"), end("-1")}, bus.ErrLost},
		"stopped":            {[]nats.Header{chunk("1"), {headEnd: {"1"}, headError: {errLost}}}, bus.ErrLost},
		"refused":            {[]nats.Header{{headEnd: {"0"}, headError: {errRefused}}}, bus.ErrNoResponder},
	} {
		t.Run(name, func(t *testing.T) {
			sub, err := peer.Subscribe("broken", func(m *nats.Msg) {
				for _, h := range tt.answer {
					if err := m.RespondMsg(&nats.Msg{Header: h}); err != nil {
						t.Error(err)
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := peer.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := b.Request(t.Context(), "broken", nil, func([]byte) error { return nil }); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err := sub.Unsubscribe(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestBrokenRequests: what a peer may ask, and that it is answered or ignored.
func TestBrokenRequests(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Name: "default/a", ClientListen: "127.0.0.1:0", Trusting: true})
	serve(t, b, "r", func(_ context.Context, req []byte, send func([]byte) error) error { return send(req) })
	peer, err := nats.Connect("nats://" + b.ClientAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if err := peer.Publish("r", nil); err != nil { // nowhere to answer to
		t.Fatal(err)
	}
	m, err := peer.RequestMsg(&nats.Msg{Subject: "r", Header: nats.Header{headTimeout: {"soon"}}}, 20*time.Second)
	if err != nil || m.Header.Get(headError) != errRemote {
		t.Errorf("bad timeout: got %v, %v", m, err)
	}
	for _, h := range []nats.Header{nil, {headCredit: {"x"}}, {headCredit: {"-5"}}, {headCancel: {"1"}}} { // for no answer of ours
		if err := peer.PublishMsg(&nats.Msg{Subject: b.inbox + "zzz", Header: h}); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := peer.Request("r", []byte("x"), 20*time.Second); err != nil || string(m.Data) != "x" || m.Header.Get(headChunk) != "1" {
		t.Errorf("plain request: got %v, %v", m, err)
	}
}

func BenchmarkWanted(b *testing.B) {
	all := mesh(b, 2)
	subject := string(bus.AppendSubjectEvent(nil, "call", "default", "n0", []byte("1700000000.12")))
	for _, pattern := range []string{bus.FramePattern, bus.EventPattern} { // nobody wants it, then somebody elsewhere
		subscribe(b, all[1], pattern)
		await(b, "interest", func() bool { return all[0].Wanted(subject) == (pattern == bus.EventPattern) })
		b.Run(pattern, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				all[0].Wanted(subject)
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	all := mesh(b, 2)
	serve(b, all[1], "r", func(_ context.Context, req []byte, send func([]byte) error) error { return send(req) })
	await(b, "served", func() bool { return all[0].Wanted("r") })
	b.ReportAllocs()
	for b.Loop() {
		if err := all[0].Request(b.Context(), "r", []byte("x"), func([]byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	all := mesh(b, 2)
	const count = 1000
	frame, got := make([]byte, 9000), make(chan struct{}, 1) // 16 events
	n := 0
	if _, err := all[1].Subscribe("frame", func(bus.Msg) {
		if n++; n%count == 0 {
			got <- struct{}{}
		}
	}); err != nil {
		b.Fatal(err)
	}
	await(b, "interest", func() bool { return all[0].Wanted("frame") })
	b.ReportAllocs()
	for b.Loop() {
		for range count {
			if err := all[0].Publish("frame", frame); err != nil {
				b.Fatal(err)
			}
		}
		<-got
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/frame")
}
