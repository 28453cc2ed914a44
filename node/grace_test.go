package node

import (
	"log/slog"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/natsbus"
	"github.com/amibus/amibus/proto/amibuspb"
)

// TestRouteGrace: the route to a node that was found dead is tried on, so that one that was only cut off is found again though it knows
// nobody any more. The route to one that has left is not.
func TestRouteGrace(t *testing.T) {
	t.Parallel()
	n := startThree(t)[0]
	others := n.members.Others()
	open := func(addr string) *natsbus.Bus {
		t.Helper()
		var b *natsbus.Bus
		wait(t, "delta's bus is open", func() (ok bool) {
			var err error
			b, err = natsbus.Start(natsbus.Config{Name: "default/delta", RouteListen: addr, Log: slog.New(slog.DiscardHandler)})
			return err == nil
		})
		return b
	}
	routes := func(want int) func() bool { return func() bool { return n.bus.Routes() == want } }
	routed := func(want int) func() bool {
		return func() bool {
			n.membersMu.Lock()
			defer n.membersMu.Unlock()
			return len(n.routes) == want
		}
	}
	b := open("127.0.0.1:0")
	addr := b.RouteAddr()
	delta := []*amibuspb.Member{{Site: "default", Node: "delta", Route: addr}}
	n.membersChanged(append(others, delta...), nil)
	wait(t, "delta is routed", routes(3))

	b.Close()
	n.membersChanged(others, delta)
	wait(t, "the route has broken", routes(2))
	<-time.After(2 * dialGrace) // the new list has been taken over
	b = open(addr)
	wait(t, "delta is found again", routes(3))

	b.Close()
	n.membersChanged(others, nil)
	wait(t, "nothing is known of delta", routed(2))
	wait(t, "the route has broken", routes(2))
	<-time.After(2 * dialGrace)
	b = open(addr)
	defer b.Close()
	<-time.After(3 * time.Second) // a route is tried every second
	if !routes(2)() {
		t.Errorf("%d routes: one that has left is still dialled", n.bus.Routes())
	}
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
