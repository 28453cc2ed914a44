package stasis

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func drain[T any](t *testing.T, s *Subscription[T]) []T {
	t.Helper()
	got, err := s.Take(nil)
	if err != nil {
		t.Fatalf("%s: %v", s.ID(), err)
	}
	return got
}

func TestForwardSharesSubscriptionsOfNowAndLater(t *testing.T) {
	t.Parallel()
	channel, all, manager := NewTopic[int]("channel:all/1"), NewTopic[int]("channel:all"), NewTopic[int]("manager")
	now := manager.Subscribe(10)
	first := channel.Forward(all)
	channel.Publish(1)
	second := all.Forward(manager) // upward of who is forwarded already
	later := manager.Subscribe(10)
	channel.Publish(2)
	all.Publish(3)
	manager.Publish(4)
	first.Cancel()
	channel.Publish(5)
	all.Publish(6)
	second.Cancel()
	all.Publish(7)
	if x, y := drain(t, now), drain(t, later); !slices.Equal(x, []int{2, 3, 4, 6}) || !slices.Equal(y, x) {
		t.Fatalf("got %v and %v", x, y)
	}
	if st := channel.Stats(); st.Published != 3 || st.Unheard != 2 || st.Forwards != 0 {
		t.Fatalf("stats %+v", st)
	}
}

func TestCirclesAndSecondWaysDeliverOnce(t *testing.T) {
	t.Parallel()
	a, b, c := NewTopic[int]("a"), NewTopic[int]("b"), NewTopic[int]("c")
	a.Forward(a).Cancel()
	a.Forward(b)
	b.Forward(c)
	c.Forward(a)
	twice := a.Forward(c)
	s := c.Subscribe(10)
	a.Publish(1)
	twice.Cancel()
	twice.Cancel()
	a.Publish(2)
	if got := drain(t, s); !slices.Equal(got, []int{1, 2}) {
		t.Fatalf("got %v", got)
	}
}

func TestHandlersAreForwardedToo(t *testing.T) {
	t.Parallel()
	manager := NewTopic[int]("manager")
	sum, calls := 0, 0
	var inside atomic.Bool
	manager.Handle(func(msgs []int) {
		if !inside.CompareAndSwap(false, true) {
			t.Error("two calls at a time")
		}
		defer inside.Store(false)
		runtime.Gosched()
		calls++
		for _, m := range msgs {
			sum += m
		}
	})
	pool := NewPool(manager)
	var wg sync.WaitGroup
	for i := range 4 {
		topic := pool.Topic(fmt.Sprint(i))
		wg.Go(func() {
			for range 1000 {
				topic.Publish(1, 2)
			}
		})
	}
	wg.Wait()
	if sum != 12_000 || calls != 4000 {
		t.Fatalf("%d in %d calls", sum, calls)
	}
}

// asterisk/asterisk:main/stasis.c publish_msg: what BridgeLeave before Hangup rests on.
func TestCausalityHoldsAcrossTopics(t *testing.T) {
	t.Parallel()
	const calls, publishers = 2000, 3
	manager := NewTopic[[2]int]("manager")
	channels, bridges := NewPool(NewTopic[[2]int]("channel:all")), NewPool(NewTopic[[2]int]("bridge:all"))
	channels.Parent().Forward(manager)
	bridges.Parent().Forward(manager)
	subs := []*Subscription[[2]int]{manager.Subscribe(1 << 20), manager.Subscribe(1 << 20)}
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range calls {
				name := fmt.Sprint(p, "-", i)
				channels.Topic(name).Publish([2]int{p, 3 * i})
				bridges.Topic(fmt.Sprint(i % 7)).Publish([2]int{p, 3*i + 1}) // shared with the others
				channels.Topic(name).Publish([2]int{p, 3*i + 2})
				channels.Delete(name)
			}
		})
	}
	wg.Wait()
	for _, s := range subs {
		var next [publishers]int
		for _, m := range drain(t, s) {
			if m[1] != next[m[0]] {
				t.Fatalf("publisher %d: got %d, want %d", m[0], m[1], next[m[0]])
			}
			next[m[0]]++
		}
		if next != [publishers]int{3 * calls, 3 * calls, 3 * calls} {
			t.Fatalf("incomplete: %v", next)
		}
	}
}

// Forwards, subscriptions and topics come and go while others publish: who stays misses nothing and sees each topic in order.
func TestShapeChangesUnderTraffic(t *testing.T) {
	t.Parallel()
	const messages = 5000
	sources := []*Topic[[2]int]{NewTopic[[2]int]("0"), NewTopic[[2]int]("1")}
	all, other := NewTopic[[2]int]("all"), NewTopic[[2]int]("other")
	for _, s := range sources {
		s.Forward(all)
	}
	stays := all.Subscribe(1 << 20)
	var publishers, changers sync.WaitGroup
	stop := make(chan struct{})
	for i, topic := range sources {
		publishers.Go(func() {
			for n := range messages {
				topic.Publish([2]int{i, n})
			}
		})
	}
	changers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			f, g := all.Forward(other), other.Forward(sources[0])
			s := other.Subscribe(1 << 20)
			all.Subscribe(1) // is cut
			got := drain(t, s)
			g.Cancel()
			f.Cancel()
			got = append(got, drain(t, s)...)
			s.Close()
			last := [2]int{-1, -1}
			for _, m := range got {
				if m[1] <= last[m[0]] || last[m[0]] >= 0 && m[1] != last[m[0]]+1 {
					t.Errorf("source %d: %d after %d", m[0], m[1], last[m[0]])
				}
				last[m[0]] = m[1]
			}
		}
	})
	publishers.Wait()
	close(stop)
	changers.Wait()
	var next [2]int
	for _, m := range drain(t, stays) {
		if m[1] != next[m[0]] {
			t.Fatalf("source %d: got %d, want %d", m[0], m[1], next[m[0]])
		}
		next[m[0]]++
	}
	if next != [2]int{messages, messages} {
		t.Fatalf("incomplete: %v", next)
	}
}

func TestPool(t *testing.T) {
	t.Parallel()
	pool := NewPool(NewTopic[int]("bridge:all"))
	s := pool.Parent().Subscribe(10)
	a := pool.Topic("a")
	if a != pool.Topic("a") || a.Name() != "bridge:all/a" || pool.Topic("b") == a || !slices.Equal(pool.Names(), []string{"a", "b"}) {
		t.Fatalf("%s among %v", a.Name(), pool.Names())
	}
	a.Publish(1)
	pool.Delete("a")
	pool.Delete("a")
	a.Publish(2)
	if _, ok := pool.Lookup("a"); ok || pool.Len() != 1 || pool.Topic("a") == a {
		t.Fatal("the deleted topic is still there")
	}
	if got := drain(t, s); !slices.Equal(got, []int{1}) {
		t.Fatalf("got %v", got)
	}
	if pool.Delete("a"); len(pool.Parent().upstream) != 1 {
		t.Fatalf("%d topics are remembered by their parent, want 1", len(pool.Parent().upstream))
	}
}

// Who subscribes and then reads what a handler keeps misses nothing: the message that the handler has not seen is still delivered.
func TestHandlersComeBeforeTheListOfSubscriptions(t *testing.T) {
	t.Parallel()
	topic, up := NewTopic[int]("topic"), NewTopic[int]("up")
	topic.Forward(up)
	var s *Subscription[int]
	topic.Handle(func([]int) { s = up.Subscribe(10) }) // as if another goroutine did so now
	topic.Publish(1)
	if got := drain(t, s); !slices.Equal(got, []int{1}) {
		t.Fatalf("got %v", got)
	}
}
