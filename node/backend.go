package node

import (
	"context"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/proto/ami"
)

// backend is what an AMI session sees of the node.
type backend struct{ n *Node }

func (b *backend) Do(ctx context.Context, c amiserver.Caller, action *ami.Message, send func([]byte) error) error {
	return b.n.router.Do(ctx, forward.Caller(c), action, send)
}

func (b *backend) Raise(event *ami.Message) { b.n.intake.take(event) }

// Status: configuration is read at the start only, so that is the last reload too.
func (b *backend) Status() (uptime, reload time.Duration) {
	d := time.Since(b.n.born)
	return d, d
}

func (b *backend) Banner() string { return *b.n.banner.Load() }

func (b *backend) Commands() []ami.Action {
	if b.n.upstream == nil {
		return nil
	}
	commands := b.n.upstream.Info().Commands
	all := make([]ami.Action, len(commands))
	for i, c := range commands {
		known, _ := ami.LookupAction(c.Name)
		all[i] = ami.Action{Name: c.Name, Synopsis: c.Synopsis, Class: c.Class, Scope: known.Scope}
	}
	return all
}

func (b *backend) SystemName(node merge.Node) string { return b.n.systemName(node) }

func (b *backend) Nodes() []amiserver.NodeInfo { return b.n.nodeInfos() }
