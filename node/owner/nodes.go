package owner

import "github.com/amibus/amibus/bus/merge"

// SetLost tells whether a node is out of view. What it has is kept.
func (r *Registry) SetLost(n merge.Node, isLost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of, state := r.nodeOf(n), uint32(inView)
	if isLost {
		state = lost
	}
	if of.state.Swap(state) == lost && !isLost {
		r.askAgain()
	}
}

// SetSource tells the systemname that a node's own Asterisk has, "" if it has none: actions may use ids as that Asterisk makes them. As
// long as it is not told, ids with the node's name in front are found without it as well.
func (r *Registry) SetSource(n merge.Node, systemname string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodeOf(n).source.Store(&systemname)
}

// Remove forgets all that a node has.
func (r *Registry) Remove(n merge.Node) {
	r.mu.Lock()
	of := r.nodes[n]
	if of == nil {
		r.mu.Unlock()
		return
	}
	of.state.Store(gone)
	delete(r.nodes, n)
	r.fed, r.fedBy = nil, nil
	r.mu.Unlock()
	for i := range r.shards { // the feeder waits for one of them at most
		r.mu.Lock()
		r.sweep(&r.shards[i])
		r.mu.Unlock()
	}
}

// sweep takes the records of nodes that are gone out of a shard.
func (r *Registry) sweep(s *shard) {
	t := *s.slots.Load()
	swept := false
	for i := range t {
		p := t[i].Load()
		if p == nil || p == left || p.node == nil || p.node.state.Load() != gone {
			continue
		}
		r.forget(p)
		s.clear(t, uint32(i))
		swept = true
	}
	if swept && s.live*16 < len(t) && len(t) > minSlots {
		s.rebuild()
	}
}

// nodeOf needs mu.
func (r *Registry) nodeOf(n merge.Node) *node {
	of := r.nodes[n]
	if of == nil {
		of = &node{self: n, list: []merge.Node{n}}
		r.nodes[n] = of
		r.askAgain()
	}
	return of
}

// feeding is nodeOf for events, which come in runs. It needs mu.
func (r *Registry) feeding(n *merge.Node) *node {
	if n != r.fed {
		r.fed, r.fedBy = n, r.nodeOf(*n)
	}
	return r.fedBy
}

// askAgain forgets what nobody had: somebody has come who was not asked.
func (r *Registry) askAgain() {
	for _, p := range r.queue[r.head:] {
		if p.node == nil {
			r.remove(p)
		}
	}
}
