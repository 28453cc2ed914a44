package stasis

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is what topics promise, written down as plainly as possible: graph walks and lists, no sharing.
type model struct {
	topics  []*Topic[string]
	edges   []edge
	subs    []*modelSub
	lastID  map[*Topic[string]]int
	overrun map[*Topic[string]]uint64
}

type edge struct {
	from, to *Topic[string]
	forward  *Forward[string]
}

type modelSub struct {
	sub      *Subscription[string]
	id       string
	even     bool // takes only messages of even length
	limit    int
	queue    []string
	err      error
	leaving  bool
	filtered uint64
}

// reach is in the order of the breadth-first walk: it shows in the order of announcements, of which nothing is promised.
func (m *model) reach(from *Topic[string]) []*Topic[string] {
	found := []*Topic[string]{from}
	for i := 0; i < len(found); i++ {
		for _, e := range m.edges {
			if e.from == found[i] && !slices.Contains(found, e.to) {
				found = append(found, e.to)
			}
		}
	}
	return found
}

func (m *model) publish(t *Topic[string], msgs ...string) {
	var cut []*modelSub
	for _, to := range m.reach(t) {
		for _, s := range m.subs {
			if s.sub.topic == to && s.offer(msgs) {
				cut = append(cut, s)
				m.overrun[to]++
			}
		}
	}
	for _, s := range cut {
		m.announce(s, "cut "+s.id)
	}
}

func (s *modelSub) offer(msgs []string) (cut bool) {
	if s.err != nil || s.leaving {
		return false
	}
	room := len(s.queue) < s.limit
	for _, msg := range msgs {
		switch {
		case s.even && len(msg)%2 == 1:
			s.filtered++
		case !room:
			s.err, s.queue = ErrOverflow, nil
			return true
		default:
			s.queue = append(s.queue, msg)
		}
	}
	return false
}

// announcing topics are those with an even number.
func (m *model) announce(s *modelSub, msg string) {
	if slices.Index(m.topics, s.sub.topic)%2 == 0 {
		m.publish(s.sub.topic, msg)
	}
}

func announcement(c Change) string {
	switch {
	case c.Kind == Subscribed:
		return "new " + c.Subscription
	case c.Err == ErrOverflow:
		return "cut " + c.Subscription
	}
	return "end " + c.Subscription
}

func (m *model) subscribe(r *rand.Rand) {
	t := m.topics[r.IntN(len(m.topics))]
	s := &modelSub{limit: 1 + r.IntN(20), even: r.IntN(3) == 0}
	m.lastID[t]++
	s.id = fmt.Sprintf("%s-%d", t.Name(), m.lastID[t])
	if s.even {
		s.sub = t.Select(s.limit, func(msg string) bool { return len(msg)%2 == 0 })
	} else {
		s.sub = t.Subscribe(s.limit)
	}
	m.subs = append(m.subs, s)
	m.announce(s, "new "+s.id)
}

func (m *model) forward(r *rand.Rand) {
	from, to := m.topics[r.IntN(len(m.topics))], m.topics[r.IntN(len(m.topics))]
	f := from.Forward(to)
	if from != to {
		m.edges = append(m.edges, edge{from, to, f})
	}
}

func (m *model) cancel(r *rand.Rand) {
	if len(m.edges) == 0 {
		return
	}
	e := m.edges[r.IntN(len(m.edges))]
	e.forward.Cancel()
	e.forward.Cancel()
	// Of two equal forwards it does not matter which is gone, but the walk sees the place.
	first := slices.IndexFunc(m.edges, func(x edge) bool { return x.from == e.from && x.to == e.to })
	i := slices.Index(m.edges, e)
	m.edges[i].forward = m.edges[first].forward
	m.edges = slices.Delete(m.edges, first, first+1)
}

func (m *model) end(r *rand.Rand) {
	if len(m.subs) == 0 {
		return
	}
	s := m.subs[r.IntN(len(m.subs))]
	was, left := s.err, s.leaving
	if r.IntN(2) == 0 {
		s.sub.Close()
		if s.err == nil {
			s.err, s.queue = ErrClosed, nil
		}
	} else {
		s.sub.Unsubscribe()
		s.leaving = true
		if was == nil && !left && slices.Index(m.topics, s.sub.topic)%2 == 0 {
			s.queue = append(s.queue, "end "+s.id)
		}
	}
	if was == nil && !left {
		m.announce(s, "end "+s.id)
	}
}

func (m *model) take(t *testing.T, r *rand.Rand) {
	if len(m.subs) == 0 {
		return
	}
	s := m.subs[r.IntN(len(m.subs))]
	if s.err == nil && s.leaving && len(s.queue) == 0 {
		s.err = ErrClosed
	}
	got, err := s.sub.Take(nil)
	if !slices.Equal(got, s.queue) || err != s.err {
		t.Fatalf("took %q, %v from %s, want %q, %v", got, err, s.id, s.queue, s.err)
	}
	s.queue = nil
}

func (m *model) check(t *testing.T) {
	t.Helper()
	for _, s := range m.subs {
		if got, err := s.sub.Peek(); !slices.Equal(got, s.queue) || err != s.err {
			t.Fatalf("%s has %q, %v, want %q, %v", s.id, got, err, s.queue, s.err)
		}
		if st := s.sub.Stats(); st.Filtered != s.filtered || st.ID != s.id || st.Len != len(s.queue) {
			t.Fatalf("%s: %+v, want %d filtered, %d queued", s.id, st, s.filtered, len(s.queue))
		}
	}
	for _, topic := range m.topics {
		own, audience := 0, 0
		for _, s := range m.subs {
			alive := s.err == nil && !s.leaving
			if alive && s.sub.topic == topic {
				own++
			}
			if alive && slices.Contains(m.reach(topic), s.sub.topic) {
				audience++
			}
		}
		if st := topic.Stats(); st.Subscribers != own || st.Audience != audience || st.Overflows != m.overrun[topic] {
			t.Fatalf("%s: %+v, want %d of its own, %d in all, %d overflows", topic.Name(), st, own, audience, m.overrun[topic])
		}
	}
}

func TestRandomGraphsBehaveAsTheModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		m := &model{lastID: map[*Topic[string]]int{}, overrun: map[*Topic[string]]uint64{}}
		for i := range 2 + r.IntN(6) {
			topic := NewTopic[string](fmt.Sprintf("t%d", i))
			if i%2 == 0 {
				topic.Announce(announcement)
			}
			m.topics = append(m.topics, topic)
		}
		for step := range 200 {
			switch n := r.IntN(20); {
			case n < 3:
				m.subscribe(r)
			case n < 5:
				m.forward(r)
			case n < 6:
				m.cancel(r)
			case n < 7:
				m.end(r)
			case n < 10:
				m.take(t, r)
			default:
				topic := m.topics[r.IntN(len(m.topics))]
				msgs := slices.Repeat([]string{fmt.Sprint(step)}, 1+r.IntN(3))
				topic.Publish(msgs...)
				m.publish(topic, msgs...)
			}
			if m.check(t); t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
	}
}
