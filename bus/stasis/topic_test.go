package stasis

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSubscriptionsSeeOneOrder(t *testing.T) {
	t.Parallel()
	topic := NewTopic[int]("test")
	a, b := topic.Subscribe(100_000), topic.Subscribe(100_000)
	var handled []int
	topic.Handle(func(msgs []int) { handled = append(handled, msgs...) })
	var wg sync.WaitGroup
	for p := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				topic.Publish(p*1000+i, -1)
			}
		})
	}
	wg.Wait()
	x, _ := a.Take(nil)
	y, _ := b.Take(nil)
	if len(x) != 8000 || !slices.Equal(x, y) || !slices.Equal(x, handled) {
		t.Fatalf("orders differ or are incomplete: %d, %d, %d messages", len(x), len(y), len(handled))
	}
}

func TestOverflowClosesTheSlowOnly(t *testing.T) {
	t.Parallel()
	topic := NewTopic[int]("test")
	slow, fast := topic.Subscribe(2), topic.Subscribe(10)
	topic.Publish(1, 2)
	topic.Publish(3)
	if _, err := slow.Next(context.Background(), nil); !errors.Is(err, ErrOverflow) {
		t.Fatalf("slow subscription: %v, want ErrOverflow", err)
	}
	if got, err := fast.Next(context.Background(), nil); err != nil || !slices.Equal(got, []int{1, 2, 3}) {
		t.Fatalf("fast subscription: %v, %v", got, err)
	}
	if s := topic.Stats(); s.Overflows != 1 || s.Subscribers != 1 || s.Published != 3 {
		t.Fatalf("stats %+v", s)
	}
}

func TestABatchCutsNobodyWhoKeepsUp(t *testing.T) {
	t.Parallel()
	topic := NewTopic[int]("test")
	s := topic.Subscribe(2)
	topic.Publish(1, 2, 3, 4, 5)
	if got, err := s.Take(nil); err != nil || len(got) != 5 {
		t.Fatalf("got %v, %v", got, err)
	}
	topic.Publish(6)
	topic.Publish(7, 8, 9)
	topic.Publish(10) // 6 to 9 are still there
	if _, err := s.Take(nil); !errors.Is(err, ErrOverflow) {
		t.Fatalf("got %v, want ErrOverflow", err)
	}
}

func TestNextWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		topic := NewTopic[string]("test")
		s := topic.Subscribe(4)
		got := make(chan []string)
		go func() {
			msgs, _ := s.Next(context.Background(), nil)
			got <- msgs
		}()
		synctest.Wait() // it is waiting now
		topic.Publish("hello")
		if msgs := <-got; !slices.Equal(msgs, []string{"hello"}) {
			t.Fatalf("got %v", msgs)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := s.Next(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled Next: %v", err)
		}
		s.Close()
		topic.Publish("nobody")
		if _, err := s.Next(context.Background(), nil); !errors.Is(err, ErrClosed) {
			t.Fatalf("closed Next: %v", err)
		}
		if n := topic.Stats().Subscribers; n != 0 {
			t.Fatalf("%d subscribers left", n)
		}
	})
}

func TestPeekTakesNothing(t *testing.T) {
	t.Parallel()
	topic := NewTopic[int]("test")
	sub := topic.Subscribe(3)
	topic.Publish(1, 2)
	peeked, err := sub.Peek()
	topic.Publish(3)
	if got, _ := sub.Take(nil); err != nil || !slices.Equal(peeked, []int{1, 2}) || !slices.Equal(got, []int{1, 2, 3}) {
		t.Fatalf("peeked %v, %v, took %v", peeked, err, got)
	}
	topic.Publish(1, 2, 3)
	topic.Publish(4)
	if got, err := sub.Peek(); len(got) > 0 || !errors.Is(err, ErrOverflow) {
		t.Fatalf("peeked %v, %v", got, err)
	}
}

func TestEaseSeesWhoIsReachedByForwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		topic, up := NewTopic[int]("topic"), NewTopic[int]("up")
		topic.Forward(up)
		s := up.Subscribe(4)
		topic.Publish(1, 2, 3)
		began := time.Now()
		topic.Ease(t.Context(), time.Second)
		if waited := time.Since(began); waited != time.Second {
			t.Fatalf("a queue is more than half full, but it took %v, want 1s", waited)
		}
		drain(t, s)
		topic.Ease(t.Context(), time.Second)
		if waited := time.Since(began); waited != time.Second {
			t.Fatalf("the queue is empty, but it took %v more", waited-time.Second)
		}
	})
}
