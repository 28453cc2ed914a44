package stasis

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

const takeEvery = 256 // messages

// floor is the time of a bare mutex and append for each message, with the queue handed over now and then.
func floor(n int) time.Duration {
	var mu sync.Mutex
	var queue, spare []int
	began := time.Now()
	for i := range n {
		mu.Lock()
		queue = append(queue, i)
		mu.Unlock()
		if i%takeEvery == takeEvery-1 {
			mu.Lock()
			queue, spare = spare[:0], queue
			mu.Unlock()
		}
	}
	return time.Since(began)
}

// report prints how many floors a message costs, the floor measured in the same run.
func report(b *testing.B) {
	b.StopTimer()
	const n = 10_000_000
	each := float64(b.Elapsed()) / float64(b.N)
	b.ReportMetric(each*n/float64(floor(n)), "floors")
	b.ReportMetric(1e9/each/1e6, "Mmsg/s")
}

func BenchmarkPublishTake(b *testing.B) {
	topic := NewTopic[int]("bench")
	s := topic.Subscribe(1 << 20)
	publishTake(b, topic, s)
}

// BenchmarkForward is topic → forward → subscriber, as from a channel by channel:all to the manager.
func BenchmarkForward(b *testing.B) {
	manager := NewTopic[int]("manager")
	pool := NewPool(NewTopic[int]("channel:all"))
	pool.Parent().Forward(manager)
	publishTake(b, pool.Topic("1"), manager.Subscribe(1<<20))
}

func BenchmarkForwardSelective(b *testing.B) {
	manager, topic := NewTopic[int]("manager"), NewTopic[int]("topic")
	topic.Forward(manager)
	publishTake(b, topic, manager.Select(1<<20, func(m int) bool { return m >= 0 }))
}

func BenchmarkForwardHandler(b *testing.B) {
	manager, topic := NewTopic[int]("manager"), NewTopic[int]("topic")
	topic.Forward(manager)
	sum := 0
	manager.Handle(func(msgs []int) { sum += len(msgs) })
	publishTake(b, topic, manager.Subscribe(1<<20))
}

func publishTake(b *testing.B, topic *Topic[int], s *Subscription[int]) {
	var spare []int
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		topic.Publish(i)
		if i%takeEvery == takeEvery-1 {
			spare, _ = s.Take(spare)
		}
	}
	report(b)
}

func BenchmarkRouter(b *testing.B) {
	topic := NewTopic[int]("topic")
	r := NewRouter(topic, 1<<20, func(m int) int { return m % 8 })
	sum := 0
	for kind := range 8 {
		r.Route(kind, func(int) { sum++ })
	}
	var spare []int
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		topic.Publish(i)
		if i%takeEvery == takeEvery-1 {
			spare, _ = r.sub.Take(spare)
			r.handle(spare)
		}
	}
	report(b)
}

func BenchmarkCache(b *testing.B) {
	c, topic := newTestCache(), NewTopic[Update[snapshot]]("all")
	s := topic.Subscribe(1 << 20)
	snapshots := [2]*snapshot{{"1", "a", "up"}, {"1", "a", "down"}}
	var spare []Update[snapshot]
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Publish(topic, snapshots[i%2])
		if i%takeEvery == takeEvery-1 {
			spare, _ = s.Take(spare)
		}
	}
	report(b)
}

// BenchmarkPoolChild is what a channel costs beside its messages, with 10,000 others.
func BenchmarkPoolChild(b *testing.B) {
	pool := NewPool(NewTopic[int]("channel:all"))
	pool.Parent().Forward(NewTopic[int]("manager"))
	for i := range 10_000 {
		pool.Topic(fmt.Sprint(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		pool.Topic("x").Publish(1)
		pool.Delete("x")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	manager, topic := NewTopic[int]("manager"), NewTopic[int]("topic")
	topic.Forward(manager)
	manager.Handle(func([]int) {})
	r := NewRouter(manager, 100, func(m int) int { return m })
	r.Route(1, func(int) {})
	s := manager.Subscribe(100)
	var spare, spare2 []int
	if n := testing.AllocsPerRun(1000, func() {
		topic.Publish(1)
		topic.Publish(1, 2, 3)
		spare, _ = s.Take(spare)
		spare2, _ = r.sub.Take(spare2)
		r.handle(spare2)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
