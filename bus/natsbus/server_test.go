package natsbus

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amibus/amibus/bus"
)

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

func subscribe(t testing.TB, b *Bus, pattern string) <-chan bus.Msg {
	t.Helper()
	got := make(chan bus.Msg, 1000)
	if _, err := b.Subscribe(pattern, func(m bus.Msg) { got <- m }); err != nil {
		t.Fatal(err)
	}
	return got
}

func serve(t testing.TB, b *Bus, subject string, h bus.Handler) {
	t.Helper()
	if _, err := b.Serve(subject, h); err != nil {
		t.Fatal(err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		cfg  Config
		want []string
	}{
		{Config{RouteListen: "0.0.0.0:0"}, []string{"bus.nats.route_listen", "without credentials"}},
		{Config{ClientListen: "0.0.0.0:4222"}, []string{"bus.nats.client_listen", "127.0.0.1:4222"}},
		{Config{RouteListen: ":6222"}, []string{"without credentials"}},
		{Config{RouteListen: "127.0.0.1"}, []string{"bus.nats.route_listen", "host:port"}},
		{Config{RouteListen: "127.0.0.1:70000"}, []string{"65535"}},
		{Config{RouteListen: taken.Addr().String()}, []string{"bus.nats.route_listen", taken.Addr().String(), "in use"}},
		{Config{ClientListen: taken.Addr().String()}, []string{"bus.nats.client_listen", taken.Addr().String(), "in use"}},
	} {
		tt.cfg.Name, tt.cfg.Log = "default/x", quiet(t)
		b, err := Start(tt.cfg)
		if err == nil {
			b.Close()
			t.Errorf("%+v: no error", tt.cfg)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, want)
			}
		}
	}
}

// logs is a log that can be looked into.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logs) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func TestSetRoutes(t *testing.T) {
	t.Parallel()
	out := new(logs)
	a := start(t, Config{Name: "default/a", RouteListen: "127.0.0.1:0",
		Log: slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	b := start(t, Config{Name: "default/b", RouteListen: "127.0.0.1:0"})
	for range 3 { // the second and third say nothing new, and an address twice or our own says nothing
		if err := a.SetRoutes([]string{b.RouteAddr(), a.RouteAddr(), b.RouteAddr()}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "route", func() bool { return a.Routes() == 1 && b.Routes() == 1 })
	if n := out.count("Reloaded: cluster routes"); n != 1 {
		t.Errorf("%d reloads, want 1", n)
	}
	if err := a.SetRoutes([]string{"no port"}); err == nil {
		t.Error("a route to nonsense: no error")
	}
	if err := a.SetRoutes(nil); err != nil {
		t.Fatal(err)
	}
	await(t, "route is closed", func() bool { return a.Routes() == 0 && b.Routes() == 0 })
	lone := start(t, Config{Name: "default/c"})
	if lone.RouteAddr() != "" || lone.ClientAddr() != "" || a.ClientAddr() != "" {
		t.Error("an address where nothing is configured")
	}
	if err := lone.SetRoutes([]string{b.RouteAddr()}); err == nil || !strings.Contains(err.Error(), "route_listen") {
		t.Errorf("routes without a listener: %v", err)
	}
}

// TestReturn: a node that was away comes back at its address, and the route with it, though nobody sets it again.
func TestReturn(t *testing.T) {
	t.Parallel()
	a := start(t, Config{Name: "default/a", RouteListen: "127.0.0.1:0"})
	b := start(t, Config{Name: "default/b", RouteListen: "127.0.0.1:0"})
	addr := b.RouteAddr()
	join(t, []*Bus{a}, []string{a.RouteAddr(), addr})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "route is gone", func() bool { return a.Routes() == 0 })
	b = start(t, Config{Name: "default/b", RouteListen: addr})
	got := subscribe(t, b, "s")
	await(t, "messages arrive again", func() bool {
		return a.Publish("s", nil) == nil && len(got) > 0
	})
}

// TestHiddenListener: what NATS needs for its routes lets nobody in.
func TestHiddenListener(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Name: "default/a", RouteListen: "127.0.0.1:0"})
	conn, err := nats.Connect("nats://" + b.server.Addr().String())
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("got %v, want to be refused", err)
	}
}

