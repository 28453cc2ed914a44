package natsbus

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/bustest"
)

// quiet is a log that only shows if a test fails.
func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func start(t testing.TB, cfg Config) *Bus {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = quiet(t)
	}
	b, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// mesh returns n embedded servers, each with a route to every other.
func mesh(t testing.TB, n int) []*Bus {
	t.Helper()
	all, addrs := make([]*Bus, n), make([]string, n)
	for i := range all {
		all[i] = start(t, Config{Name: fmt.Sprintf("default/n%d", i), RouteListen: "127.0.0.1:0"})
		addrs[i] = all[i].RouteAddr()
	}
	join(t, all, addrs)
	return all
}

func join(t testing.TB, all []*Bus, addrs []string) {
	t.Helper()
	for _, b := range all {
		if err := b.SetRoutes(addrs); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, b := range all {
		if err := b.WaitRoutes(ctx, len(addrs)-1); err != nil {
			t.Fatalf("waiting for %d routes: %v, have %d", len(addrs)-1, err, b.Routes())
		}
	}
}

func TestBusEmbedded(t *testing.T) {
	bustest.TestBus(t, func(t *testing.T, n int) []bus.Bus {
		all := make([]bus.Bus, n)
		for i, b := range mesh(t, n) {
			all[i] = b
		}
		return all
	})
}

func TestBusExternal(t *testing.T) {
	server := start(t, Config{Name: "server", ClientListen: "127.0.0.1:0", Trusting: true})
	bustest.TestBus(t, func(t *testing.T, n int) []bus.Bus {
		all := make([]bus.Bus, n)
		for i := range all {
			all[i] = start(t, Config{Name: fmt.Sprint(i), URLs: []string{"nats://" + server.ClientAddr()}})
		}
		return all
	})
}
