package journal

import (
	"sync"

	"github.com/amibus/amibus/proto/wire"
)

// Default budgets, bytes.
const (
	OwnBudget  = 64 << 20
	PeerBudget = 64 << 20
)

// cost is what an entry costs: its bytes and what belongs to it.
func cost(e wire.Entry) int { return len(e.Raw()) + 96 }

// Memory is a journal in memory.
type Memory struct {
	mu         sync.Mutex
	site, node string
	budget     [2]int // own, peers
	used       [2]int
	rings      map[Stream]*ring
	fell       [2]uint64
}

// NewMemory returns an empty journal of the node with the given budgets in bytes.
func NewMemory(site, node string, ownBudget, peerBudget int) *Memory {
	return &Memory{site: site, node: node, budget: [2]int{ownBudget, peerBudget}, rings: map[Stream]*ring{}}
}

// Append implements Journal.
func (j *Memory) Append(s Stream, seq uint64, e wire.Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.rings[s]
	if r == nil {
		r = &ring{first: seq}
		j.rings[s] = r
	}
	share := j.share(s)
	switch next := r.first + uint64(r.len()); {
	case seq < next:
		return
	case seq > next:
		j.used[share] -= r.bytes
		j.fell[share] += uint64(r.len())
		*r = ring{first: seq}
	}
	size := cost(e)
	r.push(e, size)
	j.used[share] += size
	for j.used[share] > j.budget[share] {
		j.evict(share)
	}
}

func (j *Memory) share(s Stream) int {
	if s.Site == j.site && s.Node == j.node {
		return 0
	}
	return 1
}

// evict drops the oldest event of the stream that uses most of the share.
func (j *Memory) evict(share int) {
	var most *ring
	var name Stream
	for s, r := range j.rings {
		if j.share(s) == share && (most == nil || r.bytes > most.bytes) {
			most, name = r, s
		}
	}
	j.used[share] -= most.pop()
	j.fell[share]++
	if most.len() == 0 {
		delete(j.rings, name)
	}
}

// Range implements Journal.
func (j *Memory) Range(s Stream, from, to uint64, fn func(seq uint64, e wire.Entry) bool) {
	const batch = 128
	var got []wire.Entry
	for begun := false; from <= to; begun = true {
		j.mu.Lock()
		r := j.rings[s]
		if r == nil || r.len() == 0 || begun && r.first > from {
			j.mu.Unlock()
			return
		}
		from = max(from, r.first)
		end := min(to, r.first+uint64(r.len())-1, from+batch-1)
		got = got[:0]
		for seq := from; seq <= end; seq++ {
			got = append(got, r.at(seq))
		}
		j.mu.Unlock()
		if len(got) == 0 {
			return
		}
		for i, e := range got {
			if !fn(from+uint64(i), e) {
				return
			}
		}
		from += uint64(len(got))
	}
}

// first returns the oldest event of s that is held.
func (j *Memory) first(s Stream) (seq uint64, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.rings[s]
	if r == nil || r.len() == 0 {
		return 0, false
	}
	return r.first, true
}

// Previous returns 0 and 0: memory does not outlive its process.
func (j *Memory) Previous() (epoch, seq uint64) { return 0, 0 }

// Close does nothing.
func (j *Memory) Close() {}

// Stats implements Journal.
func (j *Memory) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Stats{OwnBytes: j.used[0], PeerBytes: j.used[1], OwnFellOut: j.fell[0], PeersFell: j.fell[1]}
}

// ring holds consecutive events from seq first on.
type ring struct {
	first uint64
	items []wire.Entry
	head  int
	bytes int
}

func (r *ring) len() int                 { return len(r.items) - r.head }
func (r *ring) at(seq uint64) wire.Entry { return r.items[r.head+int(seq-r.first)] }

func (r *ring) push(e wire.Entry, size int) {
	if r.head > 1024 && r.head*2 >= len(r.items) {
		n := copy(r.items, r.items[r.head:])
		clear(r.items[n:])
		r.items, r.head = r.items[:n], 0
	}
	r.items = append(r.items, e)
	r.bytes += size
}

func (r *ring) pop() (size int) {
	size = cost(r.items[r.head])
	r.items[r.head] = wire.Entry{}
	r.head++
	r.first++
	r.bytes -= size
	return size
}