// TestPlainClient: a NATS client at one node hears what another publishes, and is what makes it wanted there.
func TestPlainClient(t *testing.T) {
	t.Parallel()
	a := start(t, Config{Name: "default/a", RouteListen: "127.0.0.1:0"})
	b := start(t, Config{Name: "default/b", RouteListen: "127.0.0.1:0", ClientListen: "127.0.0.1:0"})
	join(t, []*Bus{a, b}, []string{a.RouteAddr(), b.RouteAddr()})
	subject := string(bus.AppendSubjectEvent(nil, "call", "default", "a", []byte("1700000000.12")))
	subscribe(t, b, bus.FramePattern) // interest in anything else is not interest in this
	await(t, "frames are wanted", func() bool { return a.Wanted(bus.SubjectFrame("default", "a")) })
	if a.Wanted(subject) {
		t.Fatal("wanted before anybody subscribes")
	}
	client, err := nats.Connect("nats://" + b.ClientAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sub, err := client.SubscribeSync("ami.v1.event.call.>")
	if err != nil {
		t.Fatal(err)
	}
	await(t, "wanted", func() bool { return a.Wanted(subject) })
	if a.Wanted(strings.Replace(subject, "call", "system", 1)) {
		t.Error("another class is wanted")
	}
	if err := b.SetRoutes([]string{a.RouteAddr(), "127.0.0.1:1"}); err != nil { // it must not cost the client its subscription
		t.Fatal(err)
	}
	join(t, []*Bus{a, b}, []string{a.RouteAddr(), b.RouteAddr()})
	await(t, "still wanted", func() bool { return a.Wanted(subject) })
	if err := a.Publish(subject, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if m, err := sub.NextMsg(20 * time.Second); err != nil || m.Subject != subject || string(m.Data) != "x" {
		t.Errorf("got %v, %v", m, err)
	}
	client.Close()
	await(t, "not wanted any more", func() bool { return !a.Wanted(subject) })
}

// TestClientsOnlyRead: who connects without credentials can neither publish, nor ask, nor listen to what the nodes say among themselves.
func TestClientsOnlyRead(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Name: "default/b", ClientListen: "127.0.0.1:0"})
	action := bus.SubjectAction("default", "b")
	stop, err := b.Serve(action, func(context.Context, []byte, func([]byte) error) error {
		t.Error("an action of a stranger was run")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	subscribe(t, b, bus.FramePattern)
	refused := make(chan error, 10)
	client, err := nats.Connect("nats://"+b.ClientAddr(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	try := []func() error{
		func() error { return client.PublishRequest(action, "ami.v1.event.x", []byte("x")) },
		func() error { return client.Publish(bus.SubjectFrame("default", "a"), []byte("x")) },
		func() error { return client.Publish("ami.v1.event.call.default.a.x", []byte("x")) },
		func() error { _, err := client.SubscribeSync(bus.FramePattern); return err },
		func() error { _, err := client.SubscribeSync(">"); return err },
	}
	for i, do := range try {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-refused:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("try %d: %v", i, err)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("try %d was let through", i)
		}
	}
}

func TestSlowSubscription(t *testing.T) {
	t.Parallel()
	out := new(logs)
	a := start(t, Config{Name: "default/a", RouteListen: "127.0.0.1:0"})
	b := start(t, Config{Name: "default/b", RouteListen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(out, nil))})
	join(t, []*Bus{a, b}, []string{a.RouteAddr(), b.RouteAddr()})
	release := make(chan struct{})
	s, err := b.subscribe("slow", "", func(*nats.Msg) { <-release })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.nats.SetPendingLimits(10, -1); err != nil {
		t.Fatal(err)
	}
	await(t, "wanted", func() bool { return a.Wanted("slow") })
	for range 100 {
		if err := a.Publish("slow", nil); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "losses are counted", func() bool { return b.Stats().Dropped == 90 || b.Stats().Dropped == 89 })
	await(t, "and logged", func() bool { return out.count("loses messages") == 1 })
	close(release)
	s.stop()
	if n := b.Stats().Dropped; n < 89 {
		t.Errorf("after stop: %d", n)
	}
}

// TestExternalLater: the NATS server comes up after the node.
func TestExternalLater(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	out := new(logs)
	b := start(t, Config{Name: "default/b", URLs: []string{"nats://user:hunter2@" + addr}, Log: slog.New(slog.NewTextHandler(out, nil))})
	if out.count("no NATS server answers yet") != 1 || out.count("hunter2") != 0 {
		t.Errorf("log: %s", out.buf.String())
	}
	if err := b.Publish("s", nil); err == nil {
		t.Error("Publish to nobody: no error")
	}
	if err := b.Request(t.Context(), "s", nil, nil); !errors.Is(err, bus.ErrNoResponder) {
		t.Errorf("Request: got %v, want ErrNoResponder", err)
	}
	got := subscribe(t, b, "s")
	server := start(t, Config{Name: "server", ClientListen: addr, Trusting: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := b.WaitRoutes(ctx, 1); err != nil {
		t.Fatal(err)
	}
	await(t, "a message arrives", func() bool { return server.Publish("s", nil) == nil && len(got) > 0 })
	if !b.Wanted("anything") || b.Routes() != 0 || b.RouteAddr() != "" || b.SetRoutes([]string{"x"}) != nil {
		t.Error("external NATS: everything is wanted, and there are no routes")
	}
}

// TestAlone: what nobody can hear is not even sent, until somebody is there.
func TestAlone(t *testing.T) {
	t.Parallel()
	a := start(t, Config{Name: "default/a", RouteListen: "127.0.0.1:0", ClientListen: "127.0.0.1:0"})
	subscribe(t, a, "s") // no echo: it does not hear itself
	sent := func() bool {
		before := a.Stats().MessagesOut
		if err := a.Publish("s", []byte("x")); err != nil {
			t.Fatal(err)
		}
		return a.Stats().MessagesOut > before
	}
	if sent() {
		t.Error("sent to nobody")
	}
	client, err := nats.Connect("nats://" + a.ClientAddr())
	if err != nil {
		t.Fatal(err)
	}
	await(t, "a plain client is heard of", sent)
	client.Close()
	await(t, "alone again", func() bool { return !sent() })
	b := start(t, Config{Name: "default/b", RouteListen: "127.0.0.1:0"})
	join(t, []*Bus{a, b}, []string{a.RouteAddr(), b.RouteAddr()})
	if !sent() {
		t.Error("not sent, though there is another node")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Publish("s", nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
