package forward

import (
	"context"
	"errors"
	"sync"

	"github.com/amibus/amibus/bus/merge"
)

// maxCalls is how many actions of this node may be under way to one owner.
const maxCalls = 256

// errGone is why the calls to a node end that is no more.
var errGone = errors.New("the node is gone")

// calls are the actions under way to other nodes.
type calls struct {
	mu      sync.Mutex
	to      map[merge.Node]map[*call]struct{} // none is empty
	refused uint64                            // because there were too many to one node
	gone    uint64                            // ended because the node was
}

type call struct{ cancel context.CancelCauseFunc }

// begin counts a call, unless there are too many already. Its context ends when the node is gone.
func (c *calls) begin(ctx context.Context, to merge.Node) (_ context.Context, end func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.to[to]
	if len(all) >= maxCalls {
		c.refused++
		return nil, nil, false
	}
	if all == nil {
		all = map[*call]struct{}{}
		c.to[to] = all
	}
	ctx, cancel := context.WithCancelCause(ctx)
	k := &call{cancel}
	all[k] = struct{}{}
	return ctx, func() { c.end(to, k) }, true
}

func (c *calls) end(to merge.Node, k *call) {
	k.cancel(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	if delete(c.to[to], k); len(c.to[to]) == 0 {
		delete(c.to, to)
	}
}

// endAll ends the calls to a node.
func (c *calls) endAll(to merge.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone += uint64(len(c.to[to]))
	for k := range c.to[to] {
		k.cancel(errGone)
	}
}

func (c *calls) figures() (underWay int, refused, gone uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, all := range c.to {
		underWay += len(all)
	}
	return underWay, c.refused, c.gone
}
