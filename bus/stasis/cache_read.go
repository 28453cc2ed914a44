package stasis

// Get returns the newest snapshot of the thing with that id, nil if there is none.
func (c *Cache[T, S]) Get(id string) *S {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byID[id]
}

// GetByName returns the newest snapshot of the thing with that name, nil if there is none. Of several it is the one that
// got the name last.
func (c *Cache[T, S]) GetByName(name string) *S {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if list := c.byName[name]; len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// All returns the newest snapshots of all things, in no order.
func (c *Cache[T, S]) All() []*S {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := make([]*S, 0, len(c.byID))
	for _, s := range c.byID {
		all = append(all, s)
	}
	return all
}

// CacheStats are the figures of a cache.
type CacheStats struct {
	Entries   int
	Published uint64 // updates
	Skipped   uint64 // snapshots that said nothing new
}

// Stats returns a snapshot.
func (c *Cache[T, S]) Stats() CacheStats {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return CacheStats{Entries: len(c.byID), Published: c.published, Skipped: c.skipped}
}
