package node

import (
	"context"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/proto/ami"
)

// backend is what an AMI session sees of the node.
type backend struct{ n *Node }

func (b *backend) Do(ctx context.Context, c amiserver.Caller, action *ami.Message, send func([]byte) error) error {
	return b.n.do(ctx, c, action, send)
}

func (b *backend) Raise(event *ami.Message) { b.n.intake.take(event) }

func (b *backend) Reload() error { return b.n.Reload() }

func (b *backend) Started() (start, reload time.Time) { return b.n.born, *b.n.reloaded.Load() }

func (b *backend) HasSource() bool { return b.n.own != nil }

func (b *backend) Banner() string { return *b.n.banner.Load() }

func (b *backend) Commands() []ami.Action {
	if b.n.own == nil {
		return nil
	}
	commands := b.n.own.Info().Commands
	all := make([]ami.Action, len(commands))
	for i, c := range commands {
		known, _ := ami.LookupAction(c.Name)
		all[i] = ami.Action{Name: c.Name, Synopsis: c.Synopsis, Class: c.Class, Scope: known.Scope}
	}
	return all
}

func (b *backend) SystemName(node merge.Node) string { return b.n.systemName(node) }

func (b *backend) Owners(channel bool, key []byte) (owners []merge.Node, ended bool) {
	ask := b.n.owners.Bridge
	if channel {
		ask = b.n.owners.Channel
	}
	f := ask(key)
	return f.Owners, f.Ended
}

func (b *backend) Nodes() []amiserver.NodeInfo { return b.n.nodeInfos() }
