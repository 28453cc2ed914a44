package merge

import "math"

// heap orders origins by what they hold back or offer: the first event of a non-empty queue, or, for an awaited origin without
// one, its mark. Releasing stops when a mark is on top: a blocker. At equal clocks events go first, since a mark at the event's
// own clock lets it pass.
type heap []*origin

func (h heap) less(a, b *origin) bool {
	if a.key != b.key {
		return a.key < b.key
	}
	ae, be := a.queue.len() > 0, b.queue.len() > 0
	if ae != be {
		return ae
	}
	return a.node.Compare(*b.node) < 0
}

// place puts o where it belongs after a change, or takes it out.
func (m *Machine) place(o *origin) {
	in := true
	switch {
	case o.queue.len() > 0:
		o.key = o.queue.first().ev.HLC
		if o.queue.first().ev.Missing > 0 {
			o.key = math.MinInt64 // a gap waits for nobody
		} else if o.key-m.now.Wall > int64(m.cfg.MaxForward) && o.node != m.own.node {
			o.key = math.MinInt64 // a clock far ahead waits for nobody, and nobody for it
		} else {
			m.clk.observe(o.key, m.now.Wall) // it may have been too far ahead when it came; now the own clock must let it pass
		}
	case o.awaited:
		o.key = max(o.mark, m.floor.HLC)
	default:
		in = false
	}
	h := &m.heap
	switch {
	case in && o.at < 0:
		o.at = len(*h)
		*h = append(*h, o)
		h.up(o.at)
	case in:
		if !h.down(o.at) {
			h.up(o.at)
		}
	case o.at >= 0:
		h.remove(o.at)
	}
}

func (h *heap) remove(i int) {
	s := *h
	last := len(s) - 1
	s[i].at = -1
	if i != last {
		s[i] = s[last]
		s[i].at = i
	}
	s[last] = nil
	*h = s[:last]
	if i != last && !h.down(i) {
		h.up(i)
	}
}

func (h *heap) up(i int) {
	s := *h
	for i > 0 {
		p := (i - 1) / 2
		if !s.less(s[i], s[p]) {
			return
		}
		s.swap(i, p)
		i = p
	}
}

// down tells whether anything moved.
func (h *heap) down(i int) bool {
	s := *h
	start := i
	for {
		c := 2*i + 1
		if c >= len(s) {
			break
		}
		if c+1 < len(s) && s.less(s[c+1], s[c]) {
			c++
		}
		if !s.less(s[c], s[i]) {
			break
		}
		s.swap(i, c)
		i = c
	}
	return i > start
}

func (h heap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}
