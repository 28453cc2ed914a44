package merge

import "time"

// A node for which nothing happens rests: it sends marks seldom, and says so in its frames, so that nobody takes that for silence.
// Nothing is lost by it: an event wakes everybody it reaches, and they owe it a mark at once.
const (
	restAfter = int64(2 * time.Second)        // without an event, or anything else that wants marks, before it says so
	restDelay = int64(500 * time.Millisecond) // between saying and doing so: one such frame may be lost
	restMark  = int64(time.Second)            // between marks then
)

// stir ends the rest, or puts it off.
func (m *Machine) stir() { m.active = m.now.Mono }

// promise is how long this node may be silent from now on, as its frames say it; 0 if it does not rest.
func (m *Machine) promise() int64 {
	if m.now.Mono-m.active > restAfter {
		return restMark
	}
	return 0
}

// silence is for how long nothing has been heard of o although it should have spoken.
func (m *Machine) silence(o *origin) int64 { return m.now.Mono - m.due(o) }

// due is the mono time up to which o had no reason to speak. One that rests has reason as soon as anything waits for it.
func (m *Machine) due(o *origin) int64 {
	switch {
	case o.rests == 0:
		return o.heard
	case m.queued == 0:
		return o.heard + o.rests
	}
	return max(o.heard, m.waiting)
}
