package merge

// clock is a hybrid logical clock: strictly increasing, never behind the wall clock, never behind a remote clock it has
// believed. Nanoseconds.
type clock struct {
	last       int64
	maxForward int64
	refused    uint64 // remote clocks too far ahead
}

// stamp returns the clock for a new event.
func (c *clock) stamp(wall int64) int64 {
	c.last = max(wall, c.last+1)
	return c.last
}

// mark returns a value that every later stamp exceeds.
func (c *clock) mark(wall int64) int64 {
	c.last = max(wall, c.last)
	return c.last
}

// observe raises the clock to a remote one, unless that is too far ahead of the wall clock.
func (c *clock) observe(remote, wall int64) {
	if remote <= c.last {
		return
	}
	if remote-wall > c.maxForward {
		c.refused++
		return
	}
	c.last = remote
}
