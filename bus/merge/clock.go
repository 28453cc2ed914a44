package merge

import "slices"

const (
	// follow is how far the wall clock may be off what we believe and still be followed at once: drift, and small corrections.
	follow = int64(20e6)
	// giveUp is a difference that nobody should wait for: the machine was asleep, or its clock was set for the first time.
	giveUp = int64(60e9)
	// slewShare: a wrong clock is led back by one nanosecond in so many.
	slewShare = 4
	// maxSkew is how far our clock may be off that of the others before it is corrected.
	maxSkew = int64(500e6)
	// skewTime is for how long it must have been: a node that was frozen reads old messages for a moment.
	skewTime = int64(1e9)
	// alone is how long a correction outlives those it was made after.
	alone = int64(600e9)
)

// clock is a hybrid logical clock: strictly increasing, never behind a remote clock it has believed, and else as the wall clock has it.
//
// The wall clock is not taken at its word: when it jumps against the monotonic clock, or is found to differ from those of the other
// nodes, the clock of the events is led to where it should be, slower or faster than time but never in a jump. Else a clock that is
// set would make the events of its node, or those of all others, late. Nanoseconds.
type clock struct {
	last       int64
	maxForward int64
	refused    uint64 // remote clocks too far ahead

	started bool
	at      int64 // mono of the last reading
	off     int64 // what is believed of wall - mono
	adjust  int64 // what the others say must be added to the wall clock
	wall    int64 // wall - mono, as last read
	since   int64 // mono since when the others have disagreed; 0 if they do not
	skewed  bool  // that has been told
	heard   int64 // mono of the last time anybody was there to compare with
}

// read returns the time the clock believes it is.
func (c *clock) read(t Time) int64 {
	c.wall = t.Wall - t.Mono
	if !c.started {
		c.started, c.at, c.off = true, t.Mono, c.wall
	}
	most := (t.Mono - c.at) / slewShare
	c.at = t.Mono
	if d := c.wall + c.adjust - c.off; max(d, -d) <= follow || max(d, -d) >= giveUp {
		c.off += d
	} else {
		c.off += max(min(d, most), -most)
	}
	return t.Mono + c.off
}

// error is how far the clock still is from where it is led.
func (c *clock) error() int64 { return c.wall + c.adjust - c.off }

// jump sets the clock off by d at once, and keeps the wall clock corrected by that much.
func (c *clock) jump(d int64) {
	c.off += d
	c.adjust = c.off - c.wall
}

// compare learns how far the clocks of others are ahead of ours. It tells whether ours is to be corrected from now on, and by how much.
func (c *clock) compare(ahead []int64) (skewed bool, by int64) {
	if len(ahead) == 0 {
		if c.since = 0; c.at-c.heard > alone {
			c.adjust = 0 // the wall clock is all there is, and may have been set right meanwhile
		}
		return false, 0
	}
	c.heard = c.at
	d := lowerMedian(append(ahead, 0))
	switch {
	case max(d, -d) <= maxSkew:
		c.since, c.skewed = 0, false
		return false, 0
	case c.since == 0:
		c.since = max(c.at, 1)
		return false, 0
	case c.at-c.since < skewTime:
		return false, 0
	}
	begun := !c.skewed
	c.adjust, c.skewed = c.off+d-c.wall, true
	return begun, d
}

// lowerMedian is the clock that all agree on: whoever has it sees no difference, and of two nodes it is the one that is behind.
func lowerMedian(all []int64) int64 {
	slices.Sort(all)
	return all[(len(all)-1)/2]
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
