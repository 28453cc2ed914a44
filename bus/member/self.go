package member

import (
	"fmt"

	"github.com/hashicorp/memberlist"
	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// setSelf checks and marshals what is told about this node.
func (l *List) setSelf(m *amibuspb.Member) error {
	self := &amibuspb.Member{}
	if m != nil {
		self = proto.CloneOf(m)
	}
	self.Site, self.Node, self.Schema = l.cfg.Site, l.cfg.Name, wire.Schema
	meta, err := proto.Marshal(self)
	if err != nil {
		return fmt.Errorf("member %s: %w", l.name, err)
	}
	if len(meta) > memberlist.MetaMaxSize {
		return fmt.Errorf("member %s: what it tells about itself has %d bytes, at most %d fit: shorten names or addresses", l.name,
			len(meta), memberlist.MetaMaxSize)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.self, l.meta = self, meta
	return nil
}

// Update changes what is told about this node, and tells it.
func (l *List) Update(change func(*amibuspb.Member)) error {
	l.updating.Lock()
	defer l.updating.Unlock()
	if l.ctx.Err() != nil {
		return fmt.Errorf("member %s: closed", l.name)
	}
	l.mu.Lock()
	self := proto.CloneOf(l.self)
	l.mu.Unlock()
	change(self)
	if err := l.setSelf(self); err != nil {
		return err
	}
	if err := l.ml.UpdateNode(updateWait); err != nil {
		return fmt.Errorf("member %s: %w", l.name, err)
	}
	return nil
}
