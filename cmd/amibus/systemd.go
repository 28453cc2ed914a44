package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/amibus/amibus/node"
)

// systemFile is the configuration of a node that the system starts (deploy/systemd).
const systemFile = "/etc/amibus/amibus.yaml"

// tellSystemd says that the node has joined, that it lives, and that it stops, to a systemd that wants to know (Type=notify). The function it
// returns waits until that has ended.
func tellSystemd(ctx context.Context, n *node.Node) (wait func()) {
	ended := make(chan struct{})
	done, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(ended)
		watch, every := (<-chan time.Time)(nil), time.Duration(0)
		if every, _ = daemon.SdWatchdogEnabled(false); every > 0 {
			tick := time.NewTicker(every / 3)
			defer tick.Stop()
			watch = tick.C
		}
		settled, stopping := n.Settled(), ctx.Done()
		for {
			select {
			case <-settled:
				settled = nil
				_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // nobody listens where systemd did not start us
			case <-watch:
				_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			case <-stopping:
				stopping = nil
				_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
			case <-done.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-ended }
}
