package stasis

import (
	"slices"
	"sync"
)

// Update is what a publication of a snapshot says: what was known before, and what is now.
type Update[S any] struct {
	Old  *S // nil: the first
	New  *S
	Last bool // the thing is gone, and so is its entry in the cache
}

// CacheConfig says what a cache has to know of its snapshots and messages. The functions are called while a snapshot is published.
type CacheConfig[T, S any] struct {
	ID      func(*S) string
	Name    func(*S) string    // may be nil, and give ""; names may change and need not be unique
	Equal   func(a, b *S) bool // a snapshot that says nothing new is not published
	Message func(Update[S]) T
}

// Cache keeps the newest published snapshot of each thing, by id and by name, and publishes updates. Snapshots are immutable. Those of
// one cache are published one at a time, each after the cache has changed: who handles an update finds it, or something newer.
type Cache[T, S any] struct {
	config CacheConfig[T, S]

	publish sync.Mutex // held while an update goes out, so that Old is always the New of before
	staged  map[string]*stage[T, S]

	mu        sync.RWMutex // of what readers see; nothing is locked under it
	byID      map[string]*S
	byName    map[string][]*S // who got the name last is last
	published uint64
	skipped   uint64
}

// NewCache returns an empty cache.
func NewCache[T, S any](c CacheConfig[T, S]) *Cache[T, S] {
	return &Cache[T, S]{config: c, staged: map[string]*stage[T, S]{}, byID: map[string]*S{}, byName: map[string][]*S{}}
}

// Publish makes s the newest snapshot and publishes the update on t, unless s equals what is known. While the thing is staged, it waits.
func (c *Cache[T, S]) Publish(t *Topic[T], s *S) {
	c.publish.Lock()
	defer c.publish.Unlock()
	if st, ok := c.staged[c.config.ID(s)]; ok {
		st.topic, st.newest = t, s
		return
	}
	c.put(t, s)
}

func (c *Cache[T, S]) put(t *Topic[T], s *S) {
	if old, changed := c.replace(s); changed {
		t.Publish(c.config.Message(Update[S]{Old: old, New: s}))
	}
}

// Last removes the thing from the cache and then publishes its last snapshot, also if that says nothing new. Staging ends with it.
func (c *Cache[T, S]) Last(t *Topic[T], s *S) {
	c.publish.Lock()
	defer c.publish.Unlock()
	delete(c.staged, c.config.ID(s))
	t.Publish(c.config.Message(Update[S]{Old: c.remove(s), New: s, Last: true}))
}

func (c *Cache[T, S]) replace(s *S) (old *S, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.config.ID(s)
	old = c.byID[id]
	if old != nil && c.config.Equal(old, s) {
		c.skipped++
		return old, false
	}
	c.published++
	c.byID[id] = s
	c.rename(old, s)
	return old, true
}

func (c *Cache[T, S]) remove(s *S) (old *S) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.config.ID(s)
	old = c.byID[id]
	c.published++
	delete(c.byID, id)
	c.rename(old, nil)
	return old
}

// rename gives the place of one snapshot to the next, each of which may be nil.
func (c *Cache[T, S]) rename(old, next *S) {
	was, is := c.name(old), c.name(next)
	if list := c.byName[was]; was != "" {
		i := slices.Index(list, old)
		if was == is {
			list[i] = next
			return
		}
		if len(list) == 1 {
			delete(c.byName, was)
		} else {
			c.byName[was] = slices.Delete(list, i, i+1)
		}
	}
	if is != "" {
		c.byName[is] = append(c.byName[is], next)
	}
}

func (c *Cache[T, S]) name(s *S) string {
	if s == nil || c.config.Name == nil {
		return ""
	}
	return c.config.Name(s)
}
