package stasis

// stage holds back the snapshots of one thing.
type stage[T, S any] struct {
	depth  int
	topic  *Topic[T] // of the newest
	newest *S        // nil: none was published
}

// Stage holds back the snapshots of a thing until the returned function is called: then the newest is published, as one change. Stages of
// the same thing may lie within each other; the last to end publishes. A second call of the function does nothing.
func (c *Cache[T, S]) Stage(id string) (done func()) {
	c.publish.Lock()
	defer c.publish.Unlock()
	st, ok := c.staged[id]
	if !ok {
		st = &stage[T, S]{}
		c.staged[id] = st
	}
	st.depth++
	ended := false
	return func() {
		c.publish.Lock()
		defer c.publish.Unlock()
		if ended || c.staged[id] != st {
			return // the thing is gone, and perhaps another has its id
		}
		ended = true
		if st.depth--; st.depth > 0 {
			return
		}
		delete(c.staged, id)
		if st.newest != nil {
			c.put(st.topic, st.newest)
		}
	}
}
