package owner

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus/merge"
)

// Config of a Registry. Zero values get the defaults named.
type Config struct {
	Keep time.Duration // how long what has ended, and what nobody has, is kept. 60 s
	Max  int           // records: channels, bridges and keys that nobody has. 1,048,576
	Seed uint64        // of the hash, so that nobody can choose ids that collide
}

// Registry tells who has which channel or bridge.
type Registry struct {
	cfg    Config
	seed   uint64
	shards [shards]shard

	mu     sync.Mutex // of all that changes something
	nodes  map[merge.Node]*node
	fed    *merge.Node // of the last event, and what is known of it
	fedBy  *node
	queue  []*record // what has ended and what nobody has, in the order of ended
	head   int       // of the queue
	count  [absentBridge + 1]int
	ended  int
	stats  Stats
	prefix []byte // the name of a header
}

// Stats of a Registry.
type Stats struct {
	Channels, Bridges int    // that live
	Ended, Absent     int    // that are kept for a while
	Nodes             int    // that have been heard of
	Mentioned         uint64 // channels and bridges first heard of in another event than their first
	Evicted, Refused  uint64 // records that went too early, or did not come, since there was no room; too long a key counts as refused
}

// New returns an empty registry.
func New(cfg Config) *Registry {
	if cfg.Keep == 0 {
		cfg.Keep = time.Minute
	}
	if cfg.Max == 0 {
		cfg.Max = 1 << 20
	}
	r := &Registry{cfg: cfg, seed: multiply(cfg.Seed^0x2545f4914f6cdd1d, 0x9e3779b97f4a7c15), nodes: map[merge.Node]*node{}}
	for i := range r.shards {
		t := make([]atomic.Pointer[record], minSlots)
		r.shards[i].at = uint32(i)
		r.shards[i].slots.Store(&t)
	}
	return r
}

// Found is who has what was asked for.
type Found struct {
	// Owners have one of that key, sorted; more than one make it ambiguous, none is a miss. Not to be changed.
	Owners []merge.Node
	Unique bool // it was named by an id that no other node gives away; anything else a node out of view may have as well
	Ended  bool // it is no more
	Lost   bool // the owners are out of view
	Absent bool // a miss, and nobody has one: all have been asked
}

// Channel tells who has the channel of that name or id.
func (r *Registry) Channel(key []byte) Found { return r.find(channel, key) }

// Bridge tells who has the bridge of that id.
func (r *Registry) Bridge(id []byte) Found { return r.find(bridge, id) }

// find is quick for a key that one record answers to; findAll is for the others.
func (r *Registry) find(k kind, key []byte) Found {
	number := numberAt(key)
	h := r.hashKey(key, number)
	t := *r.shards[h>>shardBits].slots.Load()
	var found *record
	var unique, absent bool
	for i := h; ; i++ {
		p := t[i&uint32(len(t)-1)].Load()
		if p == nil {
			break
		}
		if p.idHash != h && p.nameHash != h {
			continue
		}
		if p.kind != k {
			absent = absent || p.kind == k.absent() && sameFold(p.text, key)
			continue
		}
		if ok, u := p.answersTo(key, number, h); ok {
			if found != nil && found != p {
				return r.findAll(t, k, key, number, h)
			}
			found, unique = p, u
		}
	}
	if found == nil {
		return Found{Absent: absent}
	}
	rank := found.rank()
	if rank == 0 {
		return Found{Absent: absent}
	}
	return Found{Owners: found.node.list, Unique: unique, Ended: rank <= endedRank, Lost: rank&1 != 0}
}

func (r *Registry) findAll(t []atomic.Pointer[record], k kind, key []byte, number int, h uint32) Found {
	var best []merge.Node
	var f Found
	rank := 0
	for i := h; ; i++ {
		p := t[i&uint32(len(t)-1)].Load()
		if p == nil {
			break
		}
		if p.kind != k {
			continue
		}
		ok, unique := p.answersTo(key, number, h)
		if !ok {
			continue
		}
		switch is := p.rank(); {
		case is > rank:
			best, rank, f.Unique = append(best[:0], p.node.self), is, unique
		case is == rank && is > 0 && !slices.Contains(best, p.node.self):
			best, f.Unique = append(best, p.node.self), f.Unique && unique
		}
	}
	if rank == 0 {
		return Found{}
	}
	slices.SortFunc(best, merge.Node.Compare)
	f.Owners, f.Ended, f.Lost = best, rank <= endedRank, rank&1 != 0
	return f
}

// Stats returns a snapshot.
func (r *Registry) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Ended, s.Nodes = r.ended, len(r.nodes)
	s.Channels, s.Bridges, s.Absent = r.count[channel], r.count[bridge], r.count[absentChannel]+r.count[absentBridge]
	return s
}
