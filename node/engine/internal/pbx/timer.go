package pbx

import (
	"container/heap"
	"time"
)

// timer is something to run at a moment. Those of one moment run in the order in which they were set.
type timer struct {
	at    time.Time
	seq   uint64
	index int // in the heap, -1 outside
	run   func()
}

type timers struct {
	heap timerHeap
	seq  uint64
}

// after runs a task after d.
func (p *PBX) after(d time.Duration, run func()) *timer {
	p.timers.seq++
	t := &timer{at: p.now.Add(max(d, 0)), seq: p.timers.seq, run: run}
	heap.Push(&p.timers.heap, t)
	return t
}

// stop takes a timer back. It may be nil, or have run.
func (p *PBX) stop(t *timer) {
	if t != nil && t.index >= 0 {
		heap.Remove(&p.timers.heap, t.index)
	}
}

// pop returns the first timer that is due, nil if there is none.
func (t *timers) pop(now time.Time) *timer {
	if len(t.heap) == 0 || t.heap[0].at.After(now) {
		return nil
	}
	return heap.Pop(&t.heap).(*timer)
}

func (t *timers) next() time.Time {
	if len(t.heap) == 0 {
		return time.Time{}
	}
	return t.heap[0].at
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h, t.index = old[:len(old)-1], -1
	return t
}
