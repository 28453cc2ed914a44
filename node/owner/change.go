package owner

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus/merge"
)

// Learn takes a live channel of a node from elsewhere than its events: an answer, a snapshot.
func (r *Registry) Learn(n merge.Node, id, name []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if of := r.nodeOf(n); r.known(channel, of, id) == nil {
		r.add(channel, of, id, name)
	}
}

// LearnBridge takes a live bridge of a node from elsewhere than its events.
func (r *Registry) LearnBridge(n merge.Node, id []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if of := r.nodeOf(n); r.known(bridge, of, id) == nil {
		r.add(bridge, of, id, nil)
	}
}

// AbsentChannel keeps in mind that all have been asked for a channel of that name or id, and nobody has one; unless one is known by now.
func (r *Registry) AbsentChannel(now time.Duration, key []byte) { r.setAbsent(now, channel, key) }

// AbsentBridge is AbsentChannel for a bridge.
func (r *Registry) AbsentBridge(now time.Duration, id []byte) { r.setAbsent(now, bridge, id) }

func (r *Registry) setAbsent(now time.Duration, k kind, key []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.find(k, key); f.Owners != nil || f.Absent {
		return
	}
	if r.count[absentChannel]+r.count[absentBridge] >= max(r.cfg.Max/16, 1) { // names that do not exist are easily made up
		r.stats.Refused++
		return
	}
	if p := r.add(k.absent(), nil, key, nil); p != nil {
		r.end(now, p)
	}
}

// Forget drops what has been kept long enough. Add does so as well, a little at a time.
func (r *Registry) Forget(now time.Duration) {
	for r.expire(now, 256) {
	}
}

func (r *Registry) expire(now time.Duration, most int) (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drop(now, most)
}

// drop removes what has ended long enough ago, at most so many.
func (r *Registry) drop(now time.Duration, most int) (more bool) {
	for range most {
		if r.head == len(r.queue) || time.Duration(r.queue[r.head].ended.Load())+r.cfg.Keep > now {
			return false
		}
		r.remove(r.next())
	}
	return true
}

// next takes the oldest out of the queue.
func (r *Registry) next() *record {
	p := r.queue[r.head]
	r.queue[r.head] = nil
	if r.head++; r.head == len(r.queue) || r.head >= 1024 && r.head*2 >= len(r.queue) {
		r.queue = slices.Delete(r.queue, 0, r.head)
		r.head = 0
		if cap(r.queue) > 1024 && len(r.queue)*8 < cap(r.queue) {
			r.queue = slices.Clip(slices.Clone(r.queue))
		}
	}
	return p
}

// known returns the record of the node's channel or bridge of exactly that id, nil if there is none.
func (r *Registry) known(k kind, n *node, id []byte) (found *record) {
	h := r.hashKey(id, numberAt(id))
	t := *r.shards[h>>shardBits].slots.Load()
	for i := h; ; i++ {
		p := t[i&uint32(len(t)-1)].Load()
		if p == nil || p.idHash == h && p.node == n && p.kind == k && bytes.Equal(p.id(), id) {
			return p
		}
	}
}

// add puts in a new record, if there is room.
func (r *Registry) add(k kind, n *node, id, name []byte) *record {
	if len(id) == 0 || len(id) > maxKey || len(name) > maxKey || !r.room() {
		r.stats.Refused++
		return nil
	}
	p := r.newRecord(k, n, id, name)
	r.insert(p.idHash, p)
	if p.nameHash != p.idHash {
		r.insert(p.nameHash, p)
	}
	r.count[k]++
	return p
}

// room makes room for one more record.
func (r *Registry) room() bool {
	for r.ended+r.count[channel]+r.count[bridge]+r.count[absentChannel]+r.count[absentBridge] >= r.cfg.Max {
		if r.head == len(r.queue) {
			return false
		}
		if r.remove(r.next()) {
			r.stats.Evicted++
		}
	}
	return true
}

// insert puts p under one of its hashes. Who was said to be absent, and is p, is so no more.
func (r *Registry) insert(h uint32, p *record) {
	s := &r.shards[h>>shardBits]
	s.insert(h, p)
	if p.node == nil {
		return
	}
	var back []*record
	s.walk(h, func(_ *atomic.Pointer[record], q *record) bool {
		if q.kind == p.kind.absent() {
			if ok, _ := p.answersTo(q.text, int(q.number), h); ok {
				back = append(back, q)
			}
		}
		return true
	})
	for _, q := range back {
		r.remove(q)
	}
}

// supersede puts a new record in the place of an old one of the same id.
func (r *Registry) supersede(old *record, name []byte) {
	if len(name) > maxKey {
		r.stats.Refused++
		return
	}
	p := r.newRecord(old.kind, old.node, old.id(), name)
	r.shards[p.idHash>>shardBits].replace(p.idHash, old, p)
	if p.nameHash != p.idHash {
		r.insert(p.nameHash, p)
	}
	if old.nameHash != old.idHash {
		r.shards[old.nameHash>>shardBits].remove(old.nameHash, old)
	}
	r.forget(old)
	r.count[p.kind]++
}

// end marks a record as ended. What nobody has is so from the start.
func (r *Registry) end(now time.Duration, p *record) {
	if p.ended.Load() != 0 {
		return
	}
	if p.node != nil {
		r.count[p.kind]--
		r.ended++
	}
	p.ended.Store(int64(max(now, 1)))
	r.queue = append(r.queue, p)
	if len(r.queue)-r.head > r.cfg.Max { // ids that are used again and again: what was superseded waits here as well
		if r.remove(r.next()) {
			r.stats.Evicted++
		}
	}
}

// remove tells whether p was there.
func (r *Registry) remove(p *record) bool {
	if !r.shards[p.idHash>>shardBits].remove(p.idHash, p) {
		return false
	}
	if p.nameHash != p.idHash {
		r.shards[p.nameHash>>shardBits].remove(p.nameHash, p)
	}
	r.forget(p)
	return true
}

// forget counts a record no more.
func (r *Registry) forget(p *record) {
	switch {
	case p.out:
	case p.node != nil && p.ended.Load() != 0:
		r.ended--
	default:
		r.count[p.kind]--
	}
	p.out = true
}
