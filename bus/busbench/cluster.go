package busbench

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/natsbus"
	"github.com/amibus/amibus/bus/stream"
)

const (
	site       = "default"
	ringBudget = 16 << 20 // of each journal: small, so that it is full and evicts
	// patience instead of hold where nobody dies: a busy machine must not make a node drop another in the middle of a measurement.
	patience = 20 * time.Second
)

var discard = slog.New(slog.DiscardHandler)

var names = []string{"alpha", "bravo", "charlie"}

// settings of a cluster.
type settings struct {
	nodes int
	bare  bool // NATS only: the floor
	hold  time.Duration
	tick  time.Duration
	keyed stream.Keyed
}

// node is a bus and, unless bare, a stream on it.
type node struct {
	self    merge.Node
	bus     *natsbus.Bus
	stream  *stream.Stream
	stop    context.CancelFunc
	ended   sync.WaitGroup
	emitted atomic.Int64
	wake    func()                              // after each emission
	onEmit  atomic.Pointer[func([]merge.Event)] // may be nil
	onKeep  atomic.Pointer[func([]merge.Event)] // may be nil
}

// cluster is nodes that know each other.
type cluster struct {
	nodes []*node
	woken chan struct{}
}

func (r *run) cluster(s settings) (_ *cluster, err error) {
	c := &cluster{woken: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	for i, name := range names[:s.nodes] {
		n := &node{self: merge.Node{Site: site, Name: name}, wake: c.wake, stop: func() {}}
		if n.bus, err = natsbus.Start(natsbus.Config{Name: n.self.String(), RouteListen: "127.0.0.1:0", Log: discard}); err != nil {
			return c, err
		}
		c.nodes = append(c.nodes, n)
		var routes []string
		for _, other := range c.nodes[:i] {
			routes = append(routes, other.bus.RouteAddr())
		}
		if err = n.bus.SetRoutes(routes); err != nil {
			return c, err
		}
		if err = r.await("routes", func() bool { return n.bus.Routes() >= i }); err != nil {
			return c, err
		}
		if !s.bare {
			n.stream = stream.New(n.config(s))
			if err = r.join(c, n, i); err != nil {
				return c, err
			}
		}
	}
	return c, r.await("all nodes in view", func() bool { return s.bare || c.complete() })
}

func (n *node) config(s settings) stream.Config {
	return stream.Config{
		Merge:   merge.Config{Self: n.self, Epoch: uint64(time.Now().UnixMilli()), Hold: s.hold, Tick: s.tick},
		Bus:     n.bus,
		Journal: journal.NewMemory(site, n.self.Name, ringBudget, ringBudget),
		Keyed:   s.keyed,
		Emitted: func(events []merge.Event) {
			if fn := n.onEmit.Load(); fn != nil {
				(*fn)(events)
			}
			n.emitted.Add(int64(len(events)))
			n.wake()
		},
		Arrived: func(events []merge.Event) {
			if fn := n.onKeep.Load(); fn != nil {
				(*fn)(events)
			}
		},
		Changed: func(merge.Change) {},
		Log:     discard,
	}
}

// join brings a node's stream into the cluster of those before it.
func (r *run) join(c *cluster, n *node, i int) error {
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	c.tellPeers(n)
	n.ended.Go(func() { _ = n.stream.Run(ctx) }) // it fails if it cannot subscribe; then it does not settle
	for _, other := range c.nodes[:i] {
		c.tellPeers(other)
	}
	return r.await("join of "+n.self.Name, func() bool {
		select {
		case <-n.stream.Settled():
			return true
		default:
			return false
		}
	})
}

func (c *cluster) tellPeers(n *node) {
	var peers []merge.Node
	for _, other := range c.nodes {
		if other != n {
			peers = append(peers, other.self)
		}
	}
	n.stream.SetPeers(peers)
}

func (c *cluster) complete() bool {
	for _, n := range c.nodes {
		if n.stream.Stats().Merge.Awaited != len(c.nodes) {
			return false
		}
	}
	return true
}

// wake tells whoever waits for emissions.
func (c *cluster) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// least is how many events all nodes have emitted.
func (c *cluster) least() int64 {
	least := c.nodes[0].emitted.Load()
	for _, n := range c.nodes[1:] {
		least = min(least, n.emitted.Load())
	}
	return least
}

func (c *cluster) close() error {
	var errs []error
	for _, n := range c.nodes {
		n.stop()
		n.ended.Wait()
		errs = append(errs, n.bus.Close())
	}
	return errors.Join(errs...)
}
