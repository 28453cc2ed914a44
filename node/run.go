package node

import (
	"context"
	"net"

	"github.com/amibus/amibus/node/catchup"
	"github.com/amibus/amibus/node/lifecycle"
)

// Run serves until ctx ends or something that cannot be done without fails. Then it drains: no new connections and actions, the
// answers under way are finished, within drainTime; what they need ends behind them, and the stream, which says farewell to the others,
// last.
func (n *Node) Run(ctx context.Context) error {
	defer n.close()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	core, coreCtx := lifecycle.With(background)
	core.Go("notes", func() error { n.writeNotes(coreCtx); return nil })
	core.Go("epoch", func() error { n.keepEpochs(coreCtx); return nil })
	core.Go("member", func() error {
		if err := n.claimName(coreCtx); err != nil {
			return err
		}
		n.meetPeers(coreCtx)
		core.Go("stream", func() error { return n.stream.Run(coreCtx) })
		core.Go("state", func() error {
			return catchup.Run(coreCtx, catchup.Config{Self: n.self, Bus: n.bus, Store: n.state, View: n.stream.View, Settled: n.stream.Settled(),
				Adopted: n.learn, Log: n.component("state")})
		})
		return nil
	})
	support, supportCtx := lifecycle.With(background)
	n.runSupport(supportCtx, support)
	serving, ctx := lifecycle.With(ctx)
	for _, needed := range []context.Context{coreCtx, supportCtx} {
		context.AfterFunc(needed, serving.Stop)
	}
	serving.Go("amiserver", func() error { return n.ami.Serve(ctx, n.amiListener) })
	if n.tlsListener != nil {
		serving.Go("amiserver over TLS", func() error { return n.ami.Serve(ctx, n.tlsListener) })
	}
	serving.Go("http", func() error { return n.web.serve(ctx, n.ami, n.log) })
	serving.Go("forward", func() error {
		select {
		case <-n.stream.Settled(): // the name may be another node's before
			return n.router.Serve(ctx)
		case <-ctx.Done():
			return nil
		}
	})
	serving.Go("node", func() error {
		select {
		case err := <-n.fatal:
			return err
		case <-ctx.Done():
			return nil
		}
	})
	context.AfterFunc(ctx, n.drain)
	n.log.Info("node is up", "node", n.self.String(), "epoch", n.epoch, "ami", n.amiListener.Addr().String())

	err := serving.Wait()
	for _, group := range []*lifecycle.Group{support, core} {
		group.Stop()
		if failed := group.Wait(); err == nil {
			err = failed
		}
	}
	n.lastWords()
	return err
}

// runSupport starts what actions under way need, and the admin pages, which show that the node drains.
func (n *Node) runSupport(ctx context.Context, g *lifecycle.Group) {
	if n.httpListener != nil {
		g.Go("admin", func() error { return n.admin.Serve(ctx, n.httpListener) })
	}
	if n.own != nil {
		g.Go("source", func() error { n.source.run(ctx); return nil })
		g.Go("own PBX", func() error {
			select {
			case <-n.stream.Settled(): // before that no event could be stamped
				return n.own.Run(ctx)
			case <-ctx.Done():
				return nil
			}
		})
	}
}

// fail ends Run with an error.
func (n *Node) fail(err error) {
	select {
	case n.fatal <- err:
	default: // for another reason already
	}
}

func (n *Node) drain() {
	n.draining.Store(true)
	n.log.Info("stopping: no new connections and actions; answers under way are finished", "within", drainTime.String(), "sessions", n.ami.Stats().Sessions)
}

// claimName waits until no other node has this one's name. Frames, routes and actions would fence off the other one.
func (n *Node) claimName(ctx context.Context) error {
	if n.members != nil {
		if err := n.members.Claim(ctx); err != nil {
			return err
		}
	}
	n.membersMu.Lock()
	defer n.membersMu.Unlock()
	n.claimed = true
	return nil
}

// meetPeers waits a moment for routes to the nodes found so far, so that the join reaches them.
func (n *Node) meetPeers(ctx context.Context) {
	if n.members == nil || len(n.cfg.Bus.NATS.URLs) > 0 {
		return
	}
	n.membersMu.Lock()
	others := n.members.Others()
	n.setMembers(others)
	n.membersMu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, routesWait)
	defer cancel()
	if err := n.bus.WaitRoutes(ctx, len(others)); err != nil && len(others) > 0 {
		n.log.Warn("not every peer has a route yet; it will be merged when it has", "peers", len(others), "routes", n.bus.Routes())
	}
}

func (n *Node) close() {
	for _, ln := range []net.Listener{n.amiListener, n.tlsListener, n.httpListener} {
		if ln != nil {
			_ = ln.Close() // closed already after a normal run
		}
	}
	n.web.close()
	n.membersMu.Lock()
	n.closed = true
	if n.dial != nil {
		n.dial.Stop()
	}
	n.membersMu.Unlock()
	if n.members != nil {
		if err := n.members.Close(); err != nil {
			n.log.Warn("leaving the members failed", "err", err)
		}
	}
	if n.bus != nil {
		if err := n.bus.Close(); err != nil {
			n.log.Warn("closing the bus failed", "err", err)
		}
	}
	if n.journal != nil {
		n.journal.Close() // last: whoever appends to it or reads it is gone
	}
}
